using System.Diagnostics;
using System.Globalization;
using Qm.Fleet.Core.Rollouts;

namespace Qm.Fleet.Benchmarks.Rollouts;

/// <summary>A rollout in its middle: a tenth of the nodes is done, the budget is used up, the rest is staged and waits.</summary>
internal static class MeasuredRollout
{
    private const string Old = "11111111", New = "22222222";
    private static readonly DateTimeOffset Now = new(2026, 6, 1, 12, 0, 0, TimeSpan.Zero);

    private static readonly RolloutPolicy Policy = RolloutPolicy.Default with
    {
        Batches = [new(null, new(10, true)), new(null, Amount.All)],
        MaxUnavailable = new(10, true),
        Soak = TimeSpan.FromMinutes(2),
        BudgetPer = "vehicle",
    };

    /// <summary>The median time and the allocation of one decision in which so many nodes are seen to be Ready that were not.</summary>
    internal static (TimeSpan Median, long Bytes) Measure(int size, int changed, int rounds)
    {
        var nodes = Enumerable.Range(0, size).ToDictionary(
            Name, number => new RolloutNode
            {
                Labels = new Dictionary<string, string> { ["vehicle"] = string.Create(CultureInfo.InvariantCulture, $"v{number % Math.Max(size / 10, 1)}") },
                Availability = Availability.Serving,
                Target = Old,
                Progress = NodeProgress.Ready,
                Revision = Old,
                Staged = New,
                Reason = "every value was read back as wanted",
            },
            StringComparer.Ordinal);
        var settled = Settle(new(Old, New, RolloutPhase.Progressing), nodes);
        var state = settled.State;
        var moving = state.Members.Where(member => member.Value.State == MemberState.Moving).Select(member => member.Key).Take(changed);
        foreach (var name in moving)
        {
            nodes[name] = nodes[name] with { Target = New, Revision = New };
        }

        var times = new List<TimeSpan>();
        var bytes = 0L;
        for (var round = 0; round < rounds + 3; round++)
        {
            var (before, started) = (GC.GetAllocatedBytesForCurrentThread(), Stopwatch.GetTimestamp());
            RolloutEngine.Advance(state, Policy, nodes, Now.AddMinutes(1), settled);
            times.Add(Stopwatch.GetElapsedTime(started));
            bytes = GC.GetAllocatedBytesForCurrentThread() - before;
        }

        return (times.Skip(3).Order().ElementAt(rounds / 2), bytes);
    }

    private static string Name(int number) => string.Create(CultureInfo.InvariantCulture, $"ecu{number:00000}");

    private static RolloutDecision Settle(RolloutState state, Dictionary<string, RolloutNode> nodes)
    {
        var decision = RolloutEngine.Advance(state, Policy, nodes, Now);
        while (RolloutEngine.Advance(decision.State, Policy, nodes, Now, decision) is var next && !ReferenceEquals(next.State, decision.State))
        {
            decision = next;
        }

        return decision;
    }
}
