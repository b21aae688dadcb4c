using System.Collections.Immutable;
using Qm.Fleet.BlueChi.Bus;
using Qm.Fleet.Lab.Agents;
using Qm.Fleet.Lab.Nodes;

namespace Qm.Fleet.Lab.BlueChi;

/// <summary>
/// <c>org.eclipse.bluechi</c> as BlueChi 1.3 was measured to behave, its traps included: jobs of a lost node vanish without a word, a surviving agent
/// does not repeat itself, job numbers begin again with the controller. What is not emulated: proxies, introspection, and that nobody but root may call.
/// </summary>
internal sealed class EmulatedBlueChi : IAgentLinks, IAsyncDisposable
{
    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(10);
    private readonly string _address;
    private readonly ImmutableArray<string> _allowedNodeNames;
    private readonly List<AgentSession> _sessions = [];
    private readonly HashSet<string> _cut = [];
    private readonly Heartbeats? _heartbeats;
    private BusConnection _connection = null!;
    private ITimer? _looks;

    private EmulatedBlueChi(string address, IEnumerable<string> allowedNodeNames, TimeProvider time, Heartbeats? heartbeats) =>
        (_address, _allowedNodeNames, Time, _heartbeats) = (address, [.. allowedNodeNames], time, heartbeats);

    /// <summary>What goes wrong on purpose.</summary>
    public LabFaults Faults { get; } = new();

    /// <summary>Calls that change something on nodes.</summary>
    public CallCounters Counters { get; } = new();

    /// <summary>The clock.</summary>
    public TimeProvider Time { get; }

    /// <summary>The emulated controller's unique bus name.</summary>
    public string UniqueName => _connection.UniqueName;

    /// <summary>Held for moments by whoever reads or changes the emulation; taken after a node's gate, never before.</summary>
    internal Lock Gate { get; } = new();

    /// <summary>Ends when the controller does something again; complete but while it waits for a frozen agent's log level.</summary>
    internal Task Stalled { get; private set; } = Task.CompletedTask;

    /// <summary>The controller as it runs now.</summary>
    internal ControllerLife Life { get; private set; } = null!;

    /// <summary>Starts on a bus.</summary>
    /// <param name="busAddress">The bus; <c>org.eclipse.bluechi</c> must be free on it.</param>
    /// <param name="allowedNodeNames">BlueChi's AllowedNodeNames, the <c>qm.</c> ones included.</param>
    /// <param name="time">The clock.</param>
    /// <param name="cancellation">Gives up.</param>
    /// <param name="heartbeats">How silent agents are found out; null for not at all, as is BlueChi's default.</param>
    /// <exception cref="BusException">There is no bus, or the name is taken.</exception>
    public static async Task<EmulatedBlueChi> StartAsync(
        string busAddress, IEnumerable<string> allowedNodeNames, TimeProvider time, CancellationToken cancellation, Heartbeats? heartbeats = null)
    {
        var blueChi = new EmulatedBlueChi(busAddress, allowedNodeNames, time, heartbeats);
        await blueChi.BeginAsync(cancellation).ConfigureAwait(false);
        return blueChi;
    }

    /// <inheritdoc/>
    public IDisposable? TryRegister(string nodeName, EmulatedSystemd systemd)
    {
        var session = new AgentSession(nodeName, systemd);
        lock (Gate)
        {
            if (_cut.Contains(nodeName) || !Life.TryAttach(session))
            {
                return null;
            }

            _sessions.Add(session);
        }

        return new Registration(this, session);
    }

    /// <summary>Ends the controller and starts another. The agents survive and come back by themselves; the caller has another owner of the name.</summary>
    /// <param name="clean">Whether it says goodbye, as on SIGTERM, or just disappears, as on SIGKILL.</param>
    /// <param name="downtime">How long there is none.</param>
    /// <param name="cancellation">Gives up.</param>
    public async Task RestartAsync(bool clean, TimeSpan downtime, CancellationToken cancellation = default)
    {
        await StopAsync(clean).ConfigureAwait(false);
        await Task.Delay(downtime, Time, cancellation).ConfigureAwait(false);
        await StartAgainAsync(cancellation).ConfigureAwait(false);
    }

