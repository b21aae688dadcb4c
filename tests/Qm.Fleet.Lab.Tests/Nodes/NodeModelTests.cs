using Qm.Fleet.BlueChi.Bus;
using Qm.Fleet.Lab.Nodes;

using Xunit;

namespace Qm.Fleet.Lab.Tests.Nodes;

[Trait("Requirement", "QMF-LAB-002")]
public sealed class NodeModelTests : IAsyncLifetime
{
    private readonly TestNode _test = new();

    private EmulatedNode Node => _test.Node;

    public async ValueTask InitializeAsync()
    {
        await Node.BootAsync(TestContext.Current.CancellationToken);
        await _test.BlueChi.WaitForAsync("qm.ecu1");
    }

    public ValueTask DisposeAsync() => _test.DisposeAsync();

    [Fact]
    public void Boot_QmOfTheVendor_HasTheMeasuredScoresAndLimits()
    {
        Assert.Equal("-1000", _test.Score(_test.Host("MainPID")));
        Assert.Equal("500", _test.Score(Node.Qm!.InitPid));
        Assert.Equal("0", _test.Score(1));
        Assert.Equal(["1", "1", "max", "max", "0", "default 50", "31000"],
            new[] { "cpu.weight", "cpu.idle", "memory.high", "memory.max", "memory.swap.max", "io.weight", "pids.max" }.Select(_test.Cgroup));
        Assert.Equal("generated", _test.Host("UnitFileState"));
        Assert.Equal([], Assert.IsType<object[]>(_test.Host("DropInPaths")));
    }

    [Fact]
    public async Task Restart_RunningQm_HasOtherPidsAndAnotherPayload()
    {
        var before = (Pid: Node.Qm!.InitPid, Node.Qm.Payload, Invocation: _test.Host("InvocationID"));
        Assert.Equal("done", await Node.Host.RunAsync(JobType.Restart, "qm.service", TestContext.Current.CancellationToken));

        Assert.NotEqual(before.Pid, Node.Qm!.InitPid);
        Assert.NotEqual(before.Payload, Node.Qm.Payload);
        Assert.NotEqual(before.Invocation, _test.Host("InvocationID"));
        Assert.False(Directory.Exists(Path.Combine(Node.Root, "proc", $"{before.Pid}")));
        Assert.Equal(0u, _test.Host("NRestarts"));
        Assert.Equal($"{Node.Qm.InitPid}", _test.Read($"sys/fs/cgroup{Node.Qm.Payload}/init.scope/cgroup.procs"));
    }

    [Fact]
    public void SetProperties_LiveLimit_ReachesTheKernelAndKeepsThePid()
    {
        var pid = Node.Qm!.InitPid;
        Node.Host.SetProperties("qm.service", true, [new("MemoryHigh", new BusValue.UInt64(1610612736)), new("CPUWeight", new BusValue.UInt64(50))]);

        Assert.Equal(["1610612736", "50", "0"], new[] { "memory.high", "cpu.weight", "cpu.idle" }.Select(_test.Cgroup));
        Assert.Equal(pid, Node.Qm.InitPid);
        Assert.EndsWith("[Service]\nMemoryHigh=1610612736", _test.Read("run/systemd/system.control/qm.service.d/50-MemoryHigh.conf"), StringComparison.Ordinal);
    }

    // As a real systemd 257 was seen to do it.
    [Fact]
    public async Task SetProperties_LimitsOfDisks_AddUpByNameAndTheLastNameOfADiskWins()
    {
        Set("IOReadBandwidthMax", "/dev/sda", 2_000_000);
        Set("IOWriteBandwidthMax", "/var/qm", 3_000_000);
        Assert.Equal("253:0 rbps=max wbps=3000000 riops=max wiops=max\n8:0 rbps=2000000 wbps=max riops=max wiops=max", _test.Cgroup("io.max"));

        // The same disk by another name: a set of limits of its own, which has none but this one.
        Set("IOReadBandwidthMax", "/dev/vda1", 5_000_000);
        Assert.StartsWith("253:0 rbps=5000000 wbps=max", _test.Cgroup("io.max"), StringComparison.Ordinal);
        Assert.EndsWith("IOReadBandwidthMax=\nIOReadBandwidthMax=/dev/sda 2000000\nIOReadBandwidthMax=/dev/vda1 5000000", _test.Read("run/systemd/system.control/qm.service.d/50-IOReadBandwidthMax.conf"), StringComparison.Ordinal);

        // Lifted by its name, it is forgotten with the next reload only, and the kernel keeps what it has.
        Set("IOReadBandwidthMax", "/dev/vda1", ulong.MaxValue);
        Set("IOReadBandwidthMax", "/dev/sda", ulong.MaxValue);
        Assert.Equal("", _test.Cgroup("io.max"));
        await Node.Host.DaemonReloadAsync(TestContext.Current.CancellationToken);
        Set("IOReadBandwidthMax", "/var/qm", 6_000_000);
        Assert.Equal("253:0 rbps=6000000 wbps=3000000 riops=max wiops=max", _test.Cgroup("io.max"));

        void Set(string name, string path, ulong limit) => Node.Host.SetProperties(
            "qm.service", true, [new(name, new BusValue.Array("(st)", [new BusValue.Struct([path, limit])]))]);
    }

