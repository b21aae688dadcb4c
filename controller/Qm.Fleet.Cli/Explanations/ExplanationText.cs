namespace Qm.Fleet.Cli.Explanations;

/// <summary>Fields and their comments, for people.</summary>
internal static class ExplanationText
{
    private const int Width = 100;

    // Types that hold themselves would go on for ever.
    private const int MaxDepth = 8;

    /// <summary>The field, its comment, and the fields below it; with their own below them when asked for.</summary>
    internal static IEnumerable<string> Lines(Explanation explanation, FieldTree tree, bool isRecursive)
    {
        yield return $"{explanation.Path} <{explanation.Type}>";
        foreach (var line in Wrap(explanation.Comment, "  "))
        {
            yield return line;
        }

        foreach (var (name, comment) in explanation.Words?.Values ?? [])
        {
            yield return $"  {name}";
            foreach (var line in Wrap(comment, "    "))
            {
                yield return line;
            }
        }

        if (explanation.Message is { Fields.Count: > 0 } message)
        {
            yield return "";
            yield return "Fields";
            foreach (var line in Fields(message, tree, "  ", isRecursive ? MaxDepth : 1, []))
            {
                yield return line;
            }
        }
    }

    private static IEnumerable<string> Fields(ExplainedMessage message, FieldTree tree, string indent, int depth, IReadOnlyList<ExplainedMessage> above)
    {
        foreach (var field in message.Fields)
        {
            yield return $"{indent}{field.Name} <{field.Type}>";
            foreach (var line in Wrap(field.Comment, indent + "  "))
            {
                yield return line;
            }

            if (depth > 1 && tree.Below(field) is { } below && !above.Contains(below))
            {
                foreach (var line in Fields(below, tree, indent + "  ", depth - 1, [.. above, message]))
                {
                    yield return line;
                }
            }
        }
    }

    private static IEnumerable<string> Wrap(string comment, string indent)
    {
        var line = indent;
        foreach (var word in comment.Split([' ', '\n'], StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries))
        {
            if (line.Length > indent.Length && line.Length + 1 + word.Length > Width)
            {
                yield return line;
                line = indent;
            }

            line += line.Length == indent.Length ? word : " " + word;
        }

        if (line.Length > indent.Length)
        {
            yield return line;
        }
    }
}
