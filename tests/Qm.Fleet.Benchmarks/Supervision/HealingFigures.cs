using System.Collections.Immutable;
using System.Diagnostics;
using System.Globalization;

namespace Qm.Fleet.Benchmarks.Supervision;

/// <summary>How soon what failed was healed.</summary>
/// <param name="Failures">How many workloads were killed.</param>
/// <param name="Healed">Those for which the call came, each with its way.</param>
/// <param name="Down">How many workloads do not run at the end.</param>
/// <param name="Sync">4 KiB to the disk that the controller's state is on.</param>
/// <param name="Late">How late a thread that sleeps came to run.</param>
/// <param name="Events">Most events that waited for the log.</param>
/// <param name="Writes">Most writes that waited for the store.</param>
/// <param name="Cpu">Cores that were busy: the controller, and the emulation with it.</param>
/// <param name="Bytes">What was allocated for each failure, the emulation included.</param>
/// <param name="Collections">Full collections.</param>
internal sealed record HealingFigures(
    int Failures, ImmutableArray<HealingTrace> Healed, int Down, DiskSync Sync, ImmutableArray<TimeSpan> Late, int Events, int Writes, double Cpu, long Bytes, int Collections)
{
    private static readonly TimeSpan Aim = TimeSpan.FromMilliseconds(20);

    /// <summary>Each figure, those with an aim beside it, and how many miss theirs.</summary>
    internal (IReadOnlyList<string> Lines, int Missed) Judge()
    {
        var all = Row("signal to call", Healed, static trace => trace.Called - trace.Failed, HealingSite.Initial);
        var whole = Healed.Where(static trace => trace.IsWhole).ToImmutableArray();
        var sync = Percentiles(Sync.Times);
        var late = Percentiles(Late);
        var lost = Failures - Healed.Length;
        (string What, double Found, double Aim, string Unit)[] judged =
        [
            ("signal to call, p99", all.Spans.P99.TotalMilliseconds, Aim.TotalMilliseconds, "ms"), ("failures without a call", lost, 0, ""), ("workloads down at the end", Down, 0, ""),
            ("events waiting, most", Events, 256, ""), ("writes waiting, most", Writes, 64, ""),
        ];
        return (
        [
            $"{"",-34} {"p50",9} {"p99",9} {"max",9}",
            all.Line,
            Row("  signal, and a look", whole, static trace => trace.Seen - trace.Failed).Line,
            Row("  late, and another look", whole, static trace => trace.Looked - trace.Seen, HealingSite.Initial).Line,
            Row("  judging", whole, static trace => trace.Judged - trace.Looked).Line,
            Row("  storing", whole, static trace => trace.Stored - trace.Judged).Line,
            Row("  calling", whole, static trace => trace.Called - trace.Stored).Line,
            Line("4 KiB written and synced", sync),
            Line("a sleeping thread is late by", late),
            string.Create(CultureInfo.InvariantCulture, $"signal to call is {all.Spans.P99 / (sync.P99 + late.P99):0.0} times a sync and a wake-up at p99; where a thread that only sleeps is late by milliseconds, the machine is not the controller's alone, and the aim cannot be judged on it"),
            string.Create(CultureInfo.InvariantCulture, $"CPU {Cpu:0.00} cores, {Bytes / 1024.0:0} KiB allocated for each failure, {Collections} full collections"),
            .. judged.Select(row => string.Create(CultureInfo.InvariantCulture, $"{row.What,-27} {row.Found,9:0.0} {row.Unit,-3} aim {row.Aim,5:0}  {(row.Found <= row.Aim ? "met" : "missed")}")),
        ], judged.Count(static row => row.Found > row.Aim));
    }

    private static (string Line, (TimeSpan P50, TimeSpan P99, TimeSpan Max) Spans) Row(string what, IEnumerable<HealingTrace> traces, Func<HealingTrace, long> ticks, TimeSpan less = default)
    {
        var spans = Percentiles(traces.Select(trace => Stopwatch.GetElapsedTime(0, ticks(trace)) - less));
        return (Line(what, spans), spans);
    }

    private static (TimeSpan P50, TimeSpan P99, TimeSpan Max) Percentiles(IEnumerable<TimeSpan> spans)
    {
        TimeSpan[] sorted = [.. spans.Order()];
        return sorted.Length == 0 ? default : (sorted[sorted.Length / 2], sorted[sorted.Length * 99 / 100], sorted[^1]);
    }

    private static string Line(string what, (TimeSpan P50, TimeSpan P99, TimeSpan Max) spans) => string.Create(
        CultureInfo.InvariantCulture, $"{what,-34} {spans.P50.TotalMilliseconds,6:0.0} ms {spans.P99.TotalMilliseconds,6:0.0} ms {spans.Max.TotalMilliseconds,6:0.0} ms");
}