    [Theory]
    [InlineData("IOReadBandwidthMax", "/dev//sda", "org.freedesktop.DBus.Error.InvalidArgs")]
    [InlineData("IOReadBandwidthMax", "/dev/../sda", "org.freedesktop.DBus.Error.InvalidArgs")]
    public void SetProperties_PathThatIsNotNormalized_IsRefused(string name, string path, string error) =>
        Assert.Equal(error, Assert.Throws<SystemdRefusal>(() => Node.Host.SetProperties(
            "qm.service", true, [new(name, new BusValue.Array("(st)", [new BusValue.Struct([path, 5UL])]))])).ErrorName);

    [Fact]
    public async Task SetProperties_SettingsForSystemdOomd_AreSaidAndResetByTheFiles()
    {
        Assert.Equal(("kill", "none"), (_test.Host("ManagedOOMSwap"), _test.Host("ManagedOOMPreference")));
        Node.Host.SetProperties("qm.service", true, [new("ManagedOOMSwap", "auto"), new("ManagedOOMMemoryPressureLimit", 2_576_980_377u)]);
        Assert.Equal(("auto", 2_576_980_377u), (_test.Host("ManagedOOMSwap"), _test.Host("ManagedOOMMemoryPressureLimit")));
        Assert.EndsWith("ManagedOOMMemoryPressureLimit=60.00%", _test.Read("run/systemd/system.control/qm.service.d/50-ManagedOOMMemoryPressureLimit.conf"), StringComparison.Ordinal);

        Directory.Delete(Path.Combine(Node.Root, "run/systemd/system.control/qm.service.d"), recursive: true);
        await Node.Host.DaemonReloadAsync(TestContext.Current.CancellationToken);
        Assert.Equal(("kill", 0u), (_test.Host("ManagedOOMSwap"), _test.Host("ManagedOOMMemoryPressureLimit")));
        Assert.Equal("System.Error.EINVAL", Assert.Throws<SystemdRefusal>(() => Node.Host.SetProperties("qm.service", true, [new("ManagedOOMSwap", "omit")])).ErrorName);
    }

    [Fact]
    public async Task Reload_ChangedDropIn_ChangesWhatSystemdSaysNotTheKernel()
    {
        _test.DropIn("[Service]\nMemoryHigh=1G\nCPUWeight=44\nOOMScoreAdjust=600\n");
        Assert.Equal(ulong.MaxValue, _test.Host("MemoryHigh"));
        Assert.Equal(false, _test.Host("NeedDaemonReload"));

        await Node.Host.DaemonReloadAsync(TestContext.Current.CancellationToken);
        Assert.Equal((1073741824UL, 44UL, 600), (_test.Host("MemoryHigh"), _test.Host("CPUWeight"), _test.Host("OOMScoreAdjust")));
        Assert.Equal(["max", "1", "1"], new[] { "memory.high", "cpu.weight", "cpu.idle" }.Select(_test.Cgroup));
        Assert.Equal("500", _test.Score(Node.Qm!.InitPid));

        await Node.Host.RunAsync(JobType.Restart, "qm.service", TestContext.Current.CancellationToken);
        Assert.Equal(["1073741824", "44"], new[] { "memory.high", "cpu.weight" }.Select(_test.Cgroup));
        Assert.Equal("600", _test.Score(Node.Qm!.InitPid));
    }

