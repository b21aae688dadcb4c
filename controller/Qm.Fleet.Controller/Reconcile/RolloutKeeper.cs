using System.Collections.Concurrent;
using System.Collections.Immutable;
using Qm.Fleet.Controller.Storage;
using Qm.Fleet.Core.Plans;
using Qm.Fleet.Core.Reconcile;
using Qm.Fleet.Core.Rollouts;

namespace Qm.Fleet.Controller.Reconcile;

/// <summary>What holds a node up, with since when.</summary>
internal sealed record SinceHold(RolloutHold Hold, DateTimeOffset Since);

/// <summary>What was last decided of a fleet's rollout.</summary>
/// <param name="Fleet">What it was decided for.</param>
/// <param name="Decision">What was decided; stored already.</param>
/// <param name="Holds">What holds up each node that is not where it shall be.</param>
internal sealed record KnownRollout(DesiredFleet Fleet, RolloutDecision Decision, ImmutableSortedDictionary<string, SinceHold> Holds);

/// <summary>Asks Core what a rollout does next, and remembers the answer for the workers of its nodes.</summary>
internal sealed class RolloutKeeper(RolloutNodes nodes, Decisions decisions, TimeProvider time)
{
    private static readonly ImmutableSortedDictionary<string, SinceHold> NoHolds = ImmutableSortedDictionary.Create<string, SinceHold>(StringComparer.Ordinal);

    private readonly ConcurrentDictionary<string, KnownRollout> _known = new(StringComparer.Ordinal);

    /// <summary>The last answer for a fleet; null before the first.</summary>
    internal KnownRollout? Find(string fleet) => _known.GetValueOrDefault(fleet);

    /// <summary>Where a node of a fleet stands; null when that is not known.</summary>
    internal RolloutMember? MemberOf(string fleet, string node) => Find(fleet)?.Decision.State.Members.GetValueOrDefault(node);

    /// <summary>Which revision a node shall have now, and whether it may be put in place.</summary>
    /// <param name="fleet">The fleet as the node's worker knows it.</param>
    /// <param name="node">The node.</param>
    /// <param name="staged">The revision that is staged there.</param>
    /// <param name="isInPlace">Whether a revision's files are there as they shall be.</param>
    internal NodeTarget TargetOf(DesiredFleet fleet, string node, string staged, Func<string, bool> isInPlace) =>
        Find(fleet.Name) is { } known && known.Fleet.Uid == fleet.Uid && known.Fleet.Revision == fleet.Revision ? known.Decision.TargetOf(node, staged, isInPlace) : default;

    /// <summary>What keeps a node whose turn it is, or is about to be, from being disrupted right now; null when nothing does.</summary>
    /// <param name="fleet">The fleet as the node's worker knows it.</param>
    /// <param name="node">The node.</param>
    /// <param name="unitOf">A unit of a host as it is now, by node and unit; null when it is not known.</param>
    internal RolloutHold? HoldOf(DesiredFleet fleet, string node, Func<string, string, UnitReading?> unitOf) =>
        decisions.Hold(fleet.Policy, nodes.Blocked(fleet, node, unitOf), time.GetUtcNow());

    /// <summary>When a rollout will be through, as far as that can be told.</summary>
    internal (RolloutEstimate Estimate, DateTimeOffset Now) EstimateOf(KnownRollout known) => (
        RolloutEstimate.Of(
            known.Decision, known.Fleet.Policy, View(known.Fleet, known.Decision.State.Members.Keys), time.GetUtcNow()),
        time.GetUtcNow());

    /// <summary>The first precondition that does not hold for a node; null when all do.</summary>
    /// <param name="fleet">The fleet as the node's worker knows it.</param>
    /// <param name="node">The node.</param>
    /// <param name="unitOf">A unit of a host as it is now, by node and unit; null when it is not known.</param>
    internal UnmetPrecondition? BlockedOf(DesiredFleet fleet, string node, Func<string, string, UnitReading?> unitOf) => nodes.Blocked(fleet, node, unitOf);

