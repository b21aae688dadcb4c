using YamlDotNet.Core;
using YamlDotNet.Core.Events;

namespace Qm.Fleet.Cli.Manifests;

/// <summary>Reads YAML (and with it JSON) into trees with lines; what could be abused is refused before it is expanded.</summary>
internal sealed class YamlTree(List<ManifestProblem> problems)
{
    private const int MaxDepth = 32;

    private int _document;

    /// <summary>The documents of a text; a syntax error ends it, everything before stands.</summary>
    internal IReadOnlyList<ManifestNode> Read(string text)
    {
        var documents = new List<ManifestNode>();
        try
        {
            var parser = new Parser(new StringReader(text));
            parser.Consume<StreamStart>();
            while (parser.TryConsume<DocumentStart>(out _))
            {
                _document++;
                var node = ReadNode(parser, 0);
                parser.Consume<DocumentEnd>();
                documents.Add(node);
            }
        }
        catch (YamlException e)
        {
            problems.Add(new(Math.Max(_document, 1), (int)e.Start.Line, "", $"not YAML: {e.Message}"));
        }

        return documents;
    }

    private ManifestNode ReadNode(Parser parser, int depth)
    {
        var line = (int)parser.Current!.Start.Line;
        if (parser.TryConsume<AnchorAlias>(out var alias))
        {
            Refuse(line, $"*{alias.Value}: aliases are not allowed; write the value out");
            return new ManifestNode.Scalar("", true, line);
        }

        if (parser.Current is NodeEvent { Anchor.IsEmpty: false } anchored)
        {
            Refuse(line, $"&{anchored.Anchor}: anchors are not allowed; write the value out where it is needed");
        }

        if (depth > MaxDepth)
        {
            throw new YamlException(parser.Current.Start, parser.Current.End, $"nested deeper than {MaxDepth} levels");
        }

        if (parser.TryConsume<Scalar>(out var scalar))
        {
            return new ManifestNode.Scalar(scalar.Value, scalar.Style == ScalarStyle.Plain, line);
        }

        return parser.TryConsume<SequenceStart>(out _) ? ReadSequence(parser, line, depth) : ReadMapping(parser, line, depth);
    }

    private ManifestNode.Sequence ReadSequence(Parser parser, int line, int depth)
    {
        var items = new List<ManifestNode>();
        while (!parser.TryConsume<SequenceEnd>(out _))
        {
            items.Add(ReadNode(parser, depth + 1));
        }

        return new(items, line);
    }

    private ManifestNode.Mapping ReadMapping(Parser parser, int line, int depth)
    {
        parser.Consume<MappingStart>();
        var entries = new List<(ManifestNode.Scalar, ManifestNode)>();
        var seen = new Dictionary<string, int>(StringComparer.Ordinal);
        while (!parser.TryConsume<MappingEnd>(out _))
        {
            var key = ReadNode(parser, depth + 1);
            var value = ReadNode(parser, depth + 1);
            if (key is not ManifestNode.Scalar name)
            {
                Refuse(key.Line, "a key must be text");
            }
            else if (name.Text == "<<")
            {
                Refuse(key.Line, "merge keys (<<) are not allowed; write the values out");
            }
            else if (!seen.TryAdd(name.Text, name.Line))
            {
                Refuse(key.Line, $"\"{name.Text}\" stands twice, first on line {seen[name.Text]}");
            }
            else
            {
                entries.Add((name, value));
            }
        }

        return new(entries, line);
    }

    private void Refuse(int line, string message) => problems.Add(new(_document, line, "", message));
}
