using System.Collections.Immutable;
using Qm.Fleet.Controller.Storage;
using Qm.Fleet.Controller.Supervise;
using Qm.Fleet.Core.Reconcile;
using Qm.Fleet.Core.Rollouts;
using Qm.Fleet.Core.Supervision;

namespace Qm.Fleet.Controller.Reconcile;

/// <summary>Asks whether a node whose turn it is may be touched, right before it is: between its turn and the doing there may be hours.</summary>
internal sealed class MoveGate(string node, BlueChiLink blueChi, RolloutKeeper rollouts, Decisions decisions, TimeProvider time, ILogger logger)
{
    /// <summary>What held the node when that was asked last; null when nothing did.</summary>
    internal NodeStep.Wait? Held { get; private set; }

    /// <summary>Asks the policy's windows, and its preconditions of the units as they are now.</summary>
    /// <param name="fleet">The node's fleet; null when it has none.</param>
    /// <param name="steadyNow">The time that the node's waits go by.</param>
    /// <param name="ct">Ends the reading.</param>
    /// <returns>What holds the node; null when nothing does, or it is on no way that anything could hold.</returns>
    internal async Task<NodeStep.Wait?> AskAsync(DesiredFleet? fleet, DateTimeOffset steadyNow, CancellationToken ct)
    {
        if (fleet is not { Policy: { } policy } || (policy.Windows.IsEmpty && policy.Preconditions.IsEmpty) || !IsAsked(rollouts.MemberOf(fleet.Name, node)))
        {
            return Held = null;
        }

        return Held = rollouts.HoldOf(fleet, node, await ReadAsync(fleet, ct)) is { } hold
            ? new(hold.Gate, hold.Reason, hold.Until is { } until ? steadyNow + (until - time.GetUtcNow()) : null)
            : null;
    }

    /// <summary>Asks the policy's preconditions of the units as they are now, for something else than a rollout that disrupts the node.</summary>
    /// <returns>The first that does not hold; null when all do.</returns>
    internal async Task<UnmetPrecondition?> BlockedAsync(DesiredFleet fleet, CancellationToken ct) =>
        fleet.Policy.Preconditions.IsEmpty ? null : rollouts.BlockedOf(fleet, node, await ReadAsync(fleet, ct));

    /// <summary>What keeps QM of the node, which runs, from being taken down to heal it; null when nothing does.</summary>
    /// <param name="fleet">Its fleet.</param>
    /// <param name="qm">Whether BlueChi hears QM.</param>
    /// <param name="members">The nodes of the fleet, each where it stands in its rollout.</param>
    /// <param name="blocked">A precondition that does not hold; null when all do.</param>
    internal HealingHold? MayDisrupt(DesiredFleet fleet, Presence qm, FleetMembers members, UnmetPrecondition? blocked)
    {
        var nodes = rollouts.View(fleet, members.Nodes.Append(node).Distinct());
        foreach (var (name, beside) in rollouts.Beside(fleet))
        {
            nodes.TryAdd(name, beside);
        }

        // It was looked at just now; what is noted of it may be older.
        nodes[node] = nodes[node] with { Availability = qm == Presence.Online ? Availability.Serving : Availability.Unregistered };
        return decisions.MayDisrupt(node, nodes, members.Members, fleet.Policy, blocked);
    }

    // Units as they are now, by node and unit; null for what could not be read.
    private async Task<Func<string, string, UnitReading?>> ReadAsync(DesiredFleet fleet, CancellationToken ct)
    {
        var units = new Dictionary<string, ImmutableSortedDictionary<string, UnitReading>>(StringComparer.Ordinal);
        foreach (var asked in fleet.Policy.Preconditions.GroupBy(condition => condition.Node.Length == 0 ? node : condition.Node, condition => condition.Unit, StringComparer.Ordinal))
        {
            if (blueChi.PresenceOf(asked.Key) == Presence.Online)
            {
                units[asked.Key] = await UnitReader.ReadManyAsync(blueChi, asked.Key, asked.Distinct(), logger, ct);
            }
        }

        return (host, unit) => units.GetValueOrDefault(host)?.GetValueOrDefault(unit);
    }

    // One that was held waits for its turn again, and is asked about until nothing holds it.
    private bool IsAsked(RolloutMember? member) => member?.State == MemberState.Moving || (Held is not null && member?.State == MemberState.Waiting);
}
