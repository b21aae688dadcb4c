using System.Collections.Concurrent;
using Qm.Fleet.Controller.Api;
using Qm.Fleet.Controller.Storage;

namespace Qm.Fleet.Controller.Tests;

/// <summary>Live status that a test sets.</summary>
internal sealed class LiveStatusByHand : ILiveStatus
{
    public ConcurrentDictionary<string, V1.NodeStatus> Nodes { get; } = new();

    public V1.NodeStatus Node(string name) => Nodes.TryGetValue(name, out var status) ? status.Clone() : new V1.NodeStatus();

    public V1.FleetStatus Fleet(StoredFleet fleet) => new() { Revision = fleet.Revision, Rollout = fleet.Rollout?.ToWire() };
}
