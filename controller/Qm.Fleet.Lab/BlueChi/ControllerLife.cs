using System.Collections.Immutable;
using Qm.Fleet.BlueChi.Bus;
using Qm.Fleet.Lab.Nodes;

namespace Qm.Fleet.Lab.BlueChi;

/// <summary>A configured node as the controller knows it.</summary>
internal sealed record NodeEntry(string Name)
{
    public string Path { get; } = BlueChiNames.NodePath(Name);

    /// <summary>The agent that is connected; null while the node is offline.</summary>
    public AgentSession? Session { get; set; }

    /// <summary>When its agent connected.</summary>
    public DateTimeOffset ConnectedAt { get; set; }

    /// <summary>The last sign of life that was noted; null for none.</summary>
    public DateTimeOffset? LastSeen { get; set; }
}

/// <summary>
/// What the controller holds in memory from its start to its end: connections, monitors and jobs. A restarted controller begins empty, and counts
/// from 1 again. Used under the emulation's gate.
/// </summary>
internal sealed class ControllerLife
{
    private readonly BlueChiBus _bus;
    private readonly TimeProvider _time;
    private readonly SortedDictionary<string, NodeEntry> _nodes;
    private readonly HashSet<(string Node, string Unit)> _known = [];
    private readonly SortedDictionary<uint, Job> _jobs = [];
    private uint _lastJob;

    public ControllerLife(BlueChiBus bus, IEnumerable<string> allowedNodeNames, TimeProvider time)
    {
        (_bus, _time) = (bus, time);
        _nodes = new(allowedNodeNames.Distinct().ToDictionary(name => name, name => new NodeEntry(name)), StringComparer.Ordinal);
        Monitors = new Monitors(bus);
    }

    public Monitors Monitors { get; }

    public IReadOnlyCollection<NodeEntry> Nodes => _nodes.Values;

    /// <summary><c>up</c>, <c>degraded</c> or <c>down</c>.</summary>
    public string Status { get; private set; } = "down";

    /// <summary>What the controller logs from; forgotten when it restarts.</summary>
    public string LogLevel { get; set; } = "INFO";

    /// <summary>Measures jobs; null while nobody wants it.</summary>
    public Metrics? Metrics { get; set; }

    public NodeEntry? Node(string name) => _nodes.GetValueOrDefault(name);

    public NodeEntry? NodeAt(string path) => _nodes.Values.FirstOrDefault(node => node.Path == path);

    public Job? JobAt(string path) => _jobs.Values.FirstOrDefault(job => job.Path == path);

    /// <summary>Lets an agent in; false when its name is not allowed or already connected.</summary>
    public bool TryAttach(AgentSession session)
    {
        if (_nodes.GetValueOrDefault(session.Node) is not { Session: null } node)
        {
            return false;
        }

        (node.Session, node.ConnectedAt, node.LastSeen) = (session, _time.GetUtcNow(), _time.GetUtcNow());
        _bus.Changed(node.Path, BlueChiNames.Node, "Status", "online");
        UpdateStatus();
        foreach (var unit in Monitors.Units(node.Name))
        {
            SubscribeAgent(session, unit, only: null);
        }

        return true;
    }

    /// <summary>An agent's connection is gone. Its jobs go with it, and nobody is told of them.</summary>
    public void Detach(AgentSession session)
    {
        if (_nodes.GetValueOrDefault(session.Node) is not { } node || node.Session != session)
        {
            return;
        }

        foreach (var unit in Monitors.Units(node.Name))
        {
            var believed = unit == "*" ? ("active", "running") : session.Believed(unit);
            if (believed is { Active: not "inactive" })
            {
                Monitors.UnitStateChanged(node.Name, unit, "inactive", "agent-offline", "virtual");
            }

            if (believed is not null)
            {
                Monitors.UnitRemoved(node.Name, unit, "virtual");
            }
        }

        foreach (var job in _jobs.Values.Where(job => job.Node == node.Name).ToArray())
        {
            _jobs.Remove(job.Id);
        }

        Hear(node);
        node.Session = null;
        _bus.Changed(node.Path, BlueChiNames.Node, "Status", "offline");
        UpdateStatus();
    }

