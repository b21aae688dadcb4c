using System.Collections.Immutable;
using Qm.Fleet.BlueChi.Bus;
using Qm.Fleet.Lab.BlueChi;
using Qm.Fleet.Lab.Nodes;

namespace Qm.Fleet.Lab.Peers;

/// <summary>
/// One life of a <c>bluechi-agent</c> process before a real bluechi-controller: it connects, registers, sends heartbeats, and comes back by itself when the
/// connection is lost. What it was subscribed to and the jobs it follows outlive connections.
/// </summary>
internal sealed class PeerAgent : IAsyncDisposable
{
    private readonly PeerOptions _options;
    private readonly TimeProvider _time;
    private readonly PeerUnits _units;
    private readonly PeerMethods _methods;
    private readonly CancellationTokenSource _end = new();
    private readonly TaskCompletionSource _registered = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly Lock _gate = new();
    private readonly Task _life;
    private BusConnection? _connection;
    private TaskCompletionSource? _held;
    private volatile bool _cut;

    /// <summary>Begins; the first attempt to connect is made at once.</summary>
    /// <param name="node">The name to register.</param>
    /// <param name="systemd">The systemd to speak for.</param>
    /// <param name="options">Where to, and how often.</param>
    /// <param name="counters">Counts the calls that change something.</param>
    /// <param name="time">The clock.</param>
    /// <param name="cut">Whether the link is cut to begin with.</param>
    public PeerAgent(string node, EmulatedSystemd systemd, PeerOptions options, CallCounters counters, TimeProvider time, bool cut)
    {
        (Node, Systemd, _options, _time, _cut) = (node, systemd, options, time, cut);
        _units = new PeerUnits(systemd, Emit);
        _methods = new PeerMethods(node, systemd, _units, counters, Emit, EmitMetrics);
        _life = Task.Run(LiveAsync);
    }

    /// <summary>The name it registers.</summary>
    public string Node { get; }

    /// <summary>The systemd it speaks for.</summary>
    public EmulatedSystemd Systemd { get; }

    /// <summary>Ends when it has registered for the first time.</summary>
    public Task Registered => _registered.Task;

    /// <summary>Why it is not registered; empty while it is.</summary>
    public string Trouble { get; private set; } = "it has not connected yet";

    /// <summary>Whether the process is stopped.</summary>
    public bool IsFrozen { get; private set; }

    /// <summary>Whether the link carries nothing, and nobody has noticed.</summary>
    public bool IsStalled { get; private set; }

    /// <summary>Stops the process (SIGSTOP), or lets it go on (SIGCONT). What it is sent meanwhile waits in its socket, and is carried out.</summary>
    public Task SetFrozenAsync(bool frozen) => HoldOrReleaseAsync(() => IsFrozen = frozen);

    /// <summary>Cuts the link, until <see cref="HealAsync"/>; the process lives on.</summary>
    /// <param name="dataInFlight">Whether nobody notices, and what is sent arrives later; otherwise both sides lose the connection now.</param>
    public Task CutAsync(bool dataInFlight)
    {
        _cut = true;
        if (dataInFlight)
        {
            return HoldOrReleaseAsync(() => IsStalled = true);
        }

        BusConnection? connection;
        lock (_gate)
        {
            connection = _connection;
        }

        return connection?.DisposeAsync().AsTask() ?? Task.CompletedTask;
    }

    /// <summary>Makes the link whole; a lost connection comes back at the next heartbeat.</summary>
    public Task HealAsync()
    {
        _cut = false;
        return HoldOrReleaseAsync(() => IsStalled = false);
    }

    /// <summary>Has it tell the properties of subscribed units again, though nothing changed; it does not while it cannot be heard.</summary>
    public void Chatter(int signals)
    {
        if (Running().IsCompleted && Trouble.Length == 0)
        {
            _units.Chatter(signals);
        }
    }

    /// <summary>Ends the process, frozen or not.</summary>
    public async ValueTask DisposeAsync()
    {
        _units.Dispose();
        await _end.CancelAsync().ConfigureAwait(false);
        await _life.ConfigureAwait(false);
    }

