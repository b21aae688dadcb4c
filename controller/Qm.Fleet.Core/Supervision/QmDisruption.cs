using Qm.Fleet.Core.Rollouts;

namespace Qm.Fleet.Core.Supervision;

/// <summary>
/// Whether QM that runs may be taken down to heal what fails in it. That is as much a disruption as a rollout's: it waits for the same preconditions and
/// has to find room in the same budget. Windows are not asked: they are for what can be planned.
/// </summary>
public static class QmDisruption
{
    /// <summary>What keeps QM of a node from being restarted; null when nothing does.</summary>
    /// <param name="node">The node.</param>
    /// <param name="nodes">
    /// Every node of the fleet; one whose QM does not run is down already, and loses nothing. One that runs and is not heard, as all are when BlueChi starts, is
    /// down, too, and has something to lose.
    /// </param>
    /// <param name="members">Where each stands in the fleet's rollout.</param>
    /// <param name="policy">How many may be down, and what must hold before one is.</param>
    /// <param name="blocked">A precondition that does not hold; null when all do.</param>
    public static HealingHold? Hold(
        string node, IReadOnlyDictionary<string, RolloutNode> nodes, IReadOnlyDictionary<string, RolloutMember> members, RolloutPolicy policy, UnmetPrecondition? blocked)
    {
        if (nodes[node].Availability < Availability.Unregistered)
        {
            return null;
        }

        if (blocked is not null)
        {
            return new("Precondition", blocked.Reason, null);
        }

        using var budget = new RolloutBudget(policy, nodes, members, RolloutGroups.Of(policy));
        return budget.Take(node, nodes[node]) is { } full ? new("Budget", full.Reason, null) : null;
    }
}