    /// <summary>Passes on what an agent tells of a unit.</summary>
    public void Tell(AgentSession session, EmulatedUnit unit, UnitChange change)
    {
        if (_nodes.GetValueOrDefault(session.Node)?.Session != session || !session.Tells(unit.Name))
        {
            return;
        }

        _known.Add((session.Node, unit.Name));
        switch (change)
        {
            case UnitChange.New:
                Monitors.UnitNew(session.Node, unit.Name, "real");
                break;
            case UnitChange.Removed:
                Monitors.UnitRemoved(session.Node, unit.Name, "real");
                break;
            default:
                Monitors.UnitStateChanged(session.Node, unit.Name, unit.ActiveState, unit.SubState, "real");
                Monitors.UnitPropertiesChanged(session.Node, unit.Name, "org.freedesktop.systemd1.Service", unit.ServiceProperties());
                Monitors.UnitPropertiesChanged(session.Node, unit.Name, "org.freedesktop.systemd1.Unit", unit.UnitProperties());
                break;
        }
    }

    /// <summary>Subscribes a monitor; what is already known of the units is told to it, after the reply, as virtual events.</summary>
    public void Subscribe(Monitor monitor, string node, IReadOnlyList<string> units, Action<uint> reply)
    {
        reply(Monitors.Subscribe(monitor, node, units).Id);
        foreach (var session in _nodes.Values.Where(entry => node is "*" || entry.Name == node).Select(entry => entry.Session).OfType<AgentSession>())
        {
            foreach (var unit in units)
            {
                SubscribeAgent(session, unit, monitor);
            }
        }
    }

    /// <summary>Takes subscriptions back from agents that nobody needs any more.</summary>
    public void DropUnusedSubscriptions()
    {
        foreach (var session in _nodes.Values.Select(entry => entry.Session).OfType<AgentSession>())
        {
            session.KeepOnly(Monitors.Units(session.Node));
        }
    }

    /// <summary>Makes a job. It is told of once <see cref="Announce"/> is called; it is gone after <see cref="Forget"/>.</summary>
    public Job CreateJob(string node, string unit, JobType type)
    {
        var job = new Job(++_lastJob, node, unit, type.ToString().ToLowerInvariant());
        _jobs.Add(job.Id, job);
        Metrics?.Begin(job);
        return job;
    }

    /// <summary>systemd refused the job; its number is not used again.</summary>
    public void Forget(Job job) => _jobs.Remove(job.Id);

    /// <summary>Tells of a job, then answers its caller, if that is one of ours, then tells what has happened to it since.</summary>
    public void Announce(Job job, MethodCall? call)
    {
        _bus.Emit(BlueChiNames.Root, BlueChiNames.Controller, "JobNew", [job.Id, new BusValue.ObjectPath(job.Path)]);
        call?.Reply(new BusValue.ObjectPath(job.Path));
        job.Replied();
    }

    /// <summary>An agent tells that a job runs or waits.</summary>
    public void JobStateChanged(uint id, string node, string state) => OnJob(id, node, job =>
    {
        job.State = state;
        _bus.Changed(job.Path, BlueChiNames.Job, "State", state);
    });

    /// <summary>An agent tells a job's result. Only the number counts, even when it is that of an earlier life's job.</summary>
    public void JobFinished(uint id, string node, string result) => OnJob(id, node, job =>
    {
        if (_jobs.Remove(job.Id))
        {
            var metrics = Metrics?.End(job);
            Tell("AgentJobMetrics", metrics?.OfAgent ?? []);
            _bus.Emit(BlueChiNames.Root, BlueChiNames.Controller, "JobRemoved", [job.Id, new BusValue.ObjectPath(job.Path), job.Node, job.Unit, result]);
            Tell("StartUnitJobMetrics", metrics?.OfController ?? []);
        }
    });

