using Qm.Fleet.BlueChi;
using Qm.Fleet.Core.Revisions;
using Qm.Fleet.Simulation.Runs;

namespace Qm.Fleet.Simulation.Models;

/// <summary>bluechi-controller: what it believes of its agents, what it passes on to them, and what it tells of them.</summary>
/// <remarks>
/// It believes a link to live until its heartbeat is missed; what it passes to an agent that stands still lies there until the agent goes on. What it
/// tells may be lost, doubled or late, and what it makes up when a node is lost is told as it would be.
/// </remarks>
internal sealed class SimulatedBus(World world)
{
    private readonly SortedDictionary<string, Link> _links = new(StringComparer.Ordinal);
    private int _incarnation;

    /// <summary>Whether it runs.</summary>
    internal bool IsUp { get; private set; } = true;

    /// <summary>Which one this is; calls to an earlier one end.</summary>
    internal int Incarnation => _incarnation;

    internal IReadOnlyList<NodeInfo> Nodes => [.. _links.Select(link => new NodeInfo(link.Key, link.Value.IsOnline ? NodeStatus.Online : NodeStatus.Offline, ""))];

    internal void Add(SimulatedNode node)
    {
        _links[node.Name] = new(node, false);
        _links[QmNode.NameFor(node.Name)] = new(node, true);
    }

    internal Link? Find(string name) => _links.GetValueOrDefault(name);

    /// <summary>A node's power, wire or QM changed.</summary>
    internal void LinkChanged(SimulatedNode node)
    {
        foreach (var name in (string[])[node.Name, QmNode.NameFor(node.Name)])
        {
            if (_links.TryGetValue(name, out var link))
            {
                Look(name, link);
            }
        }
    }

    /// <summary>An agent went and came back at once.</summary>
    internal void Blip(SimulatedNode node)
    {
        if (_links[node.Name].IsOnline)
        {
            Believe(node.Name, _links[node.Name], false);
        }
    }

    /// <summary>bluechi-controller dies, and another one comes a little later.</summary>
    internal void Restart(TimeSpan down)
    {
        if (!IsUp)
        {
            return;
        }

        (IsUp, _incarnation) = (false, _incarnation + 1);
        world.Trace.Add("bluechi-controller is gone");
        foreach (var link in _links.Values)
        {
            link.IsOnline = false;
            link.Drop();
        }

        world.Controller?.BlueChi.Disconnected("the bus name has no owner");
        world.Time.After(down, () =>
        {
            IsUp = true;
            world.Trace.Add("bluechi-controller is back");
            world.Controller?.Meet();
            foreach (var (name, link) in _links)
            {
                Look(name, link);
            }
        });
    }

    internal void UnitChanged(SimulatedNode node, bool inside, string unit)
    {
        var name = inside ? QmNode.NameFor(node.Name) : node.Name;
        if (_links.TryGetValue(name, out var link) && link is { IsOnline: true, IsReached: true })
        {
            Tell(() => world.Controller?.BlueChi.UnitChanged(name, unit, new("", "", false)));
        }
    }

    /// <summary>After a daemon-reload the agent has forgotten what it knew of its units, and tells nonsense until they change next.</summary>
    internal void Forget(string name)
    {
        if (_links[name] is { IsOnline: true, IsReached: true })
        {
            Tell(() => world.Controller?.BlueChi.UnitChanged(name, QmNode.Unit, new("inactive", "dead", false)));
        }
    }

    private void Look(string name, Link link)
    {
        if (!IsUp)
        {
            return;
        }

        var watch = ++link.Watch;
        if (link.IsReached && link.IsOnline)
        {
            // It was not missed: what lies there is carried out now.
            link.Flush();
        }
        else if (link.IsReached)
        {
            world.Time.After(world.Random.Milliseconds(50, 3_000), () =>
            {
                if (link.Watch == watch && link.IsReached && IsUp)
                {
                    Believe(name, link, true);
                    link.Flush();
                }
            });
        }
        else if (link.IsOnline)
        {
            // A socket that is closed is noticed at once, everything else by the heartbeat.
            var isClosed = link.IsQm && link.Node is { IsUp: true, CanTell: true };
            // Where something is under way to it, TCP takes long to give up.
            var isLate = world.Random.Chance(10);
            world.Time.After(isClosed ? world.Random.Milliseconds(5, 100) : world.Random.Milliseconds(2_000, isLate ? 60_000 : 9_000), () =>
            {
                if (link.Watch == watch && !link.IsReached && IsUp)
                {
                    Believe(name, link, false);
                }
            });
        }
    }

