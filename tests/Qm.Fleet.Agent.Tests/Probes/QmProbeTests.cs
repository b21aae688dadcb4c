using System.Net;
using System.Net.Sockets;
using Microsoft.Extensions.Time.Testing;
using Qm.Fleet.Agent.Files;
using Qm.Fleet.Agent.Probes;
using Qm.Fleet.Agent.Processes;
using Qm.Fleet.Core.Environments;
using Qm.Fleet.Core.Supervision;

namespace Qm.Fleet.Agent.Tests.Probes;

/// <summary>Probes of files and sockets, on a node in a directory.</summary>
[Trait("Requirement", "QMF-PROBE-002")]
public sealed class QmProbeTests : IDisposable
{
    private const int Init = 492;
    private const string Rootfs = "usr/lib/qm/rootfs";
    private static readonly DateTimeOffset Now = new(2026, 11, 28, 4, 0, 0, TimeSpan.Zero);
    private readonly EmulatedNode _node = new();
    private readonly FakeTimeProvider _time = new(Now);

    public QmProbeTests()
    {
        _node.Write($"proc/{Init}/cgroup", $"0::/{EmulatedNode.Payload["sys/fs/cgroup/".Length..]}/init.scope\n");
        File.CreateSymbolicLink(_node.Of($"proc/{Init}/root"), "/" + Rootfs);
        Directory.CreateDirectory(_node.Of($"{Rootfs}/run"));
    }

    /// <summary>Ways out of QM that somebody inside may plant, each to what the node has as /run/outside.</summary>
    public static TheoryData<string> WaysOut =>
        ["/run/outside", "../../../../../run/outside", "../../../../../../../../../../../../run/outside", "/proc/self/root/run/outside", "/proc/1/root/run/outside", "/proc/self/cwd/outside"];

    public void Dispose() => _node.Dispose();

    [Theory]
    [InlineData(0, true)]
    [InlineData(10, true)]
    [InlineData(11, false)]
    [InlineData(-10, true)]
    [InlineData(-11, false)]
    public async Task Heartbeat_OfAnAge_IsHealthyWhileItIsFresh(int age, bool isFresh)
    {
        Beat($"{Rootfs}/run/alive", Now - TimeSpan.FromSeconds(age));

        Assert.Equal(isFresh, (await HeartbeatAsync("/run/alive")).HasSucceeded);
    }

