using System.Net;
using System.Net.Sockets;
using Qm.Fleet.BlueChi.Bus;
using Xunit;

namespace Qm.Fleet.BlueChi.Tests.Bus;

[Trait("Requirement", "QMF-BUS-004")]
public sealed class PeerConnectionTests : IDisposable
{
    private const string Path = "/test";
    private const string Interface = "test.Interface";
    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(10);
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);

    public PeerConnectionTests() => _listener.Start();

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    private string Address => $"tcp:host=127.0.0.1,port={((IPEndPoint)_listener.LocalEndpoint).Port}";

    public void Dispose() => _listener.Dispose();

    [Fact]
    public async Task Call_BothSidesAtOnce_EachIsAnswered()
    {
        var (client, server) = await ConnectAsync(Echo);
        await using var _ = client;
        await using var __ = server;
        client.Serve(Path, Echo);

        var (toServer, toClient) = (CallAsync(client, "to the server"), CallAsync(server, "to the client"));

        Assert.Equal("to the server", await toServer);
        Assert.Equal("to the client", await toClient);
    }

    [Fact]
    public async Task Call_RefusedByThePeer_ThrowsItsError()
    {
        var (client, server) = await ConnectAsync(_ => throw new BusErrorException("test.Error", "not today"));
        await using var _ = client;
        await using var __ = server;

        var error = await Assert.ThrowsAsync<BusErrorException>(() => CallAsync(client, ""));

        Assert.Equal(("test.Error", "not today"), (error.Name, error.Message));
    }

    [Fact]
    public async Task Signal_FromOneSide_ReachesTheOther()
    {
        var (client, server) = await ConnectAsync(Echo);
        await using var _ = client;
        await using var __ = server;
        var heard = new TaskCompletionSource<BusSignal>();
        await using var listening = await server.ListenAsync(new(Interface: Interface, Member: "Heartbeat"), heard.SetResult, ct: Ct);

        client.Emit(Path, Interface, "Heartbeat", [42u]);

        Assert.Equal(42u, (await heard.Task.WaitAsync(Deadline, Ct)).Body[0].AsUInt32());
    }

    [Fact]
    public async Task Ended_PeerGone_SaysSo()
    {
        var (client, server) = await ConnectAsync(Echo);
        await using var _ = client;

        await server.DisposeAsync();

        Assert.NotEmpty(await client.Ended.WaitAsync(Deadline, Ct));
        await Assert.ThrowsAsync<BusConnectionException>(() => CallAsync(client, ""));
    }

    [Fact]
    public async Task Hold_CallsArrive_AreCarriedOutOnceReleased()
    {
        var carriedOut = 0;
        var (client, server) = await ConnectAsync(call =>
        {
            carriedOut++;
            return Echo(call);
        });
        await using var _ = client;
        await using var __ = server;
        await server.HoldAsync();

        await Assert.ThrowsAsync<BusTimeoutException>(() => CallAsync(client, "late", TimeSpan.FromMilliseconds(50)));
        Assert.Equal(0, carriedOut);
        server.Release();

        Assert.Equal("next", await CallAsync(client, "next"));
        Assert.Equal(2, carriedOut);
    }

    [Fact]
    public async Task Dispose_WhileHeld_Ends()
    {
        var (client, server) = await ConnectAsync(Echo);
        await using var _ = client;
        await server.HoldAsync();

        await server.DisposeAsync().AsTask().WaitAsync(Deadline, Ct);

        Assert.Equal("closed", await server.Ended);
    }

    [Fact]
    public async Task Connect_SomethingThatIsNoDBus_FailsWithTheAddress()
    {
        var connecting = BusConnection.ConnectPeerAsync(Address, Deadline, TimeProvider.System, Ct);
        using (var socket = await _listener.AcceptSocketAsync(Ct))
        {
            await socket.SendAsync("HTTP/1.1 400 Bad Request\r\n\r\n"u8.ToArray(), Ct);
        }

        await Assert.ThrowsAsync<BusConnectionException>(() => connecting);
    }

    private static async Task<string> CallAsync(BusConnection connection, string text, TimeSpan? deadline = null) =>
        (await connection.CallAsync("test.Peer", Path, Interface, "Echo", [text], deadline ?? Deadline, ct: Ct))[0].AsText();

    private static Task Echo(MethodCall call)
    {
        call.Reply(call.Body);
        return Task.CompletedTask;
    }

    private async Task<(BusConnection Client, BusConnection Server)> ConnectAsync(Func<MethodCall, Task> serve)
    {
        var accepting = _listener.AcceptSocketAsync(Ct).AsTask();
        var client = BusConnection.ConnectPeerAsync(Address, Deadline, TimeProvider.System, Ct);
        if (await Task.WhenAny(accepting, client) == client)
        {
            await client;
        }

        var server = await BusConnection.AcceptPeerAsync(await accepting, connection => connection.Serve(Path, serve), Deadline, TimeProvider.System, Ct);
        return (await client, server);
    }
}
