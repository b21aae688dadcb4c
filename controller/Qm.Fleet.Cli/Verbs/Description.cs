using Qm.Fleet.Cli.Output;
using Qm.Fleet.V1;

namespace Qm.Fleet.Cli.Verbs;

/// <summary>Pieces of a description: a field in a line, and sections of lines in columns.</summary>
internal static class Description
{
    internal static void Field(TextWriter writer, string name, string value) => writer.WriteLine($"{name,-12} {PlainText.Of(value)}");

    /// <summary>A title and rows below it in columns; nothing when there are no rows.</summary>
    internal static void Section(TextWriter writer, string title, IEnumerable<string[]> rows)
    {
        var all = rows.Select(row => row.Select(PlainText.Of).ToArray()).ToArray();
        if (all.Length == 0)
        {
            return;
        }

        writer.WriteLine(title);
        var widths = Enumerable.Range(0, all[0].Length).Select(column => all.Max(row => row[column].Length)).ToArray();
        foreach (var row in all)
        {
            writer.WriteLine(("  " + string.Join("  ", row.Select((cell, column) => cell.PadRight(widths[column])))).TrimEnd());
        }
    }

    /// <summary>Since when each condition is as it is, and why.</summary>
    internal static void Conditions(TextWriter writer, IEnumerable<Condition> conditions, DateTimeOffset now) => Section(writer, "Conditions", conditions.Select(
        condition => (string[])[condition.Type, condition.Status.ToString(), Durations.Since(condition.Since, now), Sentence(condition.Reason, condition.Message)]));

    /// <summary>A word and what it means; either may be missing.</summary>
    internal static string Sentence(string word, string message) => word.Length > 0 && message.Length > 0 ? $"{word}: {message}" : word + message;

    internal static string Or(string? text) => text is { Length: > 0 } ? text : "-";
}
