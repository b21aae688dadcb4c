namespace Qm.Fleet.Cli.Verbs;

/// <summary>One label to be added, changed or removed.</summary>
/// <param name="Key">The label.</param>
/// <param name="Value">What it shall be; null to remove it.</param>
internal sealed record LabelChange(string Key, string? Value)
{
    /// <summary>Whether a word is KEY=VALUE or KEY-, and not a resource.</summary>
    internal static bool IsOne(string word) => word.Contains('=', StringComparison.Ordinal) || (word.Length > 1 && word.EndsWith('-'));

    /// <summary>Reads KEY=VALUE and KEY-.</summary>
    /// <exception cref="CliException">One is neither, one stands twice, or there is none; all problems at once.</exception>
    internal static IReadOnlyList<LabelChange> ParseAll(IEnumerable<string> words)
    {
        var (changes, problems) = (new List<LabelChange>(), new List<string>());
        foreach (var word in words)
        {
            var equals = word.IndexOf('=', StringComparison.Ordinal);
            var change = !IsOne(word) || equals == 0 ? null : equals > 0 ? new LabelChange(word[..equals], word[(equals + 1)..]) : new LabelChange(word[..^1], null);
            if (change is null)
            {
                problems.Add($"{word}: expected KEY=VALUE to set a label, or KEY- to remove it");
            }
            else if (changes.Exists(known => known.Key == change.Key))
            {
                problems.Add($"{word}: label {change.Key} stands twice");
            }
            else
            {
                changes.Add(change);
            }
        }

        if (changes.Count == 0 && problems.Count == 0)
        {
            problems.Add("label: which one? Expected KEY=VALUE to set a label, or KEY- to remove it");
        }

        return problems.Count == 0 ? changes : throw new CliException(ExitCode.Invalid, string.Join('\n', problems));
    }
}
