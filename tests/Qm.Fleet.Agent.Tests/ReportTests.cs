using System.Globalization;
using Microsoft.Extensions.Time.Testing;
using Qm.Fleet.Agent.Evidence;
using Qm.Fleet.Agent.Facts;
using Qm.Fleet.Agent.Files;
using Qm.Fleet.Agent.Link;
using Qm.Fleet.Agent.Processes;
using Qm.Fleet.Agent.Revisions;
using Qm.Fleet.Agent.Tests.Checks;
using Qm.Fleet.V1;

namespace Qm.Fleet.Agent.Tests;

[Trait("Requirement", "QMF-AGENT-002")]
public sealed class ReportTests
{
    [Fact]
    public async Task Report_RunningNode_IsWhatIsFound()
    {
        using var node = new EmulatedNode();
        using var agent = node.Open();
        await agent.Revisions.CommitAsync(Sample.New);
        node.Process(700, "sys/fs/cgroup/system.slice/brake-control.service", -1000);
        node.Process(701, "sys/fs/cgroup/system.slice/brake-control.service", 0);
        var report = agent.Reporter.Read();

        Assert.Empty(report.Problems);
        Assert.Equal((0, 500, 492), (report.Oom.Host, report.Oom.Qm, report.Oom.QmInitPid));
        Assert.Equal(760, report.Oom.NestedDefault);
        Assert.Equal(
            [("libpod-bb.scope", 610, 750), ("radio.service", 600, 750)],
            report.Oom.Nested.Select(found => (found.Unit, found.Pid, found.Score)).Order());
        Assert.Equal(
            [("brake-control.service", 700, -1000), ("brake-control.service", 701, 0)],
            report.Oom.Asil.Select(found => (found.Unit, found.Pid, found.Score)));
        Assert.Equal(
            [
                "CPUWeight=idle", "IOWeight=50", "MemoryHigh=1536M", "MemoryMax=4G", "MemorySwapMax=0", "OOMScoreAdjust=550", "TasksMax=50%",
            ],
            report.Effective.Select(pair => $"{pair.Key}={pair.Value}").Order(StringComparer.Ordinal));
        Assert.Equal("max", report.Cgroup["memory.high"]);
        Assert.Equal("low 0\nhigh 0\nmax 0\noom 0\noom_kill 0", report.Cgroup["memory.events"]);
        Assert.DoesNotContain("memory.min", report.Cgroup.Keys);
        Assert.Equal(
            (8_000_000L * 1024, 63_000L, EmulatedNode.BootId, "0-3"),
            (report.Machine.MemoryBytes, report.Machine.TasksMax, report.Machine.BootId, report.Machine.Cpus));
        Assert.Equal(5, report.Files.Count);
        Assert.All(report.Files, file => Assert.InRange(file.CommittedAtUs, 1, long.MaxValue));
    }

    // QM has all the names it likes for cgroups, and they must not keep its node from being heard.
    [Fact]
    [Trait("Requirement", "QMF-LIMIT-005")]
    public void Report_ContainersWithoutEnd_FitsIntoAMessageAndSaysSo()
    {
        const int MessageBytes = 1024 * 1024;
        using var node = new EmulatedNode();
        using var agent = node.Open();
        for (var number = 0; number < OomEvidence.UnitsMax + 100; number++)
        {
            var name = number.ToString("x8", CultureInfo.InvariantCulture).PadRight(200, 'x');
            node.Process(10_000 + number, $"{EmulatedNode.Payload}/machine.slice/libpod-{name}.scope", 750);
            node.Process(20_000 + number, $"{EmulatedNode.Payload}/system.slice/{name}.service", 500);
        }

        var report = agent.Reporter.Read();

        Assert.Equal((OomEvidence.UnitsMax, OomEvidence.UnitsMax), (report.Oom.Nested.Count, report.Oom.Processes.Count));
        Assert.Equal(492, report.Oom.QmInitPid);
        Assert.InRange(report.CalculateSize(), 1, MessageBytes / 2);
        Assert.Equal(
            ["QM has more containers with processes than the 400 whose OOM scores are told; 102 entries are left out.", "QM has more units with processes than the 400 whose OOM scores are told; 104 entries are left out."],
            report.Problems);
    }

    [Fact]
    public async Task Report_FileEditedByHand_HasTheDigestFound()
    {
        using var node = new EmulatedNode();
        using var agent = node.Open();
        await agent.Revisions.CommitAsync(Sample.Old);
        node.Write(EmulatedNode.QmDropInPath, "[Service]\nMemoryHigh=\nCPUQuota=10%\n");
        var report = agent.Reporter.Read();

        Assert.Equal(
            OwnedTrees.Digest("[Service]\nMemoryHigh=\nCPUQuota=10%\n"u8),
            report.Files.Single(file => file.Kind == V1.OwnedFile.Types.Kind.QmContainerDropIn).Sha256);
        Assert.Equal("10%", report.Effective["CPUQuota"]);
        Assert.DoesNotContain("MemoryHigh", report.Effective.Keys);
    }