    [Fact]
    public async Task Heartbeat_ThatIsNotThere_HasFailed()
    {
        var outcome = await HeartbeatAsync("/run/alive");

        Assert.Equal(false, outcome.HasSucceeded);
        Assert.EndsWith("/run/alive: No such file or directory", outcome.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Heartbeat_ThatIsAFifo_IsLookedAtAndNotOpened()
    {
        using var made = System.Diagnostics.Process.Start("mkfifo", _node.Of($"{Rootfs}/run/alive"));
        await made.WaitForExitAsync(TestContext.Current.CancellationToken);
        File.SetLastWriteTimeUtc(_node.Of($"{Rootfs}/run/alive"), Now.UtcDateTime);

        Assert.Equal(ProbeOutcome.Success, await HeartbeatAsync("/run/alive"));
    }

    [Theory]
    [MemberData(nameof(WaysOut))]
    public async Task Heartbeat_BehindALinkThatLeadsOut_IsLookedForInQm(string target)
    {
        Beat("run/outside", Now);
        File.CreateSymbolicLink(_node.Of($"{Rootfs}/run/alive"), target);
        Assert.False((await HeartbeatAsync("/run/alive")).HasSucceeded);

        // The same link leads to what QM has there, where it leads anywhere.
        Beat($"{Rootfs}/run/outside", Now);
        Assert.Equal(!target.StartsWith("/proc", StringComparison.Ordinal), (await HeartbeatAsync("/run/alive")).HasSucceeded);
    }

    [Fact]
    public async Task Heartbeat_BelowADirectoryThatIsALinkOut_IsLookedForInQm()
    {
        Beat("run/outside", Now);
        File.CreateSymbolicLink(_node.Of($"{Rootfs}/srv"), "../../../../..");

        Assert.False((await HeartbeatAsync("/srv/run/outside")).HasSucceeded);
    }

    [Fact]
    public async Task Socket_OfQm_IsConnectedTo()
    {
        using var listener = Listen($"{Rootfs}/run/radio.sock");

        Assert.Equal(ProbeOutcome.Success, await ProbeAsync(new ProbeAction.UnixSocket("/run/radio.sock")));
    }

    [Fact]
    public async Task Socket_ThatNobodyListensAt_HasFailed()
    {
        using var deaf = Bind($"{Rootfs}/run/radio.sock");
        Beat($"{Rootfs}/run/file", Now);

        Assert.Contains("refused", (await ProbeAsync(new ProbeAction.UnixSocket("/run/radio.sock"))).Message, StringComparison.Ordinal);
        Assert.False((await ProbeAsync(new ProbeAction.UnixSocket("/run/file"))).HasSucceeded);
        Assert.False((await ProbeAsync(new ProbeAction.UnixSocket("/run/nothing.sock"))).HasSucceeded);
    }

    [Theory]
    [MemberData(nameof(WaysOut))]
    public async Task Socket_BehindALinkThatLeadsOut_IsNeverTheNodes(string target)
    {
        using var listener = Listen("run/outside");
        File.CreateSymbolicLink(_node.Of($"{Rootfs}/run/radio.sock"), target);

        Assert.False((await ProbeAsync(new ProbeAction.UnixSocket("/run/radio.sock"))).HasSucceeded);
        Assert.False(listener.Poll(0, SelectMode.SelectRead), "somebody knocked at the node's own socket");
    }

    [Fact]
    public async Task Probe_OfAQmThatHasEnded_IsUnknownEvenIfItsNumberIsUsedAgain()
    {
        Beat($"{Rootfs}/run/alive", Now);
        _node.Write($"proc/{Init}/cgroup", "0::/system.slice/cron.service\n");
        var reused = await HeartbeatAsync("/run/alive");
        Directory.Delete(_node.Of($"proc/{Init}"), recursive: true);
        var gone = await HeartbeatAsync("/run/alive");

        Assert.Equal((null, null), (reused.HasSucceeded, gone.HasSucceeded));
        Assert.Contains("its init has ended", reused.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("127.0.0.1")]
    [InlineData("localhost")]
    public async Task Tcp_OnAnEmulatedNode_IsConnectedTo(string host)
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        var port = ((IPEndPoint)listener.LocalEndpoint).Port;
        Assert.Equal(ProbeOutcome.Success, await ProbeAsync(new ProbeAction.TcpSocket(port, host)));

        listener.Stop();
        var refused = await ProbeAsync(new ProbeAction.TcpSocket(port, host));
        Assert.Equal(false, refused.HasSucceeded);
        Assert.Contains("refused", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Targets_OfANode_AreItsContainersByUnit()
    {
        using var root = NodeRoot.Open(_node.Root);
        var targets = new ProbeTargets(root);

        var radio = targets.Read()["radio.service"];
        Assert.Equal(new(Init, "/" + EmulatedNode.Payload, "system.slice/radio.service/libpod-payload-aa"), radio);
        Assert.True(targets.Runs(radio));
        Directory.Delete(_node.Of($"{EmulatedNode.Payload}/system.slice/radio.service/libpod-payload-aa"), recursive: true);
        Assert.False(targets.Runs(radio));
        Assert.DoesNotContain("radio.service", targets.Read().Keys);
    }

    private void Beat(string path, DateTimeOffset at)
    {
        _node.Write(path, "");
        File.SetLastWriteTimeUtc(_node.Of(path), at.UtcDateTime);
    }

    private Socket Listen(string path)
    {
        var listener = Bind(path);
        listener.Listen();
        return listener;
    }

    private Socket Bind(string path)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(_node.Of(path))!);
        var listener = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        listener.Bind(new UnixDomainSocketEndPoint(_node.Of(path)));
        return listener;
    }

    private Task<ProbeOutcome> HeartbeatAsync(string path) => ProbeAsync(new ProbeAction.HeartbeatFile(path, 10));

    private async Task<ProbeOutcome> ProbeAsync(ProbeAction action)
    {
        using var root = NodeRoot.Open(_node.Root);
        return await new Prober(root, isMachine: false, NodePrograms.None(_time), _time).ProbeAsync(
            new("radio.service", "", new(action)), new(Init, "/" + EmulatedNode.Payload, "system.slice/radio.service/libpod-payload-aa"), TestContext.Current.CancellationToken);
    }
}
