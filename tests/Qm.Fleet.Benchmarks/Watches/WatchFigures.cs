using System.Collections.Immutable;
using System.Globalization;
using Grpc.Core;

namespace Qm.Fleet.Benchmarks.Watches;

/// <summary>What watchers were told, and how soon.</summary>
/// <param name="Plan">What was measured.</param>
/// <param name="Readers">Those who read.</param>
/// <param name="Stalled">The one who read nothing, with what it was told after it went on.</param>
/// <param name="CutOff">How its watch ended.</param>
/// <param name="CutOffAt">How many changes it had been told by then.</param>
/// <param name="Behind">How far the last change was behind its time.</param>
/// <param name="Span">From the first change until everybody was told the last.</param>
/// <param name="Busy">Processor time in that span, the clients' included.</param>
/// <param name="Kept">Bytes held more than before.</param>
internal sealed record WatchFigures(
    WatchPlan Plan, ImmutableArray<WatchReader> Readers, WatchReader Stalled, RpcException? CutOff, int CutOffAt, TimeSpan Behind, TimeSpan Span, TimeSpan Busy, long Kept)
{
    private int Missed => Readers.Append(Stalled).Sum(reader => Plan.Changes - reader.Numbers.Distinct().Count());

    private int Doubled => Readers.Append(Stalled).Sum(static reader => reader.Numbers.Count - reader.Numbers.Distinct().Count());

    private int Disordered => Readers.Append(Stalled).Count(reader => !reader.Numbers.SequenceEqual(Readers[0].Numbers));

    /// <summary>How much of what is promised does not hold.</summary>
    internal int Wrong => Missed + Doubled + Disordered + (CutOff?.StatusCode == StatusCode.ResourceExhausted ? 0 : 1) + Readers.Count(static reader => reader.Error is not null);

    /// <summary>For people.</summary>
    internal IReadOnlyList<string> Lines
    {
        get
        {
            TimeSpan[] took = [.. Readers.SelectMany(static reader => reader.Took).Order()];
            return
            [
                Invariant($"{took.Length} deliveries, {took.Length / Span.TotalSeconds:0} per second; changes were up to {Behind.TotalMilliseconds:0} ms behind their time"),
                took.Length == 0 ? "nobody was told anything" : Invariant($"delivery p50 {took[took.Length / 2].TotalMilliseconds:0.0} ms, p99 {took[took.Length * 99 / 100].TotalMilliseconds:0.0} ms, max {took[^1].TotalMilliseconds:0.0} ms"),
                Invariant($"missed {Missed}, doubled {Doubled}, watchers told in another order {Disordered}, watchers that ended early {Readers.Count(static reader => reader.Error is not null)}"),
                Invariant($"the watcher that read nothing: {CutOff?.StatusCode.ToString() ?? "was not cut off"} after {CutOffAt} changes; it went on from its token to {Stalled.Numbers.Count}"),
                Invariant($"CPU {Busy / Span:0.00} cores, clients included; {Kept / 1048576.0:0.0} MiB held more than before, of which {Readers.Length * (long)Plan.Changes * 12 / 1048576.0:0.0} MiB are this benchmark's notes"),
            ];
        }
    }

    private static string Invariant(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
