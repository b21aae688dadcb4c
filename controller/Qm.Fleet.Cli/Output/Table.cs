namespace Qm.Fleet.Cli.Output;

/// <summary>Columns of text, two spaces apart, nothing else: as good for awk as for eyes.</summary>
/// <remarks>Cells hold what nodes and people wrote, so control characters, which a terminal would obey, are shown as '?'.</remarks>
internal sealed class Table(params string[] header)
{
    private const int Gap = 2, LeastHead = 4;

    private readonly List<string[]> _rows = [header];

    /// <summary>Leave out the first line.</summary>
    internal bool NoHeaders { get; init; }

    internal void Add(params string[] cells) => _rows.Add([.. cells.Select(PlainText.Of)]);

    /// <summary>Writes the table; where lines are wider than <paramref name="width"/> columns, heads are cut, or else lines end in "…"; null lets them be as wide as they are.</summary>
    /// <returns>How wide each column became.</returns>
    internal async Task<int[]> WriteAsync(TextWriter writer, int? width)
    {
        var rows = NoHeaders ? _rows.Skip(1) : _rows;
        var widths = Widths(rows);
        var over = width is { } columns ? widths.Sum() + (Gap * (widths.Length - 1)) - columns : 0;
        if (over > 0 && !NoHeaders)
        {
            Narrow(widths, over);
        }

        foreach (var row in rows)
        {
            await writer.WriteLineAsync(Line([.. row.Select((cell, column) => Cut(cell, widths[column]))], widths, width));
        }

        return widths;
    }

    // Heads give way where what stands below them then fits; the one that stands out most first.
    private void Narrow(int[] widths, int over)
    {
        var least = Array.ConvertAll(Widths(_rows.Skip(1)), static width => Math.Max(width, LeastHead));
        if (widths.Zip(least, static (width, below) => Math.Max(0, width - below)).Sum() < over)
        {
            return;
        }

        for (; over > 0; over--)
        {
            widths[Enumerable.Range(0, widths.Length).MaxBy(column => widths[column] - least[column])]--;
        }
    }

    private int[] Widths(IEnumerable<string[]> rows) => [.. Enumerable.Range(0, header.Length).Select(column => rows.Select(row => row[column].Length).DefaultIfEmpty().Max())];

    private static string Cut(string cell, int width) => cell.Length > width ? string.Concat(cell.AsSpan(0, Math.Max(0, width - 1)), "…") : cell;

    /// <summary>One more line below a table that was written, for what comes later.</summary>
    internal static string Line(IReadOnlyList<string> cells, IReadOnlyList<int> widths, int? width)
    {
        var line = string.Join("  ", cells.Select((cell, column) => PlainText.Of(cell).PadRight(widths[column]))).TrimEnd();
        return width is { } columns ? Cut(line, columns) : line;
    }
}
