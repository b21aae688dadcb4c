using YamlDotNet.Core;
using YamlDotNet.Core.Events;

namespace Qm.Fleet.Cli.Manifests;

/// <summary>Reads YAML (and with it JSON) into trees with lines; what could be abused is refused before it is expanded.</summary>
internal sealed class YamlTree(List<ManifestProblem> problems)
{
    /// <summary>How many mappings and lists may lie in each other.</summary>
    internal const int MaxDepth = 32;

    /// <summary>How many documents were begun.</summary>
    internal int Documents { get; private set; }

    /// <summary>The documents of a text with their numbers, from 1; a syntax error ends it, everything before stands.</summary>
    internal IReadOnlyList<(int Document, ManifestNode Root)> Read(string text)
    {
        var documents = new List<(int, ManifestNode)>();
        var parser = new Parser(new StringReader(text));
        try
        {
            parser.Consume<StreamStart>();
            while (parser.TryConsume<DocumentStart>(out _))
            {
                Documents++;
                var root = ReadNode(parser, "", 0);
                parser.Consume<DocumentEnd>();
                documents.Add((Documents, root));
            }
        }
        catch (MaximumRecursionLevelReachedException e)
        {
            Refuse((int)e.Start.Line, "", e.Message);
        }
        catch (YamlException e)
        {
            // The start is where the broken construct begins, the end is where it breaks; for a tab both may be the file's start.
            var line = (int)Math.Max(e.End.Line, LineOf(parser));
            var tab = e.Message.Contains("tab", StringComparison.Ordinal) ? LineOfTab(text, line) : null;
            Refuse(tab ?? line, "", tab is null ? $"not YAML: {e.Message.TrimEnd('.')}" : "not YAML: a tab in the indentation; YAML wants spaces");
        }
        catch (Exception e) when (e is InvalidOperationException or ArgumentException)
        {
            // The parser's own words for a bracket that is never closed, or a tag with a forbidden letter, mean nothing to a person.
            Refuse((int)LineOf(parser), "", "not YAML: cannot be read from about here on; is every [, { and quote closed?");
        }

        return documents;
    }

    private static long LineOf(Parser parser) => Math.Max(parser.Current?.Start.Line ?? 1, 1);

    private static int? LineOfTab(string text, int from)
    {
        var lines = text.Split('\n');
        var index = Array.FindIndex(lines, Math.Min(from, lines.Length) - 1, line => line.AsSpan(0, line.Length - line.AsSpan().TrimStart().Length).Contains('\t'));
        return index < 0 ? null : index + 1;
    }

    private ManifestNode ReadNode(Parser parser, string path, int depth)
    {
        var line = (int)parser.Current!.Start.Line;
        if (parser.TryConsume<AnchorAlias>(out var alias))
        {
            Refuse(line, path, $"*{alias.Value}: aliases are not allowed; write the value out");
            return new ManifestNode.Scalar("", true, line);
        }

        if (parser.Current is NodeEvent { Anchor.IsEmpty: false } anchored)
        {
            Refuse(line, path, $"&{anchored.Anchor}: anchors are not allowed; write the value out where it is needed");
        }

        if (parser.Current is NodeEvent { Tag: { IsEmpty: false, IsNonSpecific: false } tag })
        {
            Refuse(line, path, $"{tag}: tags are not allowed; write the plain value");
        }

        if (parser.TryConsume<Scalar>(out var scalar))
        {
            return new ManifestNode.Scalar(scalar.Value, scalar.Style == ScalarStyle.Plain, line);
        }

        if (depth == MaxDepth)
        {
            throw new MaximumRecursionLevelReachedException(parser.Current.Start, parser.Current.End, $"nested deeper than {MaxDepth} levels");
        }

        return parser.TryConsume<SequenceStart>(out _) ? ReadSequence(parser, path, line, depth + 1) : ReadMapping(parser, path, line, depth + 1);
    }

    private ManifestNode.Sequence ReadSequence(Parser parser, string path, int line, int depth)
    {
        var items = new List<ManifestNode>();
        while (!parser.TryConsume<SequenceEnd>(out _))
        {
            items.Add(ReadNode(parser, $"{path}[{items.Count}]", depth));
        }

        return new(items, line);
    }

    private ManifestNode.Mapping ReadMapping(Parser parser, string path, int line, int depth)
    {
        parser.Consume<MappingStart>();
        var entries = new List<(ManifestNode.Scalar, ManifestNode)>();
        var seen = new Dictionary<string, int>(StringComparer.Ordinal);
        while (!parser.TryConsume<MappingEnd>(out _))
        {
            var key = ReadNode(parser, path, depth);
            var name = key as ManifestNode.Scalar;
            var at = name is null ? path : FieldPath.Of(path, name.Text);
            var value = ReadNode(parser, at, depth);
            if (name is null)
            {
                Refuse(key.Line, path, "a key must be text");
            }
            else if (name is { Text: "<<", IsPlain: true })
            {
                Refuse(key.Line, path, "merge keys (<<) are not allowed; write the values out");
            }
            else if (seen.TryGetValue(name.Text, out var first))
            {
                Refuse(key.Line, at, $"stands twice, first on line {first}");
            }
            else
            {
                seen.Add(name.Text, name.Line);
                entries.Add((name, value));
            }
        }

        return new(entries, line);
    }

    private void Refuse(int line, string path, string message) => problems.Add(new(Math.Max(Documents, 1), line, path, message));
}
