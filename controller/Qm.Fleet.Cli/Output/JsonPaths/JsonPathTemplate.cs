using System.Text;
using System.Text.Json.Nodes;

namespace Qm.Fleet.Cli.Output.JsonPaths;

/// <summary>A text with paths in braces, as kubectl's -o jsonpath takes it: {.a.b}, {"\n"}, {range .items[*]}...{end}.</summary>
internal sealed class JsonPathTemplate
{
    private const int MaxDepth = 16;

    private readonly IReadOnlyList<Part> _parts;

    private JsonPathTemplate(IReadOnlyList<Part> parts) => _parts = parts;

    /// <summary>Reads a template; one without braces is a path, such as .metadata.name.</summary>
    /// <exception cref="JsonPathException">It is none.</exception>
    internal static JsonPathTemplate Parse(string text)
    {
        if (!text.Contains('{', StringComparison.Ordinal))
        {
            return new([new Part.Values(JsonPath.Parse(text))]);
        }

        var parser = new JsonPathParser(text);
        var parts = ReadParts(parser, 0);
        return parser.IsAtEnd ? new(parts) : throw parser.Wrong("{end} without {range}");
    }

    /// <summary>What it comes to; several values of one path stand a space apart, what is not there is empty.</summary>
    internal string Render(JsonNode root)
    {
        var text = new StringBuilder();
        Render(_parts, root, root, text);
        return text.ToString();
    }

    private static void Render(IReadOnlyList<Part> parts, JsonNode current, JsonNode root, StringBuilder text)
    {
        foreach (var part in parts)
        {
            switch (part)
            {
                case Part.Literal literal:
                    text.Append(literal.Text);
                    break;
                case Part.Values values:
                    text.AppendJoin(' ', values.Path.Select(current, root).Select(JsonPath.Text));
                    break;
                case Part.Range range:
                    foreach (var item in range.Path.Select(current, root))
                    {
                        Render(range.Body, item, root, text);
                    }

                    break;
            }
        }
    }

    // Up to the end of the text, or to an {end}, which is left for the range it closes.
    private static List<Part> ReadParts(JsonPathParser parser, int depth)
    {
        var parts = new List<Part>();
        while (!parser.IsAtEnd)
        {
            if (parser.Current != '{')
            {
                parts.Add(new Part.Literal(parser.ReadText()));
                continue;
            }

            parser.Expect('{');
            parser.SkipBlanks();
            if (parser.TakeWord("end"))
            {
                if (depth == 0)
                {
                    throw parser.Wrong("{end} without {range}");
                }

                return parts;
            }

            ReadBraces(parser, parts, depth);
        }

        return depth == 0 ? parts : throw parser.Wrong("expected {end} for each {range}");
    }

    private static void ReadBraces(JsonPathParser parser, List<Part> parts, int depth)
    {
        if (parser.TakeWord("range"))
        {
            if (depth == MaxDepth)
            {
                throw parser.Wrong("too many {range} in each other");
            }

            parser.SkipBlanks();
            var path = parser.ReadPath(isBare: false);
            Close(parser);
            var body = ReadParts(parser, depth + 1);
            Close(parser);
            parts.Add(new Part.Range(path, body));
            return;
        }

        do
        {
            parts.Add(parser.Current is '\'' or '"' ? new Part.Literal(parser.ReadQuoted()) : new Part.Values(parser.ReadPath(isBare: true)));
            parser.SkipBlanks();
        }
        while (parser.Current is not '}' && !parser.IsAtEnd);
        parser.Expect('}');
    }

    private static void Close(JsonPathParser parser)
    {
        parser.SkipBlanks();
        parser.Expect('}');
    }

    private abstract record Part
    {
        internal sealed record Literal(string Text) : Part;

        internal sealed record Values(JsonPath Path) : Part;

        internal sealed record Range(JsonPath Path, IReadOnlyList<Part> Body) : Part;
    }
}