    private async Task LiveAsync()
    {
        try
        {
            while (true)
            {
                await Running().WaitAsync(_end.Token).ConfigureAwait(false);
                if (_cut || !await ServeAsync(_end.Token).ConfigureAwait(false) || _cut)
                {
                    await Task.Delay(_options.HeartbeatInterval, _time, _end.Token).ConfigureAwait(false);
                }
            }
        }
        catch (OperationCanceledException) when (_end.IsCancellationRequested)
        {
            // The process was ended.
        }
    }

    // One connection; false when the agent never was let in, and has to wait before it asks again.
    private async Task<bool> ServeAsync(CancellationToken ended)
    {
        try
        {
            var connection = await BusConnection.ConnectPeerAsync(_options.Address, _options.HeartbeatInterval, _time, ended).ConfigureAwait(false);
            await using (connection.ConfigureAwait(false))
            {
                connection.Serve(PeerNames.AgentPath, _methods.AnswerAsync);
                await UseAsync(connection).ConfigureAwait(false);
                await connection.CallAsync(
                    BlueChiNames.Bus, PeerNames.ControllerPath, PeerNames.Controller, "Register", [Node], _options.HeartbeatInterval, ct: ended).ConfigureAwait(false);
                Trouble = "";
                _registered.TrySetResult();
                var heartbeat = _time.CreateTimer(_ => Heartbeat(), null, _options.HeartbeatInterval, _options.HeartbeatInterval);
                await using (heartbeat.ConfigureAwait(false))
                {
                    Trouble = $"the connection ended: {await connection.Ended.WaitAsync(ended).ConfigureAwait(false)}";
                }

                return true;
            }
        }
        catch (BusException e)
        {
            Trouble = e.Message;
            return false;
        }
        finally
        {
            lock (_gate)
            {
                _connection = null;
            }
        }
    }

    private async Task UseAsync(BusConnection connection)
    {
        bool held;
        lock (_gate)
        {
            _connection = connection;
            held = _held is not null;
        }

        if (held)
        {
            await connection.HoldAsync().ConfigureAwait(false);
        }
    }

    private Task Running()
    {
        lock (_gate)
        {
            return _held?.Task ?? Task.CompletedTask;
        }
    }

    // Frozen or stalled, the connection stands still; a new one is not begun.
    private async Task HoldOrReleaseAsync(Action change)
    {
        BusConnection? connection;
        TaskCompletionSource? released = null;
        lock (_gate)
        {
            change();
            var hold = IsFrozen || IsStalled;
            if (hold == _held is not null)
            {
                return;
            }

            released = _held;
            _held = hold ? new(TaskCreationOptions.RunContinuationsAsynchronously) : null;
            connection = _connection;
        }

        if (released is not null)
        {
            connection?.Release();
            released.SetResult();
        }
        else if (connection is not null)
        {
            try
            {
                await connection.HoldAsync().ConfigureAwait(false);
            }
            catch (BusConnectionException)
            {
                // It ended first, and no other is begun.
            }
        }
    }

    // A process that is stopped sends none, and does not make up for them.
    private void Heartbeat()
    {
        if (Running().IsCompleted)
        {
            Emit("Heartbeat");
        }
    }

    private void Emit(string member, params ImmutableArray<BusValue> body) => Emit(PeerNames.AgentPath, PeerNames.Agent, member, body);

    private void EmitMetrics(string member, params ImmutableArray<BusValue> body) => Emit(PeerNames.MetricsPath, PeerNames.Metrics, member, body);

    private void Emit(string path, string interfaceName, string member, ImmutableArray<BusValue> body)
    {
        BusConnection? connection;
        lock (_gate)
        {
            connection = _connection;
        }

        try
        {
            connection?.Emit(path, interfaceName, member, body);
        }
        catch (BusConnectionException)
        {
            // Said to nobody, as bluechi-agent does while it is not connected.
        }
    }
}
