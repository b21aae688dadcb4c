using System.Collections.Immutable;
using Qm.Fleet.BlueChi.Bus;
using Qm.Fleet.BlueChi.Client;
using Qm.Fleet.BlueChi.Jobs;
using Qm.Fleet.BlueChi.Monitors;

namespace Qm.Fleet.BlueChi.Session;

/// <summary>Passes an owner's signals on, in the order in which they came, from the list of nodes onwards.</summary>
internal sealed class SignalRelay(BlueChiClient client, JobTracker jobs, FloodGuard floods, Action<string> flooded, IBlueChiObserver observer)
{
    private static readonly UnitHint Look = new("", "", true);

    private readonly Lock _gate = new();
    private readonly HashSet<string> _muted = new(StringComparer.Ordinal);
    private ImmutableArray<NodeInfo> _nodes = [];
    private bool _running;

    /// <summary>The list of nodes; on the connection's thread, so that no status change falls between it and the signals.</summary>
    internal void Listed(ImmutableArray<NodeInfo> nodes)
    {
        ImmutableArray<NodeInfo> changed;
        lock (_gate)
        {
            changed = _running ? [.. nodes.Where(node => !_nodes.Any(known => known.Name == node.Name && known.Status == node.Status))] : [];
            _nodes = nodes;
        }

        foreach (var node in changed)
        {
            StatusChanged(node.Name, node.Status);
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

    /// <summary>Whatever was heard or missed, the whole node is worth a look.</summary>
    internal void LookAt(string node) => Tell(() => observer.UnitChanged(node, Pattern.All, Look));

    /// <summary>The nodes that are connected, by name.</summary>
    internal string[] Connected()
    {
        lock (_gate)
        {
            return [.. _nodes.Where(static node => node.Status == NodeStatus.Online).Select(static node => node.Name)];
        }
    }

    /// <summary>A node that was too loud is heard again.</summary>
    internal void Unmute(string node)
    {
        lock (_gate)
        {
            _muted.Remove(node);
            floods.Forget(node);
        }
    }

    /// <summary>Takes PropertiesChanged of nodes and of the controller: interface, changed properties, invalidated ones.</summary>
    internal void PropertiesChanged(BusSignal signal)
    {
        if (signal.Body is not [BusValue.Text { Value: var name }, BusValue.Dictionary changed, ..] || name is not (Wire.Node or Wire.Controller))
        {
            return;
        }

        var status = changed.Entries.LastOrDefault(entry => entry.Key is BusValue.Text { Value: "Status" }).Value?.AsInner() as BusValue.Text;
        if (status is null)
        {
            return;
        }

        if (name == Wire.Controller)
        {
            Tell(() => observer.SystemStatusChanged(Wire.ToSystemStatus(status.Value)));
        }
        else if (client.FindNode(signal.Path) is { } node)
        {
            StatusChanged(node, Wire.ToStatus(status.Value));
        }
    }

    /// <summary>Takes the monitor's signals; what they say is a hint.</summary>
    internal void MonitorSignal(MonitorSignal signal)
    {
        if (signal is not UnitSignal unit)
        {
            return;
        }

        lock (_gate)
        {
            if (_muted.Contains(unit.Node))
            {
                return;
            }

            if (floods.Count(unit.Node))
            {
                _muted.Add(unit.Node);
                flooded(unit.Node);
                return;
            }
        }

        var hint = signal switch
        {
            UnitStateChanged state => new UnitHint(state.ActiveState, state.SubState, state.IsVirtual),
            UnitNew found => new UnitHint("", "", found.IsVirtual),
            UnitRemoved gone => new UnitHint("", "", gone.IsVirtual),
            _ => null,
        };
        if (hint is not null)
        {
            Tell(() => observer.UnitChanged(unit.Node, unit.Unit, hint));
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
        }

        Tell(() => observer.NodeStatusChanged(node, status));
    }

    private void Tell(Action tell)
    {
        lock (_gate)
        {
            if (_running)
            {
                tell();
            }
        }
    }
}