    /// <summary>Ends the controller.</summary>
    /// <param name="clean">Whether it says goodbye, as on SIGTERM, or just disappears, as on SIGKILL.</param>
    public async Task StopAsync(bool clean)
    {
        lock (Gate)
        {
            _looks?.Dispose();
            if (clean)
            {
                Life.ShutDown();
            }
        }

        await _connection.DisposeAsync().ConfigureAwait(false);
    }

    /// <summary>Starts a controller that was stopped.</summary>
    public async Task StartAgainAsync(CancellationToken cancellation = default)
    {
        await BeginAsync(cancellation).ConfigureAwait(false);
        lock (Gate)
        {
            foreach (var session in _sessions)
            {
                AttachIfReachable(session);
            }
        }
    }

    /// <summary>Stops an agent as SIGSTOP does: the node stays online, calls time out, and are carried out when it goes on.</summary>
    /// <exception cref="InvalidOperationException">No agent of that name lives.</exception>
    public void Freeze(string blueChiNode) => WithSession(blueChiNode, session =>
    {
        Life.Hear(blueChiNode);
        session.SetFrozen(true);
    });

    /// <summary>Lets a frozen agent go on.</summary>
    /// <exception cref="InvalidOperationException">No agent of that name lives.</exception>
    public void Thaw(string blueChiNode) => WithSession(blueChiNode, session =>
    {
        session.SetFrozen(false);
        AttachIfReachable(session);
    });

    /// <summary>Cuts the link to an agent until it is healed; the agent lives on.</summary>
    /// <param name="blueChiNode">The agent's node.</param>
    /// <param name="dataInFlight">
    /// Whether nobody notices, as when data is unacknowledged and TCP keepalive is silent: the node stays online, calls time out, and what was sent
    /// arrives when the link heals. Otherwise the node is offline at once.
    /// </param>
    /// <exception cref="InvalidOperationException">No agent of that name lives.</exception>
    public void Cut(string blueChiNode, bool dataInFlight = false) => WithSession(blueChiNode, session =>
    {
        _cut.Add(blueChiNode);
        if (dataInFlight)
        {
            Life.Hear(blueChiNode);
            session.SetStalled(true);
        }
        else
        {
            Life.Detach(session);
        }
    });

    /// <summary>Makes a cut link whole. An agent that survived does not tell again what it told before.</summary>
    public void Heal(string blueChiNode)
    {
        lock (Gate)
        {
            _cut.Remove(blueChiNode);
            foreach (var session in _sessions.Where(session => session.Node == blueChiNode).ToArray())
            {
                session.SetStalled(false);
                AttachIfReachable(session);
            }
        }
    }

    /// <inheritdoc/>
    public (bool Frozen, bool Cut, bool DataInFlight) LinkOf(string blueChiNode)
    {
        lock (Gate)
        {
            var session = _sessions.FirstOrDefault(session => session.Node == blueChiNode);
            return (session?.IsFrozen ?? false, _cut.Contains(blueChiNode), session?.IsStalled ?? false);
        }
    }

    /// <inheritdoc/>
    public void Chatter(string blueChiNode, int signals)
    {
        AgentSession? session;
        lock (Gate)
        {
            session = Life.Node(blueChiNode)?.Session;
        }

        // Units are read under their node's gate, which is never taken inside of this one.
        var units = session?.Systemd.Units ?? [];
        lock (Gate)
        {
            var told = units.Where(unit => session is { IsHeld: false } && session.Tells(unit.Name)).Select(unit => (unit.Name, Properties: unit.UnitProperties())).ToArray();
            for (var sent = 0; sent < signals && told.Length > 0; sent++)
            {
                var (unit, properties) = told[sent % told.Length];
                Life.Monitors.UnitPropertiesChanged(blueChiNode, unit, "org.freedesktop.systemd1.Unit", properties);
            }
        }
    }

    /// <summary>Whether a node is connected.</summary>
    public bool IsOnline(string blueChiNode)
    {
        lock (Gate)
        {
            return Life.Node(blueChiNode)?.Session is not null;
        }
    }

