using Qm.Fleet.Core.Capacity;
using Qm.Fleet.Core.Environments;
using Qm.Fleet.Core.Rollouts;
using Qm.Fleet.Core.Selectors;
using Qm.Fleet.Core.Supervision;

namespace Qm.Fleet.Controller.Storage;

/// <summary>Everything people asked for, read in one consistent snapshot.</summary>
/// <param name="Fleets">By name.</param>
/// <param name="Nodes">By name.</param>
internal sealed record DesiredState(IReadOnlyList<DesiredFleet> Fleets, IReadOnlyList<DesiredNode> Nodes)
{
    /// <summary>The fleets that want a node; one that is being deleted gives way to any other. A node that leaves for good is wanted by nobody else.</summary>
    public DesiredFleet[] ClaimsOf(DesiredNode node)
    {
        if (node.Leaves)
        {
            return [.. Fleets.Where(fleet => fleet.Leaving == node.Name)];
        }
        var matching = Fleets.Where(fleet => fleet.Leaving is null && fleet.Selector.Matches(node.Labels)).ToArray();
        return matching.Any(fleet => !fleet.IsDeleting) ? [.. matching.Where(fleet => !fleet.IsDeleting)] : matching;
    }
}

/// <summary>One fleet as asked for.</summary>
/// <param name="Name">The fleet's name.</param>
/// <param name="Uid">Differs from that of an earlier, deleted fleet of the same name.</param>
/// <param name="Selector">Which nodes it wants.</param>
/// <param name="Revision">Name of the current revision.</param>
/// <param name="Policy">How its nodes move.</param>
/// <param name="Rollout">The newest rollout, with its members; null only for a fleet that never had one.</param>
/// <param name="Environments">What the revisions hold that nodes of the rollout have or shall have, by name.</param>
/// <param name="Failures">Nodes on which the current revision failed, each with why; it is not tried there again.</param>
internal sealed record DesiredFleet(
    string Name, string Uid, LabelSelector Selector, string Revision, RolloutPolicy Policy, StoredRollout? Rollout,
    IReadOnlyDictionary<string, FleetEnvironment> Environments, IReadOnlyDictionary<string, string> Failures)
{
    /// <summary>How its nodes are healed.</summary>
    public SupervisionPolicy Supervision { get; init; } = SupervisionPolicy.Default;

    /// <summary>What of each of its nodes is kept for safety software.</summary>
    public AsilReserve AsilReserve { get; init; } = AsilReserve.Default;

    /// <summary>Whether it is being deleted: its rollout takes away what it had brought.</summary>
    public bool IsDeleting { get; init; }

    /// <summary>The one node that this takes everything off, so that it can be retired; null for a fleet of people.</summary>
    public string? Leaving { get; init; }

    /// <summary>The fleet that a node which leaves was of; empty for none, or several.</summary>
    public string Home { get; init; } = "";

    /// <summary>Whose budget its nodes share: its own, or that of the fleet that a node leaves; empty for none.</summary>
    public string Family => Leaving is null ? Name : Home;

    /// <summary>As people are told it; empty for a node that leaves.</summary>
    public string Shown => Leaving is null ? Name : "";

    /// <summary>What the current revision holds.</summary>
    public FleetEnvironment Environment => Environments[Revision];
}

/// <summary>One node as asked for.</summary>
internal sealed record DesiredNode(string Name, string Site, IReadOnlyDictionary<string, string> Labels, bool Cordoned)
{
    /// <summary>Whether people work on it.</summary>
    public bool Maintenance { get; init; }

    /// <summary>Whether it is retired as soon as what QM Fleet brought is off it.</summary>
    public bool Leaves { get; init; }
}
