using System.Net;
using System.Net.Sockets;
using Qm.Fleet.BlueChi.Bus;
using Xunit;

namespace Qm.Fleet.BlueChi.Tests.Bus;

[Trait("Requirement", "QMF-BUS-003")]
public sealed class BusAddressTests(PrivateBus bus) : IClassFixture<PrivateBus>
{
    private const string Bridge = "/usr/bin/systemd-stdio-bridge";
    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(10);

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    // What ssh: does on the other host, without the ssh between.
    [Fact]
    public async Task Connect_ThroughAProgram_IsGreeted()
    {
        Assert.SkipUnless(File.Exists(Bridge), $"{Bridge} is not installed");
        var path = bus.Address.Split(',')[0];

        await using var connection = await ConnectAsync($"unixexec:path={Bridge},argv1=--bus-path={path}");

        Assert.StartsWith(":1.", connection.UniqueName, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Connect_ThroughTcp_IsGreeted()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        var forward = ForwardOneAsync(listener);
        await using (var connection = await ConnectAsync($"tcp:host=127.0.0.1,port={((IPEndPoint)listener.LocalEndpoint).Port}"))
        {
            Assert.StartsWith(":1.", connection.UniqueName, StringComparison.Ordinal);
        }

        await forward;
    }

    [Theory]
    [InlineData("unix:path=/nonexistent/bus.sock")]
    [InlineData("nonsense")]
    [InlineData("ssh:127.0.0.1")]
    public async Task Connect_NobodyThere_FailsWithAReason(string address)
    {
        var error = await Assert.ThrowsAsync<BusConnectionException>(() => ConnectAsync(address));

        Assert.Contains(address, error.Message, StringComparison.Ordinal);
    }

    private static Task<BusConnection> ConnectAsync(string address) => BusConnection.ConnectAsync(address, Deadline, TimeProvider.System, Ct);

    private async Task ForwardOneAsync(TcpListener listener)
    {
        using var client = await listener.AcceptSocketAsync(Ct);
        using var daemon = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        await daemon.ConnectAsync(new UnixDomainSocketEndPoint(bus.Address.Split(',')[0]["unix:path=".Length..]), Ct);
        await Task.WhenAny(PumpAsync(client, daemon), PumpAsync(daemon, client));
    }

    private static async Task PumpAsync(Socket from, Socket to)
    {
        var buffer = new byte[4096];
        for (int count; (count = await from.ReceiveAsync(buffer, Ct)) > 0;)
        {
            await to.SendAsync(buffer.AsMemory(0, count), Ct);
        }
    }
}
