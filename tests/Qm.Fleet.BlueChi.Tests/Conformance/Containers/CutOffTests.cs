using Microsoft.Extensions.Logging.Abstractions;
using Qm.Fleet.Agent.CommitConfirm;
using Qm.Fleet.Agent.Diagnosis;
using Qm.Fleet.Agent.Evidence;
using Qm.Fleet.Agent.Files;
using Qm.Fleet.Agent.Link;
using Qm.Fleet.Agent.Probes;
using Qm.Fleet.Agent.Processes;
using Qm.Fleet.Agent.Revisions;
using Qm.Fleet.Agent.Rootfs;
using Qm.Fleet.V1;
using Xunit;

namespace Qm.Fleet.BlueChi.Tests.Conformance.Containers;

/// <summary>Commit-confirm against a real systemd: the agent extension's parts on a node's own files and programs, a real bluechi-agent and its controller.</summary>
public sealed class CutOffTests(ContainerFixture fixture) : IClassFixture<ContainerFixture>, IAsyncLifetime
{
    private const string Quadlet = """
        [Container]
        Rootfs=/usr/lib/qm/rootfs
        [Service]
        Environment=ROOTFS=/usr/lib/qm/rootfs RWETCFS=/etc/qm RWVARFS=/var/qm
        """;

    private const string AgentUnit = "bluechi-agent.service";
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(2);
    private static readonly TimeSpan ConfirmWithin = TimeSpan.FromSeconds(6);

    private readonly CancellationTokenSource _limit = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
    private readonly DirectoryInfo _programs = Directory.CreateTempSubdirectory("qmfleet-programs-");
    private SiteClient? _client;
    private string _root = "";

    private ContainerSite Site => (ContainerSite)fixture.Site;

    private string Name => Site.Nodes.Second;

    private CancellationToken Ct => _limit.Token;

    private SignalLog Told => _client!.Told;

    public async ValueTask InitializeAsync()
    {
        var site = Site;
        _limit.CancelAfter(Limit);
        _client = new SiteClient(site, Ct);
        await _client.BlueChiAsync(Ct);
        var init = await site.InitPidAsync(Name, Ct);
        _root = $"/proc/{init}/root";
        var program = Path.Combine(_programs.FullName, "systemctl");
        await File.WriteAllTextAsync(program, $"#!/bin/sh\nexec nsenter --target {init} --all systemctl \"$@\"\n", Ct);
        File.SetUnixFileMode(program, UnixFileMode.UserRead | UnixFileMode.UserExecute);
        Directory.CreateDirectory($"{_root}/etc/qm");
        Directory.CreateDirectory($"{_root}/usr/share/containers/systemd");
        await File.WriteAllTextAsync($"{_root}/usr/share/containers/systemd/qm.container", Quadlet, Ct);
    }

    public async ValueTask DisposeAsync()
    {
        if (_client is not null)
        {
            await _client.DisposeAsync();
        }

        _programs.Delete(recursive: true);
        _limit.Dispose();
    }

    [Fact]
    [Trait("Requirement", "QMF-RULE-7")]
    public async Task Commit_HostAgentThatLosesItsController_ComesBackByItself()
    {
        using var root = NodeRoot.Open(_root);
        var builder = new SlotBuilder(root, new() { Controller = new("https://127.0.0.1:1") }, RootfsLimits.Default, static path => new DriveInfo(path).AvailableFreeSpace, TimeProvider.System);
        await using var rootfs = new RootfsFetcher(root, builder, NullLogger<RootfsFetcher>.Instance);
        var revisions = new NodeRevisions(root, new StateDirectory(root, "/var/lib/qm-fleet"), new NodeClock(root, TimeProvider.System), quadletCheck: null, rootfs);
        var diagnostics = new NodeDiagnostics(
            root, NodePrograms.None(TimeProvider.System), new(new(root), TimeSpan.FromHours(1), TimeProvider.System), TimeProvider.System, NullLogger<NodeDiagnostics>.Instance);
        using var probes = new ProbeDesk(
            new ProbeTargets(root), new Prober(root, isMachine: false, NodePrograms.None(TimeProvider.System), TimeProvider.System), static () => 0, TimeProvider.System);
        using var agent = new NodeAgent(
            revisions, new NodeReporter(root, revisions), diagnostics, probes, new LocalSystemd(_programs.FullName, TimeProvider.System), NullLogger<NodeAgent>.Instance);
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(Ct);
        var watch = new ConfirmWatch(agent, TimeProvider.System).RunAsync(stop.Token);
        await DoAsync(agent, Stage("r1", "HeartbeatInterval=1000"));
        await DoAsync(agent, new() { Commit = new() { Revision = "r1", ConfirmWithinMs = (long)Limit.TotalMilliseconds } });
        await RestartAsync(agent);
        await Told.UntilAsync($"{Name} Online");
        var good = await DoAsync(agent, new() { Confirm = new() { Revision = "r1" } });
        Assert.Equal((Name, true), (good.HostNodeName, good.Confirmed));

        await DoAsync(agent, Stage("r2", "ControllerPort=9"));
        await DoAsync(agent, new() { Commit = new() { Revision = "r2", ConfirmWithinMs = (long)ConfirmWithin.TotalMilliseconds } });
        await RestartAsync(agent);
        var cutOff = await Site.AskSystemdAsync(Name, AgentUnit, "InvocationID", Ct);
        await Told.UntilAsync($"{Name} Online");
        await stop.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => watch);

        var report = await agent.InspectAsync(Ct);
        Assert.Equal(("r1", "r2", false), (report.Revision, report.Reverted.Revision, report.HasConfirmDueUs));
        Assert.Contains("HeartbeatInterval=1000", await File.ReadAllTextAsync($"{_root}/etc/bluechi/agent.conf.d/zz-qm-fleet.conf", Ct), StringComparison.Ordinal);
        Assert.NotEqual(cutOff, await Site.AskSystemdAsync(Name, AgentUnit, "InvocationID", Ct));
    }

    // Both sides see the connection end, whatever comes of the new one.
    private async Task RestartAsync(NodeAgent agent)
    {
        await DoAsync(agent, new() { RestartHostAgent = new() });
        await Told.UntilAsync($"{Name} Offline");
    }

    private async Task<NodeReport> DoAsync(NodeAgent agent, Command command)
    {
        var (result, report) = await agent.ExecuteAsync(command, Ct);
        Assert.True(result.Ok, $"{result.Reason}: {result.Message}");
        return report;
    }

    private static Command Stage(string revision, string setting) => new()
    {
        Stage = new()
        {
            Revision = revision,
            Files = { new V1.OwnedFile { Kind = V1.OwnedFile.Types.Kind.HostBluechiAgentConf, Content = $"[bluechi-agent]\n{setting}\n" } },
        },
    };
}
