using System.Collections.Immutable;

namespace Qm.Fleet.Core.Units;

/// <summary>One assignment of a unit file.</summary>
/// <param name="Section">Without brackets.</param>
/// <param name="Key">Left of the first <c>=</c>, trimmed.</param>
/// <param name="Value">Right of it, trimmed, continuation lines joined by a space; empty resets a list.</param>
/// <param name="Line">Where it begins, from 1.</param>
/// <param name="Origin">The file it stands in.</param>
public sealed record UnitEntry(string Section, string Key, string Value, int Line, string Origin);

/// <summary>A unit file, quadlet or drop-in as text says it; nothing is interpreted (systemd.syntax(7)).</summary>
/// <param name="Origin">The file it was read from.</param>
/// <param name="Entries">Assignments in the order of the text.</param>
/// <param name="Problems">Lines that are neither section, assignment nor comment; systemd ignores them, and so does this.</param>
public sealed record UnitFile(string Origin, ImmutableArray<UnitEntry> Entries, ImmutableArray<string> Problems)
{
    /// <summary>Reads a unit file; text that makes no sense becomes a problem, never an exception.</summary>
    /// <param name="text">The whole text; LF or CRLF.</param>
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
            else if (section.Length == 0 || equals <= 0)
            {
                problems.Add($"{origin}:{number}: {(section.Length == 0 ? "assignment outside of a section" : "missing '='")}, ignored");
            }
            else
            {
                entries.Add(new(section, line[..equals].TrimEnd(), line[(equals + 1)..].TrimStart(), number, origin));
            }
        }

        return new(origin, entries.ToImmutable(), problems.ToImmutable());
    }

    // A backslash at the end joins the next line with a space; comments inside such a run are dropped and do not end it.
    private static IEnumerable<(string Text, int Number)> LogicalLines(string text)
    {
        string? pending = null;
        var begun = 0;
        var number = 0;
        foreach (var raw in text.Split('\n'))
        {
            number++;
            var line = raw.TrimEnd('\r');
            var trimmed = line.Trim();
            if (trimmed is ['#' or ';', ..] || (trimmed.Length == 0 && pending is null))
            {
                continue;
            }

            if (pending is null)
            {
                begun = number;
            }

            if (trimmed is [.., '\\'])
            {
                pending = pending + trimmed[..^1].TrimEnd() + ' ';
                continue;
            }

            var whole = (pending + trimmed).Trim();
            pending = null;
            if (whole.Length > 0)
            {
                yield return (whole, begun);
            }
        }

        if (pending?.Trim() is { Length: > 0 } rest)
        {
            yield return (rest, begun);
        }
    }
}
