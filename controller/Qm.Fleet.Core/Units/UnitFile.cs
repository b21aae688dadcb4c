using System.Collections.Immutable;
using System.Text;

namespace Qm.Fleet.Core.Units;

/// <summary>One assignment of a unit file.</summary>
/// <param name="Section">Without brackets.</param>
/// <param name="Key">Left of the first <c>=</c>, trimmed.</param>
/// <param name="Value">Right of it, trimmed, continuation lines joined with a space for each backslash; empty resets a list.</param>
/// <param name="Line">Where it begins, from 1.</param>
/// <param name="Origin">The file it stands in.</param>
public sealed record UnitEntry(string Section, string Key, string Value, int Line, string Origin);

/// <summary>A unit file, quadlet or drop-in as text says it; nothing is interpreted (systemd.syntax(7)).</summary>
/// <param name="Origin">The file it was read from.</param>
/// <param name="Entries">Assignments in the order of the text.</param>
/// <param name="Problems">Lines that systemd ignores with a warning, and a header that makes it give up on the rest of the file.</param>
public sealed record UnitFile(string Origin, ImmutableArray<UnitEntry> Entries, ImmutableArray<string> Problems)
{
    private static readonly char[] Blanks = [' ', '\t', '\n', '\r'];
    private static readonly string[] LineEnds = ["\r\n", "\n", "\r", "\0"];

    /// <summary>Reads a unit file as systemd does; text that makes no sense becomes a problem, never an exception.</summary>
    /// <param name="text">The whole text; LF or CRLF, with or without a byte order mark.</param>
    /// <param name="origin">Its path, for messages and origins.</param>
    public static UnitFile Parse(string text, string origin)
    {
        var entries = ImmutableArray.CreateBuilder<UnitEntry>();
        var problems = ImmutableArray.CreateBuilder<string>();
        var section = "";
        foreach (var (line, number) in LogicalLines(text))
        {
            var equals = line.IndexOf('=', StringComparison.Ordinal);
            if (line is ['[', .., ']'])
            {
                section = line[1..^1];
            }
            else if (line is ['[', ..])
            {
                problems.Add($"{origin}:{number}: section header without ']', nothing below it is read");
                break;
            }
            else if (section.Length == 0 || equals <= 0)
            {
                problems.Add($"{origin}:{number}: {(section.Length == 0 ? "assignment outside of a section" : equals == 0 ? "missing key before '='" : "missing '='")}, ignored");
            }
            else
            {
                entries.Add(new(section, line[..equals].TrimEnd(Blanks), line[(equals + 1)..].TrimStart(Blanks), number, origin));
            }
        }

        return new(origin, entries.ToImmutable(), problems.ToImmutable());
    }

    // A backslash at the very end becomes a space and joins the next line. Comments inside such a run are dropped and do not end it;
    // an empty line ends it.
    private static IEnumerable<(string Text, int Number)> LogicalLines(string text)
    {
        var pending = new StringBuilder();
        var begun = 0;
        var number = 0;
        foreach (var line in text.TrimStart('\uFEFF').Split(LineEnds, StringSplitOptions.None).Append(""))
        {
            number++;
            if (line.TrimStart(Blanks) is ['#' or ';', ..])
            {
                continue;
            }

            begun = pending.Length == 0 ? number : begun;
            if (IsContinued(line))
            {
                pending.Append(line, 0, line.Length - 1).Append(' ');
                continue;
            }

            if (pending.Append(line).ToString().Trim(Blanks) is { Length: > 0 } whole)
            {
                yield return (whole, begun);
            }

            pending.Clear();
        }
    }

    // Two backslashes are one escaped backslash, which joins nothing.
    private static bool IsContinued(string line) => (line.Length - line.TrimEnd('\\').Length) % 2 == 1;
}