    /// <summary>What a rollout waits for, as far as that is known better than it is stored; null when it is not. Of a node that leaves it is what holds up that node.</summary>
    internal string? WaitsFor(StoredRollout rollout)
    {
        if (Find(rollout.Fleet) is not { } known || known.Fleet.Rollout?.Number != rollout.Number)
        {
            return null;
        }

        var reason = known.Decision.State.Reason;
        return known.Fleet.Leaving is not { } leaving ? known.Decision.Message
            : reason.Length > 0 ? reason
            : $"{leaving}: {(known.Holds.TryGetValue(leaving, out var held) ? held.Hold.Reason : nodes.View(known.Fleet, leaving).Reason)}";
    }

    /// <summary>Nodes of a fleet as its rollout sees them.</summary>
    internal Dictionary<string, RolloutNode> View(DesiredFleet fleet, IEnumerable<string> members) =>
        members.ToDictionary(name => name, name => nodes.View(fleet, name), StringComparer.Ordinal);

    /// <summary>Asks what a rollout does next.</summary>
    /// <param name="fleet">The fleet.</param>
    /// <param name="rollout">Its rollout, as it is stored.</param>
    /// <param name="members">Its nodes.</param>
    /// <param name="beside">Those in the same budget: of a fleet the nodes that leave it for good, of such a node the fleet and the others that leave it, each with its nodes.</param>
    internal RolloutDecision Ask(DesiredFleet fleet, StoredRollout rollout, IEnumerable<string> members, IReadOnlyCollection<(DesiredFleet Fleet, IReadOnlyList<string> Nodes)> beside) => decisions.Advance(
        rollout.State, fleet.Policy, View(fleet, members), time.GetUtcNow(), Find(fleet.Name)?.Decision, beside.Count == 0 ? null : beside.SelectMany(Beside).ToDictionary(StringComparer.Ordinal));

    /// <summary>Nodes that are none of a fleet's and share its budget, as far as their rollouts were asked: those that leave it for good, or what such a one leaves.</summary>
    internal IEnumerable<KeyValuePair<string, RolloutNode>> Beside(DesiredFleet fleet) => fleet.Family.Length == 0 ? []
        : _known.Values.Where(known => known.Fleet.Uid != fleet.Uid && known.Fleet.Family == fleet.Family).SelectMany(known => Beside((known.Fleet, [.. known.Decision.State.Members.Keys])));

    /// <summary>Makes an answer known, once it is stored.</summary>
    /// <returns>The nodes that are to look at it, because it is another for them than before.</returns>
    internal IReadOnlyList<string> Publish(DesiredFleet fleet, RolloutDecision decision)
    {
        var before = Find(fleet.Name);
        _known[fleet.Name] = new(fleet, decision, Holds(before?.Holds ?? NoHolds, decision));
        return before?.Fleet.Uid == fleet.Uid && before.Fleet.Revision == fleet.Revision && before.Decision.State.Phase == decision.State.Phase
            ? [.. decision.State.Members.Where(member => before.Decision.State.Members.GetValueOrDefault(member.Key)?.State != member.Value.State).Select(member => member.Key)]
            : [.. decision.State.Members.Keys];
    }

    // One that has its turn is as good as down, whatever was seen of it last.
    private IEnumerable<KeyValuePair<string, RolloutNode>> Beside((DesiredFleet Fleet, IReadOnlyList<string> Nodes) other)
    {
        var members = (Find(other.Fleet.Name)?.Decision.State ?? other.Fleet.Rollout?.State)?.Members ?? RolloutState.NoMembers;
        return View(other.Fleet, other.Nodes).Select(node => KeyValuePair.Create(node.Key, node.Value with { GoesDown = node.Value.GoesDown || members.GetValueOrDefault(node.Key) is { IsInTheAir: true } }));
    }

    // Only what is held by something else than before is made anew.
    private ImmutableSortedDictionary<string, SinceHold> Holds(ImmutableSortedDictionary<string, SinceHold> before, RolloutDecision decision)
    {
        var (holds, now) = (before.ToBuilder(), time.GetUtcNow());
        foreach (var (name, hold) in decision.Holds)
        {
            if (!before.TryGetValue(name, out var earlier) || !ReferenceEquals(earlier.Hold, hold))
            {
                holds[name] = new(hold, earlier?.Hold.Gate == hold.Gate ? earlier.Since : now);
            }
        }

        foreach (var (name, _) in before)
        {
            if (!decision.Holds.ContainsKey(name))
            {
                holds.Remove(name);
            }
        }

        return holds.ToImmutable();
    }

    internal void Forget(string fleet) => _known.TryRemove(fleet, out _);
}