    [Fact]
    public async Task Report_StateLost_StillNamesFilesInOurPlaces()
    {
        using var node = new EmulatedNode();
        using var agent = node.Open();
        await agent.Revisions.CommitAsync(Sample.New);
        Directory.Delete(node.Of("var/lib/qm-fleet"), recursive: true);
        var report = agent.Reporter.Read();

        Assert.Equal("", report.Revision);
        Assert.Equal(4, report.Files.Count);
        Assert.All(report.Files, file => Assert.Equal(0, file.CommittedAtUs));
    }

    [Fact]
    public async Task Report_AfterReboot_HasNoTimes()
    {
        using var node = new EmulatedNode();
        using var agent = node.Open();
        await agent.Revisions.CommitAsync(Sample.Old);
        node.Write("proc/sys/kernel/random/boot_id", "another\n");
        Assert.All(agent.Reporter.Read().Files, file => Assert.Equal(0, file.CommittedAtUs));
    }

    [Fact]
    public void Report_NothingReadable_SaysWhyAndInventsNothing()
    {
        using var node = new EmulatedNode();
        Directory.Delete(node.Of("proc"), recursive: true);
        Directory.Delete(node.Of("sys"), recursive: true);
        Directory.Delete(node.Of("usr"), recursive: true);
        using var agent = node.Open();
        var report = agent.Reporter.Read();

        Assert.Equal((false, false, 0), (report.Oom.HasHost, report.Oom.HasQm, report.Oom.QmInitPid));
        Assert.Equal((0L, 0L, "", ""), (report.Machine.MemoryBytes, report.Machine.TasksMax, report.Machine.BootId, report.Machine.Cpus));
        Assert.Empty(report.Cgroup);
        Assert.Empty(report.Effective);
        Assert.All(
            (string[])["/proc/1/oom_score_adj", "/proc/meminfo", "pid_max", "threads-max", "boot_id", "cpu/online", "qm.container"],
            part => Assert.Contains(report.Problems, problem => problem.Contains(part)));
    }

    [Fact]
    public void Report_GarbageInFiles_SaysWhereAndInventsNothing()
    {
        using var node = new EmulatedNode();
        node.Write("proc/492/oom_score_adj", "many");
        node.Write("etc/qm/containers/containers.conf.d/10-bad.conf", "[containers\noom_score_adj=1");
        using var agent = node.Open();
        var report = agent.Reporter.Read();

        Assert.False(report.Oom.HasQm);
        Assert.Equal(750, report.Oom.NestedDefault);
        Assert.Contains(report.Problems, problem => problem.Contains("/proc/492/oom_score_adj"));
        Assert.Contains(report.Problems, problem => problem.Contains("10-bad.conf"));
    }

    [Theory]
    [Trait("Requirement", "QMF-AGENT-009")]
    [InlineData("/qm.service")]
    [InlineData("/system.slice")]
    [InlineData("/containers/containers.conf.d")]
    [InlineData("/etc/containers/systemd/qm.container.d")]
    public void Report_DirectoryThatCannotBeListed_SaysSoAndTheRest(string directory)
    {
        using var node = new EmulatedNode();
        Directory.CreateDirectory(node.Of("etc/qm/containers/containers.conf.d"));
        using var agent = node.Open(new FaultySystemCalls { Unlistable = directory });
        var report = agent.Reporter.Read();

        Assert.Equal((0, "4294967296"), (report.Oom.Host, report.Cgroup["memory.max"]));
        Assert.Contains(report.Problems, problem => problem.Contains($"{directory}: Input/output error", StringComparison.Ordinal));
    }

