using System.Collections.Immutable;
using System.Net;
using System.Net.Sockets;
using System.Threading.Channels;
using Qm.Fleet.BlueChi.Bus;
using Qm.Fleet.Lab.Peers;
using Xunit;

namespace Qm.Fleet.Lab.Tests.Peers;

/// <summary>The agents' side of bluechi-controller, played by the test: it takes one agent after the other in, and keeps what they say in the order of the wire.</summary>
internal sealed class ScriptedController : IAsyncDisposable
{
    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(20);
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly Channel<string> _wire = Channel.CreateUnbounded<string>();
    private readonly Queue<string> _refusals = new();
    private BusConnection? _agent;

    public ScriptedController() => _listener.Start();

    public string Address => $"tcp:host=127.0.0.1,port={((IPEndPoint)_listener.LocalEndpoint).Port}";

    /// <summary>Whether heartbeats are written down.</summary>
    public bool HearsHeartbeats { get; set; }

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    /// <summary>The next registration is refused.</summary>
    public void RefuseNext(string message) => _refusals.Enqueue(message);

    /// <summary>Takes the next connection in.</summary>
    public async Task AcceptAsync()
    {
        using var late = new CancellationTokenSource(Deadline, TimeProvider.System);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(late.Token, Ct);
        var socket = await _listener.AcceptSocketAsync(either.Token);
        _agent = await BusConnection.AcceptPeerAsync(socket, connection =>
        {
            connection.Serve(PeerNames.ControllerPath, Answer);
            var listening = connection.ListenAsync(new(Interface: PeerNames.Agent), Record, ct: Ct);
            var measuring = connection.ListenAsync(new(Interface: PeerNames.Metrics), Record, ct: Ct);
            Assert.True(listening.IsCompletedSuccessfully && measuring.IsCompletedSuccessfully);
        }, Deadline, TimeProvider.System, Ct);
    }

    /// <summary>Takes the next connection in, and waits until it has registered.</summary>
    public async Task AcceptAsync(string node)
    {
        await AcceptAsync();
        await SeenAsync($"Register {node}");
    }

    public Task<ImmutableArray<BusValue>> CallAsync(string member, params ImmutableArray<BusValue> body) => CallAsync(member, Deadline, body);

    public Task<ImmutableArray<BusValue>> CallAsync(string member, TimeSpan deadline, params ImmutableArray<BusValue> body) => _agent!.CallAsync(
        "org.eclipse.bluechi.Agent", PeerNames.AgentPath, PeerNames.Agent, member, body, deadline, _ => _wire.Writer.TryWrite($"reply {member}"), Ct);

    public ValueTask DropAsync() => _agent!.DisposeAsync();

    /// <summary>Reads the wire up to the line that is awaited and answers all lines before it and itself.</summary>
    public async Task<IReadOnlyList<string>> SeenAsync(string line)
    {
        var seen = new List<string>();
        using var late = new CancellationTokenSource(Deadline, TimeProvider.System);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(late.Token, Ct);
        try
        {
            do
            {
                seen.Add(await _wire.Reader.ReadAsync(either.Token));
            }
            while (seen[^1] != line);
        }
        catch (OperationCanceledException)
        {
            Assert.Fail($"'{line}' never came; seen: {string.Join(" | ", seen)}");
        }

        return seen;
    }

    public async ValueTask DisposeAsync()
    {
        _listener.Dispose();
        if (_agent is not null)
        {
            await _agent.DisposeAsync();
        }
    }

    private Task Answer(MethodCall call)
    {
        _wire.Writer.TryWrite($"{call.Member} {call.Body[0].AsText()}");
        if (_refusals.TryDequeue(out var refusal))
        {
            throw new BusErrorException("org.freedesktop.DBus.Error.ServiceUnknown", refusal);
        }

        call.Reply();
        return Task.CompletedTask;
    }

    private void Record(BusSignal signal)
    {
        if (signal.Member != "Heartbeat" || HearsHeartbeats)
        {
            _wire.Writer.TryWrite(string.Join(' ', signal.Body.Select(Word).Prepend(signal.Member)));
        }
    }

    private static string Word(BusValue value) => value switch
    {
        BusValue.UInt32 number => $"{number.Value}",
        BusValue.UInt64 => "t",
        BusValue.Dictionary => "a{sv}",
        _ => value.AsText(),
    };
}
