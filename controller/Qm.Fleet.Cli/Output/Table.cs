namespace Qm.Fleet.Cli.Output;

/// <summary>Columns of text, two spaces apart, nothing else: as good for awk as for eyes.</summary>
/// <remarks>Cells hold what nodes and people wrote, so control characters, which a terminal would obey, are shown as '?'.</remarks>
internal sealed class Table(params string[] header)
{
    private readonly List<string[]> _rows = [header];

    internal void Add(params string[] cells) => _rows.Add([.. cells.Select(PlainText.Of)]);

    /// <summary>Writes the table; lines wider than <paramref name="width"/> columns end in "…", null lets them be as wide as they are.</summary>
    internal async Task WriteAsync(TextWriter writer, int? width)
    {
        var widths = Enumerable.Range(0, header.Length).Select(column => _rows.Max(row => row[column].Length)).ToArray();
        foreach (var row in _rows)
        {
            var line = string.Join("  ", row.Select((cell, column) => cell.PadRight(widths[column]))).TrimEnd();
            await writer.WriteLineAsync(width is { } columns && line.Length > columns ? string.Concat(line.AsSpan(0, Math.Max(0, columns - 1)), "…") : line);
        }
    }
}
