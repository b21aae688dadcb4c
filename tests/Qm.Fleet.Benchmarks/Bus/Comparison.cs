using System.Globalization;

namespace Qm.Fleet.Benchmarks.Bus;

/// <summary>One thing measured on both sides, in turn.</summary>
/// <param name="name">What.</param>
/// <param name="aim">What the ratio of ours to the reference should be.</param>
/// <param name="count">How many calls or signals a measurement has.</param>
/// <param name="reference">Measures the reference.</param>
/// <param name="ours">Measures ours.</param>
internal sealed class Comparison(string name, Aim aim, int count, Func<Task<double>> reference, Func<Task<double>> ours)
{
    private readonly List<(double Reference, double Ours, double Bytes)> _rounds = [];

    internal string Name => name;

    internal Aim Aim => aim;

    internal double Reference => Median(_rounds.Select(round => round.Reference));

    internal double Ours => Median(_rounds.Select(round => round.Ours));

    /// <summary>The median of the ratios of each round: what else the machine did in a round, it did to both.</summary>
    internal double Ratio => Median(_rounds.Select(round => round.Ours / round.Reference));

    /// <summary>Managed bytes allocated for each call or signal, by all threads.</summary>
    internal double BytesEach => Median(_rounds.Select(round => round.Bytes));

    internal async Task MeasureAsync(bool isCounted)
    {
        var theirs = await reference();
        var before = GC.GetTotalAllocatedBytes(precise: true);
        var own = await ours();
        var bytes = (double)(GC.GetTotalAllocatedBytes(precise: true) - before) / count;
        if (isCounted)
        {
            _rounds.Add((theirs, own, bytes));
        }
    }

    internal static double Median(IEnumerable<double> values)
    {
        var ordered = values.Order().ToArray();
        return ordered.Length == 0 ? double.NaN : (ordered[(ordered.Length - 1) / 2] + ordered[ordered.Length / 2]) / 2;
    }
}

/// <summary>What a ratio should be.</summary>
internal readonly record struct Aim(bool IsLeast, double Value)
{
    internal static Aim AtLeast(double value) => new(true, value);

    internal static Aim AtMost(double value) => new(false, value);

    internal bool IsMet(double ratio) => IsLeast ? ratio >= Value : ratio <= Value;

    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{(IsLeast ? ">=" : "<=")} {Value:0.0}x");
}
