using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using Qm.Fleet.Agent.Files;
using Qm.Fleet.Agent.Probes;
using Qm.Fleet.Agent.Processes;
using Qm.Fleet.Core.Environments;
using Qm.Fleet.Core.Supervision;

namespace Qm.Fleet.Agent.Tests.Probes;

/// <summary>The way into real namespaces: those of a process that has a network and mounts of its own.</summary>
[Trait("Requirement", "QMF-PROBE-002")]
public sealed class NamespaceTests : IDisposable
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("qm-fleet-namespace-");
    private Process? _process;

    public void Dispose()
    {
        _process?.Kill(entireProcessTree: true);
        _process?.Dispose();
        _folder.Delete(recursive: true);
    }

    [Fact]
    public async Task Tcp_FromQmsNetwork_DoesNotReachThePortsOfTheNodeAndChangesNobodysNetwork()
    {
        var target = await StartAsync();
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        var port = new ProbeAction.TcpSocket(((IPEndPoint)listener.LocalEndpoint).Port, "127.0.0.1");

        Assert.Equal(false, (await ProbeAsync(port, target, isMachine: true)).HasSucceeded);
        Assert.False(listener.Pending(), "somebody knocked at the node's own port");
        // Every thread of the pool is where it was.
        var others = await Task.WhenAll(Enumerable.Range(0, 32).Select(_ => ProbeAsync(port, target, isMachine: false)));
        Assert.All(others, outcome => Assert.Equal(ProbeOutcome.Success, outcome));
    }

    [Fact]
    public async Task Heartbeat_InAMountOfQmsOwn_IsFoundThroughItsRoot()
    {
        var target = await StartAsync();
        var alive = new ProbeAction.HeartbeatFile($"{_folder.FullName}/alive", 3600);

        Assert.False(File.Exists(alive.Path));
        Assert.Equal(ProbeOutcome.Success, await ProbeAsync(alive, target, isMachine: true));
    }

    // Ready when its standard output says so; its mount hides the folder from everybody but itself.
    private async Task<ProbeTarget> StartAsync()
    {
        var start = new ProcessStartInfo("unshare", ["--net", "--mount", "sh", "-c", "mount -t tmpfs none \"$1\" && touch \"$1/alive\" && echo ready && exec sleep 600", "sh", _folder.FullName])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        Assert.SkipUnless(File.Exists("/usr/bin/unshare"), "util-linux is not installed, so no process can have namespaces of its own");
        _process = Process.Start(start)!;
        var said = await _process.StandardOutput.ReadLineAsync(TestContext.Current.CancellationToken);
        var cgroup = File.ReadLines($"/proc/{_process.Id}/cgroup").FirstOrDefault(line => line.StartsWith("0::", StringComparison.Ordinal));
        Assert.SkipUnless(said == "ready", "only root may make namespaces");
        Assert.SkipUnless(cgroup is not null, "this machine has no cgroup v2, which tells QM's processes");
        return new(_process.Id, $"/sys/fs/cgroup{cgroup[3..].TrimEnd('/')}", "");
    }

    private static async Task<ProbeOutcome> ProbeAsync(ProbeAction action, ProbeTarget target, bool isMachine)
    {
        using var root = NodeRoot.Open("/");
        return await new Prober(root, isMachine, NodePrograms.None(TimeProvider.System), TimeProvider.System)
            .ProbeAsync(new("radio.service", "", new(action) { TimeoutSeconds = 10 }), target, TestContext.Current.CancellationToken);
    }
}