    [Theory]
    [Trait("Requirement", "QMF-AGENT-009")]
    [InlineData("/proc/meminfo")]
    [InlineData("/var/lib/qm-fleet/state.json")]
    [InlineData("/qm.container")]
    [InlineData("/10-automotive.conf")]
    [InlineData("/containers/containers.conf")]
    [InlineData("/agent.conf.d/agent.conf")]
    [InlineData("/50-qm-fleet.conf")]
    [InlineData("/init.scope/cgroup.procs")]
    [InlineData("/radio.container")]
    [InlineData("/proc/492/mountinfo")]
    [InlineData("/boot_id")]
    [InlineData("/osrelease")]
    public async Task Report_PartThatFailsAsNobodyForesaw_SaysSoAndTheRest(string path)
    {
        using var node = GoldenNode.Make();
        var calls = new FaultySystemCalls();
        using var agent = node.Open(calls);
        await agent.Revisions.CommitAsync(Sample.New);
        using var root = NodeRoot.Open(node.Root, calls);
        calls.Unforeseen = path;
        var report = new NodeReporter(root, agent.Revisions, new Agent.Checks.StaticChecks(node.Time), new FactsReader(new(NodePrograms.None(node.Time), node.Time), node.Time)).Read();

        Assert.Equal("4294967296", report.Cgroup["memory.max"]);
        Assert.Equal(Agent.Checks.StaticChecks.All.Count, report.Checks.Results.Count);
        Assert.Contains(report.Problems, problem => problem.Contains("(FormatException: nobody foresaw this)", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData(true, 492)]
    [InlineData(false, 480)]
    public void QmInit_IsProcessOneInsideOrTheFirstWhereTheKernelDoesNotTell(bool told, int expected)
    {
        using var node = new EmulatedNode();
        Directory.Delete(node.Of(EmulatedNode.Payload), recursive: true);
        node.Process(480, $"{EmulatedNode.Payload}/init.scope", 0, told ? "480\t90" : null);
        node.Process(492, $"{EmulatedNode.Payload}/init.scope", 500, told ? "492\t1" : null);
        using var agent = node.Open();
        Assert.Equal(expected, agent.Reporter.Read().Oom.QmInitPid);
    }

    [Fact]
    public void QmInit_OutsideItsScope_IsFoundAndNoContainersInitTakenForIt()
    {
        using var node = new EmulatedNode();
        Directory.Delete(node.Of($"{EmulatedNode.Payload}/init.scope"), recursive: true);
        node.Process(910, $"{EmulatedNode.Payload}/weird", 500, "910\t1");
        using var agent = node.Open();
        Assert.Equal(910, agent.Reporter.Read().Oom.QmInitPid);
    }

    [Fact]
    [Trait("Requirement", "QMF-AGENT-011")]
    public void Read_OneLook_OpensEachFileOnce()
    {
        using var node = new EmulatedNode();
        var calls = new FaultySystemCalls();
        using var agent = node.Open(calls);
        agent.Reporter.Read();
        calls.Opened.Clear();
        agent.Reporter.Read();

        Assert.NotEmpty(calls.Opened);
        // What it remembers itself is no part of what it looks at.
        Assert.Empty(calls.Opened.Where(path => !path.StartsWith("/var/lib/qm-fleet/", StringComparison.Ordinal)).GroupBy(path => path).Where(same => same.Count() > 1).Select(same => same.Key));
    }

    [Fact]
    public void Pace_ChangeAndHeartbeat_AreDueAndMemoryInUseIsNot()
    {
        var time = new FakeTimeProvider();
        var pace = new ReportPace(time);
        var interval = TimeSpan.FromSeconds(30);
        var report = new NodeReport { Oom = new OomFindings { QmInitPid = 1 }, Cgroup = { ["memory.current"] = "1", ["memory.high"] = "max" } };
        Assert.True(pace.IsDue(report, interval));
        pace.Sent(report);

        var busier = report.Clone();
        busier.Cgroup["memory.current"] = "2";
        Assert.False(pace.IsDue(busier, interval));
        Assert.Equal(ReportPace.Slow, pace.Pause(report, interval));
        var unconfirmed = new NodeReport(busier) { Revision = "r1" };
        Assert.True(pace.IsDue(unconfirmed, interval));
        Assert.Equal(ReportPace.Fast, pace.Pause(unconfirmed, interval));
        var wentBack = new NodeReport(unconfirmed) { Reverted = new() { Revision = "r2" } };
        Assert.Equal(ReportPace.Slow, pace.Pause(wentBack, interval));
        Assert.Equal(ReportPace.Fast, pace.Pause(new NodeReport(wentBack) { ConfirmDueUs = 1 }, interval));
        time.Advance(interval);
        Assert.True(pace.IsDue(report, interval));
    }

    [Fact]
    [Trait("Requirement", "QMF-AGENT-005")]
    public void Pace_ControllerThatTakesHeartbeats_IsToldOfChangesOnly()
    {
        var time = new FakeTimeProvider();
        var pace = new ReportPace(time);
        var report = new NodeReport { Oom = new OomFindings { QmInitPid = 1 }, Cgroup = { ["memory.events"] = "high 1\noom 0\noom_kill 0" } };
        Assert.True(pace.IsDue(report, Timeout.InfiniteTimeSpan));
        pace.Sent(report);
        time.Advance(TimeSpan.FromDays(1));

        Assert.Equal(TimeSpan.FromDays(1), pace.SinceLook);
        Assert.False(pace.IsDue(report, Timeout.InfiniteTimeSpan));
        Assert.Equal((TimeSpan.Zero, ReportPace.Slow), (pace.SinceLook, pace.Pause(report, Timeout.InfiniteTimeSpan)));
        // Throttled once more is no news, killed once more is.
        Assert.False(pace.IsDue(new(report) { Cgroup = { ["memory.events"] = "high 2\noom 0\noom_kill 0" } }, Timeout.InfiniteTimeSpan));
        Assert.True(pace.IsDue(new(report) { Cgroup = { ["memory.events"] = "high 2\noom 1\noom_kill 1" } }, Timeout.InfiniteTimeSpan));
    }
}
