using System.Globalization;
using Qm.Fleet.V1;

namespace Qm.Fleet.Cli.Output;

/// <summary>What a node used over time: of each unit and resource the least, the mean, the most, and a column of a bar for each step.</summary>
internal static class UsageTrend
{
    /// <summary>Steps that a bar has.</summary>
    internal const int Steps = 24;

    internal static readonly string[] Header = ["UNIT", "OF", "LEAST", "MEAN", "MOST", "OVER TIME"];

    private const string Bars = "▁▂▃▄▅▆▇█";
    private const char Nothing = '·';

    private static readonly (string Name, Func<UsagePoint, double?> Value, Func<double, string> Text)[] Resources =
    [
        ("cpus", point => point.HasCpus ? point.Cpus : null, Decimals(2)),
        ("memory", point => point.HasMemoryCurrent ? point.MemoryCurrent : null, Size),
        ("read/s", point => point.HasIoReadBytesPerSecond ? point.IoReadBytesPerSecond : null, Size),
        ("write/s", point => point.HasIoWrittenBytesPerSecond ? point.IoWrittenBytesPerSecond : null, Size),
        ("pids", point => point.HasPidsCurrent ? point.PidsCurrent : null, Decimals(0)),
        ("cpu pressure %", point => point.HasCpuPressureSome ? point.CpuPressureSome : null, Decimals(1)),
        ("memory pressure %", point => point.HasMemoryPressureSome ? point.MemoryPressureSome : null, Decimals(1)),
        ("io pressure %", point => point.HasIoPressureSome ? point.IoPressureSome : null, Decimals(1)),
    ];

    /// <summary>Rows with the columns of <see cref="Header"/>; none of what the kernel did not tell.</summary>
    /// <param name="all">Series whose points are a step each, counted from the time that their ages are of.</param>
    /// <param name="step">The step.</param>
    internal static IEnumerable<string[]> Of(IEnumerable<UsageSeries> all, TimeSpan step) =>
        from series in all
        from resource in Resources
        let values = series.Points.Select(point => (Column: Steps - 1 - (int)(point.AgoMs / step.TotalMilliseconds), Value: resource.Value(point)))
            .Where(point => point.Value is not null && point.Column is >= 0 and < Steps).Select(point => (point.Column, Value: point.Value!.Value)).ToArray()
        where values.Length > 0
        select (string[])
        [
            series.Unit,
            resource.Name,
            resource.Text(values.Min(point => point.Value)),
            resource.Text(values.Average(point => point.Value)),
            resource.Text(values.Max(point => point.Value)),
            Bar(values),
        ];

    private static string Bar((int Column, double Value)[] values)
    {
        var (most, bar) = (values.Max(point => point.Value), new string(Nothing, Steps).ToCharArray());
        foreach (var (column, value) in values)
        {
            bar[column] = Bars[most > 0 ? (int)Math.Round(value / most * (Bars.Length - 1)) : 0];
        }

        return new(bar);
    }

    private static string Size(double bytes) => UsageText.Size((long)bytes);

    private static Func<double, string> Decimals(int count) => value => value.ToString($"F{count}", CultureInfo.InvariantCulture);
}