    /// <summary>How many units of a node somebody is subscribed to.</summary>
    internal int Subscriptions(string blueChiNode)
    {
        lock (Gate)
        {
            return Life.Monitors.Units(blueChiNode).Count;
        }
    }

    /// <summary>The controller waits for an agent and does nothing else; no longer than it waits for any.</summary>
    internal async Task StallAsync(Task running)
    {
        Stalled = running.WaitAsync(Faults.AgentTimeout, Time, CancellationToken.None).ContinueWith(_ => { }, TaskScheduler.Default);
        await Stalled.ConfigureAwait(false);
    }

    Task IAgentLinks.FreezeAsync(string node) => AtOnce(() => Freeze(node));

    Task IAgentLinks.ThawAsync(string node) => AtOnce(() => Thaw(node));

    Task IAgentLinks.CutAsync(string node, bool dataInFlight) => AtOnce(() => Cut(node, dataInFlight));

    Task IAgentLinks.HealAsync(string node) => AtOnce(() => Heal(node));

    public ValueTask DisposeAsync()
    {
        _looks?.Dispose();
        return _connection.DisposeAsync();
    }

    private async Task BeginAsync(CancellationToken cancellation)
    {
        var connection = await BusConnection.ConnectAsync(_address, Deadline, Time, cancellation).ConfigureAwait(false);
        lock (Gate)
        {
            _connection = connection;
            Life = new ControllerLife(new BlueChiBus(connection), _allowedNodeNames, Time);
        }

        connection.Serve(BlueChiNames.Root, new Methods(this).HandleAsync);
        await connection.ListenAsync(new BusMatch("org.freedesktop.DBus", "org.freedesktop.DBus", "NameOwnerChanged"), OnNameOwnerChanged, ct: cancellation).ConfigureAwait(false);
        await connection.RequestNameAsync(BlueChiNames.Bus, cancellation).ConfigureAwait(false);
        if (_heartbeats is { } heartbeats)
        {
            _looks = Time.CreateTimer(_ => DropSilent(heartbeats.NodeThreshold), null, heartbeats.Interval, heartbeats.Interval);
        }
    }

    private void DropSilent(TimeSpan threshold)
    {
        lock (Gate)
        {
            foreach (var session in Life.Silent(threshold))
            {
                Life.Detach(session);
            }
        }
    }

    private void OnNameOwnerChanged(BusSignal signal)
    {
        if (signal.Body is [var name, _, var newOwner] && newOwner.AsText().Length == 0)
        {
            lock (Gate)
            {
                Life.Monitors.CloseAllOf(name.AsText());
                Life.DropUnusedSubscriptions();
            }
        }
    }

    private static Task AtOnce(Action action)
    {
        action();
        return Task.CompletedTask;
    }

    private void WithSession(string blueChiNode, Action<AgentSession> action)
    {
        lock (Gate)
        {
            action(_sessions.FirstOrDefault(session => session.Node == blueChiNode && !session.Ended) ?? throw new InvalidOperationException($"No BlueChi agent registered as {blueChiNode} lives."));
        }
    }

    private void AttachIfReachable(AgentSession session)
    {
        if (!session.IsHeld && !session.Ended && !_cut.Contains(session.Node))
        {
            Life.TryAttach(session);
        }
    }

    /// <summary>The life of one agent process, ended by its node.</summary>
    private sealed class Registration : IDisposable
    {
        private readonly EmulatedBlueChi _owner;
        private readonly AgentSession _session;

        public Registration(EmulatedBlueChi owner, AgentSession session)
        {
            (_owner, _session) = (owner, session);
            session.Systemd.Changed += OnChanged;
        }

        public void Dispose()
        {
            _session.Systemd.Changed -= OnChanged;
            lock (_owner.Gate)
            {
                _session.End();
                _session.Send(() =>
                {
                    _owner._sessions.Remove(_session);
                    _owner.Life.Detach(_session);
                });
            }
        }

        private void OnChanged(EmulatedUnit unit, UnitChange change)
        {
            lock (_owner.Gate)
            {
                // What is said later is what was so now.
                var told = _session.IsHeld ? unit.Copy() : unit;
                _session.Send(() =>
                {
                    _session.Note(told, change);
                    _owner.Life.Tell(_session, told, change);
                });
            }
        }
    }
}
