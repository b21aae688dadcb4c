using System.Collections.Immutable;
using Qm.Fleet.Core.Rollouts;

namespace Qm.Fleet.Core.Plans;

/// <summary>How a rollout would go, decided by the very code that does it, if every node that can be reached does what it is told at once.</summary>
/// <param name="Batches">The nodes of each batch, by name.</param>
/// <param name="Left">Nodes that no batch takes as things are, each with what holds it.</param>
/// <param name="Held">What would hold nodes up right now, but for each other.</param>
/// <param name="EndsAt">Before this it cannot end: soaks and windows take as long, whatever the nodes do; null when it would not end as things are.</param>
/// <param name="Message">How it would end, or what it would wait for.</param>
public sealed record RolloutForecast(
    ImmutableArray<ImmutableArray<string>> Batches,
    ImmutableSortedDictionary<string, RolloutHold> Left,
    ImmutableSortedDictionary<string, RolloutHold> Held,
    DateTimeOffset? EndsAt,
    string Message)
{
    // Every turn moves somebody, opens a batch, or lets time pass to where something does.
    private const int MaxTurns = 10_000;

    /// <summary>Follows a rollout to where it ends or nothing changes it any more.</summary>
    /// <param name="state">The rollout as it would begin, or goes on.</param>
    /// <param name="policy">How it moves.</param>
    /// <param name="nodes">Every node of the fleet, as it is now.</param>
    /// <param name="now">The time.</param>
    public static RolloutForecast Of(RolloutState state, RolloutPolicy policy, IReadOnlyDictionary<string, RolloutNode> nodes, DateTimeOffset now)
    {
        var fleet = nodes.ToDictionary(node => node.Key, node => node.Value, StringComparer.Ordinal);
        // Staged, so that what holds a node up is what would hold it up when its turn comes.
        Stage(fleet, state.To);
        var held = Outside(RolloutEngine.Advance(state, policy, fleet, now));
        // How many may be down at once decides how long it takes, and not who is in which batch; without that no node waits for another.
        var unbound = policy with { MaxUnavailable = Amount.All };
        var (at, decision) = (now, RolloutEngine.Advance(state, unbound, fleet, now));
        for (var turn = 0; turn < MaxTurns; turn++)
        {
            var before = decision.State;
            var moved = Move(fleet, decision);
            decision = RolloutEngine.Advance(before, unbound, fleet, at, decision);
            if (!moved && ReferenceEquals(before, decision.State) && decision.Wake is null)
            {
                break;
            }

            if (!moved && ReferenceEquals(before, decision.State))
            {
                at = decision.Wake!.Value;
                decision = RolloutEngine.Advance(before, unbound, fleet, at, decision);
            }
        }

        var members = decision.State.Members;
        return new(
            [.. policy.Batches.Select((_, number) => members.Where(member => member.Value.Batch == number).Select(member => member.Key).ToImmutableArray())],
            nodes.Keys.Where(name => members.GetValueOrDefault(name)?.State != MemberState.Done)
                .ToImmutableSortedDictionary(name => name, name => decision.Holds.GetValueOrDefault(name) ?? Unknown(nodes[name], members.GetValueOrDefault(name)), StringComparer.Ordinal),
            held,
            decision.State.Phase == RolloutPhase.Succeeded ? at : null,
            decision.Message);
    }

    // What a rollout waits for because of itself is how it goes, and nothing that holds it up.
    private static ImmutableSortedDictionary<string, RolloutHold> Outside(RolloutDecision decision)
    {
        var begun = decision.State.Members.Values.Any(member => member.IsInTheAir);
        return decision.Holds.Where(hold => hold.Value.Gate is not ("Moving" or "Soaking" or "Returning" or "Batch" or "Staging" or "Prefetch") && (hold.Value.Gate != "Budget" || hold.Value.Never || !begun))
            .ToImmutableSortedDictionary(StringComparer.Ordinal);
    }

    private static RolloutHold Unknown(RolloutNode node, RolloutMember? member) => member is { HasFailed: true }
        ? new("KnownBad", member.Failure, "retry")
        : new("Unheard", node.Reason, "hearing of the node");

    private static void Stage(Dictionary<string, RolloutNode> fleet, string revision)
    {
        foreach (var (name, node) in fleet.Where(node => node.Value.CanMove).ToArray())
        {
            fleet[name] = node with { Staged = revision };
        }
    }

    private static bool Move(Dictionary<string, RolloutNode> fleet, RolloutDecision decision)
    {
        var moved = false;
        foreach (var (name, node) in fleet.ToArray())
        {
            var target = decision.TargetOf(name, node.Staged, revision => node.Revision == revision);
            if (!node.CanMove || !target.MayMove || (node.Target == target.Revision && node.Progress == NodeProgress.Ready && node.Revision == target.Revision && node.Availability == Availability.Serving))
            {
                continue;
            }

            moved = true;
            fleet[name] = node with { Target = target.Revision, Revision = target.Revision, Progress = NodeProgress.Ready, Availability = Availability.Serving, Fault = null };
        }

        return moved;
    }
}