    private void Believe(string name, Link link, bool isOnline)
    {
        link.IsOnline = isOnline;
        world.Trace.Add($"BlueChi says {name} is {(isOnline ? "online" : "offline")}");
        if (!isOnline)
        {
            link.Drop();
            // Made up by bluechi-controller, whatever the unit does.
            TellVirtual(name, "inactive");
        }
        else if (world.Random.Chance(30))
        {
            TellVirtual(name, "invalid");
        }

        Tell(() => TellStatus(name), mayBeLost: false);
        Look(name, link);
    }

    private void TellStatus(string name)
    {
        // The client reads it back, so that it is never of an earlier time.
        if (IsUp && _links[name] is var link)
        {
            world.Controller?.BlueChi.NodeStatusChanged(name, link.IsOnline ? NodeStatus.Online : NodeStatus.Offline);
        }
    }

    private void TellVirtual(string name, string state) =>
        Tell(() => world.Controller?.BlueChi.UnitChanged(name, QmNode.Unit, new(state, state, true)));

    private void Tell(Action tell, bool mayBeLost = true)
    {
        if (mayBeLost && world.Random.Chance(world.Setup.LostSignals))
        {
            return;
        }

        var isLate = world.Random.Chance(world.Setup.LostSignals);
        world.Time.After(world.Random.Milliseconds(2, isLate ? 8_000 : 120), tell);
        if (world.Random.Chance(world.Setup.LostSignals))
        {
            world.Time.After(world.Random.Milliseconds(2, 2_000), tell);
        }
    }

    /// <summary>One agent's connection.</summary>
    internal sealed class Link(SimulatedNode node, bool isQm)
    {
        private readonly Queue<Action> _lying = new();
        private readonly SortedDictionary<long, Action> _waiting = [];
        private long _number;

        internal SimulatedNode Node => node;

        internal bool IsQm => isQm;

        /// <summary>What bluechi-controller believes.</summary>
        internal bool IsOnline { get; set; }

        /// <summary>Counts changes, so that only the last is acted upon.</summary>
        internal int Watch { get; set; }

        /// <summary>Whether it tells that it lives.</summary>
        internal bool IsReached => IsAlive && node.CanTell;

        private bool IsAlive => node.IsUp && (isQm ? node.IsQmRegistered : !node.IsFrozen);

        private bool Hears => IsAlive && node.Wire is (Wire.Whole or Wire.Mute);

        /// <summary>Gives something to the agent: it does it now, or when it goes on.</summary>
        internal void Give(Action action)
        {
            if (Hears)
            {
                action();
            }
            else if (node.IsUp && _lying.Count < 64)
            {
                _lying.Enqueue(action);
            }
        }

        /// <summary>Is told when the connection is given up.</summary>
        internal IDisposable OnDrop(Action action)
        {
            _waiting[++_number] = action;
            return new Waiting(_waiting, _number);
        }

        internal void Flush()
        {
            while (Hears && _lying.TryDequeue(out var action))
            {
                action();
            }
        }

        internal void Drop()
        {
            // What lies in the socket of an agent that stands still is read when it goes on.
            if (!node.IsUp || !node.IsFrozen)
            {
                _lying.Clear();
            }

            var waiting = _waiting.Values.ToArray();
            _waiting.Clear();
            foreach (var action in waiting)
            {
                action();
            }
        }
    }

    private sealed record Waiting(SortedDictionary<long, Action> All, long Number) : IDisposable
    {
        public void Dispose() => All.Remove(Number);
    }
}
