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

/// <summary>What one flood cost.</summary>
/// <param name="Attack">Which.</param>
/// <param name="Before">Before it.</param>
/// <param name="During">While it went on.</param>
/// <param name="Flood">What it did itself.</param>
/// <param name="Busy">Processors that the controller was busy with, before and during.</param>
/// <param name="Memory">Bytes the controller held, before and at its end.</param>
internal sealed record FloodFigures(string Attack, Waits Before, Waits During, string Flood, (double Before, double During) Busy, (long Before, long During) Memory)
{
    /// <summary>The most that the others' p99 may grow.</summary>
    internal const double Aim = 2;

    private double Ratio => During.Percentile99 / Before.Percentile99;

    internal bool IsMet => Ratio <= Aim && During.Failed == 0;

    internal string Line => string.Create(CultureInfo.InvariantCulture,
        $"{Attack,-10} p50 {Before.Median:0.0} -> {During.Median:0.0} ms, p99 {Before.Percentile99:0.0} -> {During.Percentile99:0.0} ms, {Ratio:0.0} times (aim {Aim:0}: {(IsMet ? "met" : "NOT MET")}), failed {During.Failed}; controller {Busy.Before:0.00} -> {Busy.During:0.00} cores, {Memory.Before >> 20} -> {Memory.During >> 20} MiB; the flood: {Flood}");
}
