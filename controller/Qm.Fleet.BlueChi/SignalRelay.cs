using System.Collections.Immutable;
using Qm.Fleet.BlueChi.Bus;

namespace Qm.Fleet.BlueChi;

/// <summary>Passes an owner's signals on, in the order in which they came, from the list of nodes onwards.</summary>
internal sealed class SignalRelay(BlueChiClient client, JobTracker jobs, IBlueChiObserver observer)
{
    private readonly Lock _gate = new();
    private ImmutableArray<NodeInfo> _nodes = [];
    private bool _running;

    /// <summary>The list of nodes; on the connection's thread, so that no status change falls between it and the signals.</summary>
    internal void Listed(ImmutableArray<NodeInfo> nodes)
    {
        lock (_gate)
        {
            _nodes = nodes;
        }
    }

    /// <summary>Everything is set up: the observer hears of the nodes as they are by now.</summary>
    internal void Begin()
    {
        lock (_gate)
        {
            _running = true;
            observer.Connected(client, _nodes);
        }
    }

    /// <summary>The owner is gone.</summary>
    internal void End(string reason)
    {
        lock (_gate)
        {
            if (_running)
            {
                _running = false;
                observer.Disconnected(reason);
            }
        }
    }

    /// <summary>Takes PropertiesChanged of nodes: interface, changed properties, invalidated ones.</summary>
    internal void PropertiesChanged(BusSignal signal)
    {
        if (signal.Body is not [BusValue.Text { Value: Wire.Node }, BusValue.Dictionary changed, ..] || client.FindNode(signal.Path) is not { } node)
        {
            return;
        }

        foreach (var (name, value) in changed.Entries)
        {
            if (name.AsText() == "Status" && value.AsInner() is BusValue.Text word)
            {
                StatusChanged(node, Wire.ToStatus(word.Value));
            }
        }
    }

    /// <summary>Takes the monitor's signals; what they say is a hint, and properties are said too often to be one.</summary>
    internal void UnitSignal(BusSignal signal)
    {
        // UnitNew and UnitRemoved carry a reason that live introspection does not tell of.
        var hint = (signal.Member, signal.Body) switch
        {
            ("UnitStateChanged", [_, _, BusValue.Text active, BusValue.Text sub, BusValue.Text reason]) => new UnitHint(active.Value, sub.Value, reason.Value == "virtual"),
            ("UnitNew" or "UnitRemoved", [_, _, BusValue.Text reason]) => new UnitHint("", "", reason.Value == "virtual"),
            _ => null,
        };
        if (hint is not null && signal.Body is [BusValue.Text node, BusValue.Text unit, ..])
        {
            lock (_gate)
            {
                if (_running)
                {
                    observer.UnitChanged(node.Value, unit.Value, hint);
                }
            }
        }
    }

    private void StatusChanged(string node, NodeStatus status)
    {
        if (status != NodeStatus.Online)
        {
            jobs.NodeLost(node);
        }

        lock (_gate)
        {
            _nodes = [.. _nodes.Select(known => known.Name == node ? known with { Status = status } : known)];
            if (_running)
            {
                observer.NodeStatusChanged(node, status);
            }
        }
    }
}