    [Fact]
    public async Task NeedDaemonReload_DropInOfAUnitFileThatComesChangesOrGoes_IsSaidUntilItIsRead()
    {
        const string dropIn = "etc/systemd/system/qm.service.d/50-fleet.conf";
        Node.Host.SetProperties("qm.service", true, [new("MemoryHigh", new BusValue.UInt64(1UL << 30))]);
        Assert.Equal(false, _test.Host("NeedDaemonReload"));

        var path = Path.Combine(Node.Root, dropIn);
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        foreach (var (day, content) in new[] { "[Service]\nOOMScoreAdjust=600\n", "[Service]\nOOMScoreAdjust=650\n", null }.Index())
        {
            if (content is null)
            {
                File.Delete(path);
            }
            else
            {
                await File.WriteAllTextAsync(path, content, TestContext.Current.CancellationToken);
                // Sooner than the file system's clock goes on.
                File.SetLastWriteTimeUtc(path, DateTime.UnixEpoch.AddDays(day));
            }

            Assert.Equal(true, _test.Host("NeedDaemonReload"));
            await Node.Host.DaemonReloadAsync(TestContext.Current.CancellationToken);
            Assert.Equal(false, _test.Host("NeedDaemonReload"));
        }
    }

    [Fact]
    public async Task SetProperties_AnyOneAfterReload_FlushesAllLimitsToTheKernel()
    {
        _test.DropIn("[Service]\nCPUWeight=44\n");
        await Node.Host.DaemonReloadAsync(TestContext.Current.CancellationToken);
        Node.Host.SetProperties("qm.service", true, [new("MemoryHigh", new BusValue.UInt64(1UL << 30))]);
        Assert.Equal("44", _test.Cgroup("cpu.weight"));
    }

    [Fact]
    public async Task Reload_DropInRemoved_KeepsTheOldLimitInTheKernelUntilInfinityIsSet()
    {
        _test.DropIn("[Service]\nMemoryMax=2G\n");
        await Node.Host.DaemonReloadAsync(TestContext.Current.CancellationToken);
        await Node.Host.RunAsync(JobType.Restart, "qm.service", TestContext.Current.CancellationToken);
        _test.DropIn(null);
        await Node.Host.DaemonReloadAsync(TestContext.Current.CancellationToken);
        Assert.Equal(ulong.MaxValue, _test.Host("MemoryMax"));
        Assert.Equal("2147483648", _test.Cgroup("memory.max"));

        Node.Host.SetProperties("qm.service", true, [new("MemoryMax", new BusValue.UInt64(ulong.MaxValue))]);
        Assert.Equal("max", _test.Cgroup("memory.max"));
    }

    [Fact]
    public async Task SetProperties_RuntimeDropIn_SurvivesRestartAndReloadAndBeatsTheQuadlet()
    {
        Node.Host.SetProperties("qm.service", true, [new("MemoryHigh", new BusValue.UInt64(1UL << 30))]);
        _test.DropIn("[Service]\nMemoryHigh=3G\n");
        await Node.Host.DaemonReloadAsync(TestContext.Current.CancellationToken);
        await Node.Host.RunAsync(JobType.Restart, "qm.service", TestContext.Current.CancellationToken);
        Assert.Equal("1073741824", _test.Cgroup("memory.high"));

        await Node.RebootAsync(TestContext.Current.CancellationToken);
        Assert.Equal("3221225472", _test.Cgroup("memory.high"));
    }

    [Theory]
    [InlineData("OOMScoreAdjust", "i", "org.freedesktop.DBus.Error.PropertyReadOnly", "Cannot set property OOMScoreAdjust, or unknown property.")]
    [InlineData("NoSuchProp", "t", "org.freedesktop.DBus.Error.PropertyReadOnly", "Cannot set property NoSuchProp, or unknown property.")]
    [InlineData("MemoryHigh", "s", "System.Error.ENXIO", "Failed to set unit properties: Unexpected message contents")]
    [InlineData("CPUWeight", "t", "org.freedesktop.DBus.Error.InvalidArgs", "Value specified in CPUWeight is out of range")]
    public void SetProperties_RefusedOne_HasSystemdsErrorAndChangesNothing(string property, string signature, string error, string text)
    {
        BusValue value = signature switch { "i" => 600, "s" => "1G", _ => 20_000UL };
        var refusal = Assert.Throws<SystemdRefusal>(() => Node.Host.SetProperties("qm.service", true,
            [new("MemoryHigh", new BusValue.UInt64(1UL << 30)), new(property, value)]));
        Assert.Equal((error, text), (refusal.ErrorName, refusal.Message));
        Assert.Equal("max", _test.Cgroup("memory.high"));
    }

