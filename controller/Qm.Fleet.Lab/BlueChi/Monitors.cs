using System.Collections.Immutable;
using Qm.Fleet.BlueChi.Bus;

namespace Qm.Fleet.Lab.BlueChi;

/// <summary>A subscription of a monitor: <c>*</c> stands for every node, or every unit.</summary>
internal sealed record Subscription(uint Id, string Node, IReadOnlyList<string> Units)
{
    public bool Covers(string node, string unit) => (Node is "*" || Node == node) && (Units.Contains(unit) || Units.Contains("*"));
}

/// <summary>A monitor: it tells its creator and its peers, and nobody else.</summary>
internal sealed record Monitor(uint Id, string Owner)
{
    public string Path { get; } = BlueChiNames.MonitorPath(Id);

    public SortedDictionary<uint, Subscription> Subscriptions { get; } = [];

    public SortedDictionary<uint, string> Peers { get; } = [];
}

/// <summary>The monitors of one life of the emulated controller. Used under its gate.</summary>
internal sealed class Monitors(BlueChiBus bus)
{
    private readonly SortedDictionary<uint, Monitor> _monitors = [];
    private uint _lastMonitor;
    private uint _lastSubscription = 1;

    /// <summary>All units that are subscribed by name on a node, and <c>*</c> when any subscription covers all.</summary>
    public IReadOnlyList<string> Units(string node) => [.. _monitors.Values.SelectMany(monitor => monitor.Subscriptions.Values)
        .Where(subscription => subscription.Node is "*" || subscription.Node == node).SelectMany(subscription => subscription.Units).Distinct().Order(StringComparer.Ordinal)];

    public Monitor Create(string owner)
    {
        var monitor = new Monitor(++_lastMonitor, owner);
        _monitors.Add(monitor.Id, monitor);
        return monitor;
    }

    public Monitor? Find(string path) => _monitors.Values.FirstOrDefault(monitor => monitor.Path == path);

    public void Close(Monitor monitor)
    {
        _monitors.Remove(monitor.Id);
        foreach (var peer in monitor.Peers.Values)
        {
            bus.Emit(monitor.Path, BlueChiNames.Monitor, "PeerRemoved", ["monitor closed"], peer);
        }
    }

    /// <summary>A client left the bus, and its monitors with it.</summary>
    public void CloseAllOf(string owner)
    {
        foreach (var monitor in _monitors.Values.Where(monitor => monitor.Owner == owner).ToArray())
        {
            Close(monitor);
        }
    }

    public Subscription Subscribe(Monitor monitor, string node, IReadOnlyList<string> units)
    {
        var subscription = new Subscription(++_lastSubscription, node, units);
        monitor.Subscriptions.Add(subscription.Id, subscription);
        return subscription;
    }

    public uint AddPeer(Monitor monitor, string name)
    {
        monitor.Peers.Add(++_lastSubscription, name);
        return _lastSubscription;
    }

    public bool RemovePeer(Monitor monitor, uint id, string reason)
    {
        if (!monitor.Peers.Remove(id, out var peer))
        {
            return false;
        }

        bus.Emit(monitor.Path, BlueChiNames.Monitor, "PeerRemoved", [reason], peer);
        return true;
    }

    public void UnitNew(string node, string unit, string reason, Monitor? only = null) =>
        Tell(node, unit, only, "UnitNew", reason);

    public void UnitRemoved(string node, string unit, string reason) => Tell(node, unit, null, "UnitRemoved", reason);

    public void UnitStateChanged(string node, string unit, string active, string sub, string reason, Monitor? only = null) =>
        Tell(node, unit, only, "UnitStateChanged", active, sub, reason);

    public void UnitPropertiesChanged(string node, string unit, string interfaceName, IEnumerable<KeyValuePair<string, BusValue>> properties) =>
        Tell(node, unit, null, "UnitPropertiesChanged", interfaceName, BusValue.Properties(properties));

    // Subscriptions that overlap tell everything as often as they overlap.
    private void Tell(string node, string unit, Monitor? only, string member, params ImmutableArray<BusValue> rest)
    {
        ImmutableArray<BusValue> body = [node, unit, .. rest];
        foreach (var monitor in _monitors.Values.Where(monitor => only is null || monitor == only))
        {
            foreach (var _ in monitor.Subscriptions.Values.Where(subscription => subscription.Covers(node, unit)))
            {
                foreach (var reader in monitor.Peers.Values.Prepend(monitor.Owner))
                {
                    bus.Emit(monitor.Path, BlueChiNames.Monitor, member, body, reader);
                }
            }
        }
    }
}
