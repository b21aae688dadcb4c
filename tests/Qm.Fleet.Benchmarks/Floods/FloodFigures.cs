using System.Globalization;

namespace Qm.Fleet.Benchmarks.Floods;

/// <summary>How long a quiet client waited.</summary>
/// <param name="Took">All its calls, the shortest first.</param>
/// <param name="Failed">Those that were not answered as asked.</param>
internal sealed record Waits(TimeSpan[] Took, int Failed)
{
    /// <summary>All of several.</summary>
    internal static Waits Of(IReadOnlyList<Waits> some) => new([.. some.SelectMany(static waits => waits.Took).Order()], some.Sum(static waits => waits.Failed));

    internal double Median => Took[Took.Length / 2].TotalMilliseconds;

    internal double Percentile99 => Took[Took.Length * 99 / 100].TotalMilliseconds;
}

/// <summary>What the controller spent.</summary>
/// <param name="Cpu">Processor time.</param>
/// <param name="Paused">Time in which the garbage collector held everything up.</param>
/// <param name="Allocated">Bytes.</param>
/// <param name="Whole">Collections of everything that lives.</param>
internal readonly record struct Cost(TimeSpan Cpu, TimeSpan Paused, double Allocated, double Whole)
{
    internal static Cost None => default;

    public static Cost operator +(Cost one, Cost other) => new(one.Cpu + other.Cpu, one.Paused + other.Paused, one.Allocated + other.Allocated, one.Whole + other.Whole);

    public static Cost operator -(Cost one, Cost other) => new(one.Cpu - other.Cpu, one.Paused - other.Paused, one.Allocated - other.Allocated, one.Whole - other.Whole);

    /// <summary>In words, per second of a time.</summary>
    internal string Per(TimeSpan span) => string.Create(CultureInfo.InvariantCulture,
        $"{Cpu / span:0.00} cores, {Allocated / span.TotalSeconds / (1 << 20):0.0} MiB/s allocated, {100 * (Paused / span):0.0} % paused, {Whole:0} whole collections");
}

/// <summary>What one flood cost.</summary>
/// <param name="Attack">Which.</param>
/// <param name="Before">Before it.</param>
/// <param name="During">While it went on.</param>
/// <param name="Beside">While the same flood went on at another controller of the same machine: what of it is the machine's, and not this controller's.</param>
/// <param name="Flood">What it did itself.</param>
/// <param name="Spent">What the controller spent, before and during.</param>
/// <param name="Memory">Bytes the controller held, before and at its end.</param>
internal sealed record FloodFigures(string Attack, Waits Before, Waits During, Waits Beside, string Flood, (string Before, string During) Spent, (long Before, long During) Memory)
{
    /// <summary>The most that the others' p99 may grow.</summary>
    internal const double Aim = 2;

    private double Ratio => During.Percentile99 / Before.Percentile99;

    internal bool IsMet => Ratio <= Aim && During.Failed == 0;

    internal string Line => string.Create(CultureInfo.InvariantCulture,
        $"""
        {Attack,-10} p50 {Before.Median:0.0} -> {During.Median:0.0} ms, p99 {Before.Percentile99:0.0} -> {During.Percentile99:0.0} ms, {Ratio:0.0} times (aim {Aim:0}: {(IsMet ? "met" : "NOT MET")}), failed {During.Failed}; the flood: {Flood}
                   beside: p50 {Beside.Median:0.0} ms, p99 {Beside.Percentile99:0.0} ms, {Beside.Percentile99 / Before.Percentile99:0.0} times, while the same flood went to another controller of this machine
                   controller: {Spent.Before} -> {Spent.During}; {Memory.Before >> 20} -> {Memory.During >> 20} MiB
        """);
}
