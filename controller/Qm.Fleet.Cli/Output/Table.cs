namespace Qm.Fleet.Cli.Output;

/// <summary>Columns of text, two spaces apart, nothing else: as good for awk as for eyes.</summary>
/// <remarks>Cells hold what nodes and people wrote, so control characters, which a terminal would obey, are shown as '?'.</remarks>
internal sealed class Table(params string[] header)
{
    private readonly List<string[]> _rows = [header];

    /// <summary>Leave out the first line.</summary>
    internal bool NoHeaders { get; init; }

    internal void Add(params string[] cells) => _rows.Add([.. cells.Select(PlainText.Of)]);

    /// <summary>Writes the table; lines wider than <paramref name="width"/> columns end in "…", null lets them be as wide as they are.</summary>
    /// <returns>How wide each column became.</returns>
    internal async Task<int[]> WriteAsync(TextWriter writer, int? width)
    {
        var rows = NoHeaders ? _rows.Skip(1) : _rows;
        var widths = Enumerable.Range(0, header.Length).Select(column => rows.Select(row => row[column].Length).DefaultIfEmpty().Max()).ToArray();
        foreach (var row in rows)
        {
            await writer.WriteLineAsync(Line(row, widths, width));
        }

        return widths;
    }

    /// <summary>One more line below a table that was written, for what comes later.</summary>
    internal static string Line(IReadOnlyList<string> cells, IReadOnlyList<int> widths, int? width)
    {
        var line = string.Join("  ", cells.Select((cell, column) => PlainText.Of(cell).PadRight(widths[column]))).TrimEnd();
        return width is { } columns && line.Length > columns ? string.Concat(line.AsSpan(0, Math.Max(0, columns - 1)), "…") : line;
    }
}