    [Fact]
    public void SetProperties_UnknownUnit_SucceedsAndLeavesAFile()
    {
        Node.Host.SetProperties("nosuch.service", true, [new("CPUWeight", new BusValue.UInt64(10))]);
        Assert.Contains("CPUWeight=10", _test.Read("run/systemd/system.control/nosuch.service.d/50-CPUWeight.conf"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Reload_UnsupportedContainerKey_VanishesTheUnitWhileQmRunsOn()
    {
        _test.DropIn("[Container]\nNoSuchKey=1\n");
        await Node.Host.DaemonReloadAsync(TestContext.Current.CancellationToken);
        Assert.Equal(("not-found", "active", "", "no", 0),
            (_test.Host("LoadState"), _test.Host("ActiveState"), _test.Host("FragmentPath"), _test.Host("Restart"), _test.Host("OOMScoreAdjust")));
        Assert.NotNull(Node.Qm);
        var refusal = Assert.Throws<SystemdRefusal>(() => Node.Host.Accept(JobType.Restart, "qm.service", "replace"));
        Assert.Equal(("org.freedesktop.systemd1.NoSuchUnit", "Unit qm.service not found."), (refusal.ErrorName, refusal.Message));

        await Node.CrashQmAsync();
        Assert.Null(Node.Qm);
        Assert.Equal("failed", _test.Host("ActiveState"));

        _test.DropIn(null);
        await Node.Host.DaemonReloadAsync(TestContext.Current.CancellationToken);
        Assert.Equal("done", await Node.Host.RunAsync(JobType.Start, "qm.service", TestContext.Current.CancellationToken));
    }

    [Fact]
    public async Task Crash_QmInit_RestartsThroughTheMeasuredStates()
    {
        var states = _test.RecordStates();
        await Node.CrashQmAsync();
        Assert.Equal(["deactivating stop-post", "failed failed-before-auto-restart", "activating auto-restart", "activating auto-restart-queued", "activating start", "active running"], states);
        Assert.Equal(1u, _test.Host("NRestarts"));
    }

    [Fact]
    public async Task Workload_WithScores_RunsNestedWithItsOwnOrTheDefault()
    {
        _test.Workload("radio", "Image=localhost/radio:3\nPodmanArgs=--oom-score-adj=800");
        _test.Workload("maps", "Image=localhost/maps:1");
        await Node.Qm!.Systemd.DaemonReloadAsync(TestContext.Current.CancellationToken);
        await Node.Qm.Systemd.RunAsync(JobType.Start, "radio.service", TestContext.Current.CancellationToken);
        await Node.Qm.Systemd.RunAsync(JobType.Start, "maps.service", TestContext.Current.CancellationToken);
        Assert.Equal(("800", "750"), (_test.NestedScore("radio"), _test.NestedScore("maps")));
        Assert.Equal("500", _test.Score(TestNode.Plain(Node.Qm.Systemd.Properties("radio.service", "")["MainPID"])));
    }

    [Fact]
    public async Task Workload_BelowTheScoreOfQm_DoesNotStart()
    {
        _test.Workload("radio", "Image=localhost/radio:3\nPodmanArgs=--oom-score-adj=100");
        await Node.Qm!.Systemd.DaemonReloadAsync(TestContext.Current.CancellationToken);
        Assert.Equal("failed", await Node.Qm.Systemd.RunAsync(JobType.Start, "radio.service", TestContext.Current.CancellationToken));
    }

    [Fact]
    public async Task Restart_WithAWorkloadDeafToSigterm_PassesThroughFailed()
    {
        _test.Workload("nap", "Image=localhost/nap:1\nExec=sleep infinity");
        await Node.Qm!.Systemd.DaemonReloadAsync(TestContext.Current.CancellationToken);
        await Node.Qm.Systemd.RunAsync(JobType.Start, "nap.service", TestContext.Current.CancellationToken);
        var states = _test.RecordStates();
        Assert.Equal("done", await Node.Host.RunAsync(JobType.Restart, "qm.service", TestContext.Current.CancellationToken));
        Assert.Equal(["deactivating stop", "deactivating stop-sigterm", "deactivating stop-post", "failed failed", "activating start", "active running"], states);
        Assert.Equal("active", _test.Host("ActiveState"));
    }

    [Fact]
    public async Task AgentConf_NodeNameOfAnEarlierFile_LosesToALaterOne()
    {
        File.WriteAllText(Path.Combine(Node.Root, "etc/qm/bluechi/agent.conf.d/90-early.conf"), "[bluechi-agent]\nNodeName=qm.wrong\n");
        await Node.Host.RunAsync(JobType.Restart, "qm.service", TestContext.Current.CancellationToken);
        await _test.BlueChi.WaitForAsync("qm.ecu1");

        File.WriteAllText(Path.Combine(Node.Root, "etc/qm/bluechi/agent.conf.d/zz-late.conf"), "[bluechi-agent]\nNodeName=qm.late\n");
        await Node.Host.RunAsync(JobType.Restart, "qm.service", TestContext.Current.CancellationToken);
        await _test.BlueChi.WaitForAsync("qm.late");
    }
}
