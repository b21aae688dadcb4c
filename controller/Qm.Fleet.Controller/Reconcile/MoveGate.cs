using System.Collections.Immutable;
using Qm.Fleet.Controller.Storage;
using Qm.Fleet.Core.Reconcile;
using Qm.Fleet.Core.Rollouts;

namespace Qm.Fleet.Controller.Reconcile;

/// <summary>Asks whether a node whose turn it is may be touched, right before it is: between its turn and the doing there may be hours.</summary>
internal sealed class MoveGate(string node, BlueChiLink blueChi, RolloutKeeper rollouts, TimeProvider time, ILogger logger)
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

        var units = new Dictionary<string, ImmutableSortedDictionary<string, UnitReading>>(StringComparer.Ordinal);
        foreach (var asked in policy.Preconditions.GroupBy(condition => condition.Node.Length == 0 ? node : condition.Node, condition => condition.Unit, StringComparer.Ordinal))
        {
            if (blueChi.Current is { } current && blueChi.PresenceOf(asked.Key) == Presence.Online)
            {
                units[asked.Key] = await UnitReader.ReadManyAsync(current, asked.Key, asked.Distinct(), logger, ct);
            }
        }

        return Held = rollouts.HoldOf(fleet, node, (host, unit) => units.GetValueOrDefault(host)?.GetValueOrDefault(unit)) is { } hold
            ? new(hold.Gate, hold.Reason, hold.Until is { } until ? steadyNow + (until - time.GetUtcNow()) : null)
            : null;
    }

    // One that was held waits for its turn again, and is asked about until nothing holds it.
    private bool IsAsked(RolloutMember? member) => member?.State == MemberState.Moving || (Held is not null && member?.State == MemberState.Waiting);
}
