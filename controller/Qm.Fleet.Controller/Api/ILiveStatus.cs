using Qm.Fleet.Controller.Storage;

namespace Qm.Fleet.Controller.Api;

/// <summary>What is so, as the API shows it beside what is wanted. Answers at once, from memory.</summary>
internal interface ILiveStatus
{
    /// <summary>A node's status; conditions are UNKNOWN for a node nothing was heard of.</summary>
    /// <returns>The caller's own copy.</returns>
    V1.NodeStatus Node(string name);

    /// <summary>A fleet's status with respect to the revision that is stored; the rollout's phase is the stored one, what it waits for is the present.</summary>
    /// <returns>The caller's own copy.</returns>
    V1.FleetStatus Fleet(StoredFleet fleet);
}
