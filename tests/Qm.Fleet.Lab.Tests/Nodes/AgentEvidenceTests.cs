using Microsoft.Extensions.Logging.Abstractions;
using Qm.Fleet.Agent.Evidence;
using Qm.Fleet.Agent.Files;
using Qm.Fleet.Agent.Revisions;
using Qm.Fleet.Agent.Rootfs;
using Qm.Fleet.Lab.Nodes;
using Xunit;

namespace Qm.Fleet.Lab.Tests.Nodes;

/// <summary>The real agent extension's eyes and hands on an emulated node.</summary>
[Trait("Requirement", "QMF-LAB-002")]
public sealed class AgentEvidenceTests : IAsyncLifetime
{
    private readonly TestNode _test = new();

    public async ValueTask InitializeAsync()
    {
        await _test.Node.BootAsync(TestContext.Current.CancellationToken);
        await _test.BlueChi.WaitForAsync("qm.ecu1");
    }

    public ValueTask DisposeAsync() => _test.DisposeAsync();

    [Fact]
    public async Task Report_OfARunningQm_HasTheTripleAndTheLimitsAndNoProblem()
    {
        _test.Workload("radio", "Image=localhost/radio:3");
        await _test.Node.Qm!.Systemd.DaemonReloadAsync(TestContext.Current.CancellationToken);
        await _test.Node.Qm.Systemd.RunAsync(JobType.Start, "radio.service", TestContext.Current.CancellationToken);
        using var root = NodeRoot.Open(_test.Node.Root);
        var report = new NodeReporter(root, Revisions(root)).Read();

        Assert.Empty(report.Problems);
        Assert.Equal((0, 500, 750, _test.Node.Qm.InitPid), (report.Oom.Host, report.Oom.Qm, report.Oom.NestedDefault, report.Oom.QmInitPid));
        Assert.Equal(("radio.service", 750), (Assert.Single(report.Oom.Nested).Unit, report.Oom.Nested[0].Score));
        Assert.Equal(("1", "max", "0"), (report.Cgroup["cpu.idle"], report.Cgroup["memory.max"], report.Cgroup["memory.swap.max"]));
        Assert.Equal(("idle", "50%"), (report.Effective["CPUWeight"], report.Effective["TasksMax"]));
        Assert.Equal(((long)Machine.Default.MemoryBytes, (long)Machine.Default.TasksMax), (report.Machine.MemoryBytes, report.Machine.TasksMax));
    }

    [Fact]
    public async Task Commit_ByTheAgent_TakesEffectThroughReloadAndRestart()
    {
        using var root = NodeRoot.Open(_test.Node.Root);
        var revisions = Revisions(root);
        await revisions.StageAsync("r1", [new(Core.Revisions.OwnedFileKind.QmContainerDropIn, "", "[Service]\nMemoryHigh=2G\nOOMScoreAdjust=550\n")], true, null, TestContext.Current.CancellationToken);
        revisions.Commit("r1");
        await _test.Node.Host.DaemonReloadAsync(TestContext.Current.CancellationToken);
        await _test.Node.Host.RunAsync(JobType.Restart, "qm.service", TestContext.Current.CancellationToken);
        var report = new NodeReporter(root, revisions).Read();

        Assert.Equal(("r1", 550, "2147483648"), (report.Revision, report.Oom.Qm, report.Cgroup["memory.high"]));
    }

    private static NodeRevisions Revisions(NodeRoot root) => new(root, new StateDirectory(root, "/var/lib/qm-fleet"), new NodeClock(root, TimeProvider.System), null,
        new RootfsFetcher(root, new SlotBuilder(root, new() { Controller = new("https://127.0.0.1:1") }, RootfsLimits.Default, _ => 0, TimeProvider.System), NullLogger<RootfsFetcher>.Instance));
}
