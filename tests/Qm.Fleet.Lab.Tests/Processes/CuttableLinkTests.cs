using System.Net;
using System.Net.Sockets;
using Qm.Fleet.Lab.Processes;
using Xunit;

namespace Qm.Fleet.Lab.Tests.Processes;

/// <summary>A way over TCP that can be cut, with a server behind it that sends back what it is sent.</summary>
[Trait("Requirement", "QMF-LAB-004")]
public sealed class CuttableLinkTests : IAsyncLifetime
{
    private readonly TcpListener _server = new(IPAddress.Loopback, 0);
    private CuttableLink _link = null!;

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    public ValueTask InitializeAsync()
    {
        _server.Start();
        _link = new CuttableLink(((IPEndPoint)_server.LocalEndpoint).Port);
        return ValueTask.CompletedTask;
    }

    public async ValueTask DisposeAsync()
    {
        await _link.DisposeAsync();
        _server.Dispose();
    }

    [Fact]
    public async Task Cut_AConnection_EndsOnBothSidesAndNoOtherBeginsUntilItIsHealed()
    {
        var (client, server) = await ConnectAsync();
        using (client)
        using (server)
        {
            Assert.Equal(42, await SendAsync(client, server, 42));
            Assert.Equal(43, await SendAsync(server, client, 43));
            _link.Cut();
            Assert.True(_link.IsCut);
            Assert.True(await HasEndedAsync(client));
            Assert.True(await HasEndedAsync(server));
        }

        using (var late = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp))
        {
            Assert.True(await HasEndedAsync(late, connect: true));
            Assert.False(_server.Pending());
        }

        _link.Heal();
        (client, server) = await ConnectAsync();
        using (client)
        using (server)
        {
            Assert.Equal(44, await SendAsync(client, server, 44));
        }
    }

    [Fact]
    public async Task Connection_WithNobodyBehindIt_EndsAtOnce()
    {
        _server.Stop();
        using var client = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        Assert.True(await HasEndedAsync(client, connect: true));
    }

    private async Task<(Socket Client, Socket Server)> ConnectAsync()
    {
        var client = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        await client.ConnectAsync(IPAddress.Loopback, _link.Port, Ct);
        return (client, await _server.AcceptSocketAsync(Ct));
    }

    private static async Task<byte> SendAsync(Socket from, Socket to, byte value)
    {
        await from.SendAsync(new[] { value }, Ct);
        var got = new byte[1];
        Assert.Equal(1, await to.ReceiveAsync(got, Ct));
        return got[0];
    }

    private async Task<bool> HasEndedAsync(Socket socket, bool connect = false)
    {
        try
        {
            if (connect)
            {
                await socket.ConnectAsync(IPAddress.Loopback, _link.Port, Ct);
            }

            return await socket.ReceiveAsync(new byte[1], Ct) == 0;
        }
        catch (SocketException)
        {
            // Reset by the other side.
            return true;
        }
    }
}