    /// <summary>A clean end: every job is cancelled, every node goes offline.</summary>
    public void ShutDown()
    {
        foreach (var job in _jobs.Values.ToArray())
        {
            JobFinished(job.Id, job.Node, "cancelled due to shutdown");
        }

        foreach (var session in _nodes.Values.Select(entry => entry.Session).OfType<AgentSession>().ToArray())
        {
            Detach(session);
        }
    }

    private void Tell(string metrics, ImmutableArray<BusValue> body)
    {
        if (body.Length > 0)
        {
            _bus.Emit(BlueChiNames.MetricsPath, BlueChiNames.Metrics, metrics, body);
        }
    }

    private void OnJob(uint id, string node, Action<Job> action)
    {
        if (_jobs.GetValueOrDefault(id) is { } job && job.Node == node)
        {
            job.AfterReply(() => action(job));
        }
    }

    // An agent tells its state on the first subscription only; later ones hear what the controller remembers, which is nothing after a restart.
    private void SubscribeAgent(AgentSession session, string unit, Monitor? only)
    {
        var first = session.Subscribe(unit);
        if (first)
        {
            _known.Add((session.Node, unit));
        }
        else if (only is null || !_known.Contains((session.Node, unit)))
        {
            return;
        }

        if (unit == "*")
        {
            Monitors.UnitNew(session.Node, unit, "virtual", only);
        }
        else if (session.Believed(unit) is { } state)
        {
            Monitors.UnitNew(session.Node, unit, "virtual", only);
            Monitors.UnitStateChanged(session.Node, unit, state.Active, state.Sub, "virtual", only);
        }
    }

    /// <summary>When a node was last heard, by its connection and its heartbeats: CLOCK_REALTIME and CLOCK_MONOTONIC in microseconds, 0 for never.</summary>
    public (ulong Real, ulong Monotonic) LastSeen(NodeEntry node)
    {
        Hear(node);
        return node.LastSeen is { } seen
            ? ((ulong)(seen - DateTimeOffset.UnixEpoch).TotalMicroseconds, (ulong)(_time.GetTimestamp() / (_time.TimestampFrequency / 1_000_000) - (long)(_time.GetUtcNow() - seen).TotalMicroseconds))
            : (0, 0);
    }

    /// <summary>The agents that were not heard for longer than a threshold.</summary>
    public IReadOnlyList<AgentSession> Silent(TimeSpan threshold)
    {
        foreach (var node in _nodes.Values)
        {
            Hear(node);
        }

        return [.. _nodes.Values.Where(node => _time.GetUtcNow() - node.LastSeen > threshold).Select(node => node.Session).OfType<AgentSession>()];
    }

    /// <summary>Takes note of a node's heartbeats up to now.</summary>
    public void Hear(string node)
    {
        if (_nodes.GetValueOrDefault(node) is { } entry)
        {
            Hear(entry);
        }
    }

    // Heartbeats are counted when somebody asks for them.
    private void Hear(NodeEntry node)
    {
        if (node.Session is { IsHeld: false } session)
        {
            var interval = session.Systemd.Node.Timings.AgentRetry;
            var beats = (long)((_time.GetUtcNow() - node.ConnectedAt) / interval);
            node.LastSeen = beats > 0 ? node.ConnectedAt + (interval * beats) : node.LastSeen;
        }
    }

    private void UpdateStatus()
    {
        var online = _nodes.Values.Count(node => node.Session is not null);
        var status = online == 0 ? "down" : online == _nodes.Count ? "up" : "degraded";
        if (status != Status)
        {
            Status = status;
            _bus.Changed(BlueChiNames.Root, BlueChiNames.Controller, "Status", status);
        }
    }
}
