using System.Collections.Immutable;
using Qm.Fleet.Core.Rollouts;

namespace Qm.Fleet.Core.Plans;

/// <summary>When a rollout will be through, if it goes on as it did so far.</summary>
/// <param name="PerNode">How long nodes took from their turn to Ready, the median; null before the first came through.</param>
/// <param name="Batches">When each batch will be through; null for one that is, and where nobody can tell.</param>
/// <param name="End">When all will be; null where nobody can tell, and when it has ended.</param>
/// <param name="Because">Why nobody can tell; empty where it can be told.</param>
/// <param name="Never">Whether it does not end unless somebody does something.</param>
public sealed record RolloutEstimate(TimeSpan? PerNode, ImmutableArray<DateTimeOffset?> Batches, DateTimeOffset? End, string Because, bool Never)
{
    private const double Slow = 2;

    /// <summary>Estimates.</summary>
    /// <param name="decision">What was decided last.</param>
    /// <param name="policy">How it moves.</param>
    /// <param name="nodes">Every node of the fleet.</param>
    /// <param name="now">The time.</param>
    public static RolloutEstimate Of(RolloutDecision decision, RolloutPolicy policy, IReadOnlyDictionary<string, RolloutNode> nodes, DateTimeOffset now)
    {
        var (state, none) = (decision.State, ImmutableArray.CreateRange(policy.Batches, _ => (DateTimeOffset?)null));
        var took = Median([.. state.Members.Values.Select(member => member.Took).OfType<TimeSpan>()]);
        if (state.Phase is not (RolloutPhase.Progressing or RolloutPhase.RollingBack))
        {
            return new(took, none, null, state.HasEnded ? "it has ended" : state.Reason, !state.HasEnded);
        }

        // What holds the whole of it up, and those that its batch goes on without.
        var stuck = decision.Holds.Where(hold => hold.Value.Gate is "Paused" or "Precondition" or "Offline" or "Unheard" or "Cordoned" || hold.Value.Never).ToArray();
        var because = stuck.Length == 0 ? "" : First(stuck);
        var never = stuck.Any(hold => hold.Value.Never);
        if (took is not { } perNode)
        {
            return new(null, none, null, because.Length > 0 ? because : $"no node has come through yet; one that takes longer than {RolloutHealth.Span(policy.Deadline)} has failed", never);
        }

        var (ends, at) = (none.ToBuilder(), now);
        var taken = RolloutForecast.Of(state, policy, nodes, now).Batches;
        for (var number = 0; number < taken.Length; number++)
        {
            var left = taken[number].Where(name => !state.Members[name].IsSettled && stuck.All(hold => hold.Key != name)).ToArray();
            if (left.Length > 0)
            {
                at = Through(left, state, policy, nodes, perNode, at);
                ends[number] = at;
            }
        }

        return new(perNode, ends.ToImmutable(), because.Length > 0 ? null : at, because, never);
    }

    /// <summary>A sentence on a node that takes much longer than the others did; empty for any other.</summary>
    public string PaceOf(RolloutMember member, DateTimeOffset now) =>
        PerNode is { } usual && member.State == MemberState.Moving && now - member.Since is var soFar && soFar > usual * Slow
            ? $"slow: {RolloutHealth.Span(soFar)} so far, the others took {RolloutHealth.Span(usual)}" : "";

    private static string First(KeyValuePair<string, RolloutHold>[] stuck)
    {
        var (name, hold) = stuck.FirstOrDefault(candidate => candidate.Value.Never, stuck[0]);
        return $"{name}: {hold.Reason}";
    }

    // As many at once as the fullest group lets, wave after wave, and the soak of the last.
    private static DateTimeOffset Through(string[] left, RolloutState state, RolloutPolicy policy, IReadOnlyDictionary<string, RolloutNode> nodes, TimeSpan perNode, DateTimeOffset at)
    {
        string GroupOf(RolloutNode node) => policy.BudgetPer.Length == 0 ? "" : node.Labels.GetValueOrDefault(policy.BudgetPer) ?? "";
        var sizes = nodes.Values.CountBy(GroupOf).ToDictionary(StringComparer.Ordinal);
        var waves = left.Where(name => state.Members[name].State != MemberState.Soaking).CountBy(name => GroupOf(nodes[name]))
            .Select(group => (group.Value + Room(sizes[group.Key]) - 1) / Room(sizes[group.Key])).DefaultIfEmpty(0).Max();
        var soaks = left.Select(name => state.Members[name].HealthySince + policy.Soak).Max() ?? at;
        if (waves == 0)
        {
            return soaks > at ? soaks : at;
        }

        var begin = policy.IsOpen(at) ? at : policy.Windows.Min(window => window.Opens(at));
        return begin + (waves * perNode) + (state.IsRemoval ? TimeSpan.Zero : policy.Soak);

        int Room(int size) => Math.Max(policy.MaxUnavailable.AtMostOf(size), 1);
    }

    private static TimeSpan? Median(TimeSpan[] spans) => spans.Length == 0 ? null : spans.Order().ElementAt(spans.Length / 2);
}
