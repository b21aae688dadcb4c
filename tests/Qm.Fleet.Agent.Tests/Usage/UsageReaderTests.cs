using Qm.Fleet.Agent.Files;
using Qm.Fleet.Agent.OutOfMemory;
using Qm.Fleet.Agent.Usage;

namespace Qm.Fleet.Agent.Tests.Usage;

[Trait("Requirement", "QMF-AGENT-005")]
public sealed class UsageReaderTests : IDisposable
{
    private const string Radio = $"{EmulatedNode.Payload}/system.slice/radio.service/libpod-payload-aa";
    private readonly EmulatedNode _node = new();

    public UsageReaderTests()
    {
        _node.Write("proc/pressure/memory", "some avg10=0.00 avg60=0.00 avg300=0.00 total=0\n");
        foreach (var cgroup in (string[])["sys/fs/cgroup/qm.service", Radio])
        {
            _node.Write($"{cgroup}/memory.current", "104857600\n");
            _node.Write($"{cgroup}/memory.peak", "209715200\n");
            _node.Write($"{cgroup}/memory.events", "low 0\nhigh 3\nmax 0\noom 1\noom_kill 2\noom_group_kill 0\n");
            _node.Write($"{cgroup}/cpu.stat", "usage_usec 1500000\nuser_usec 1000000\nsystem_usec 500000\nnice_usec 0\nnr_periods 10\nnr_throttled 2\nthrottled_usec 7000\n");
            _node.Write($"{cgroup}/io.stat", "8:0 rbytes=4096 wbytes=1024 rios=1 wios=1 dbytes=0 dios=0\n253:0 rbytes=1 wbytes=2 rios=1 wios=1 dbytes=0 dios=0\n");
            _node.Write($"{cgroup}/pids.current", "17\n");
            _node.Write($"{cgroup}/memory.max", "268435456\n");
            _node.Write($"{cgroup}/memory.high", "max\n");
            _node.Write($"{cgroup}/memory.min", "0\n");
            _node.Write($"{cgroup}/pids.max", "max\n");
            _node.Write($"{cgroup}/cpu.max", "60000 100000\n");
            _node.Write($"{cgroup}/memory.pressure", "some avg10=1.50 avg60=4.10 avg300=0.20 total=12345\nfull avg10=0.00 avg60=0.60 avg300=0.00 total=99\n");
            _node.Write($"{cgroup}/cpu.pressure", "some avg10=0.00 avg60=9.00 avg300=0.00 total=1\n");
        }
    }

    public void Dispose() => _node.Dispose();

    [Fact]
    public void Read_RunningQm_TellsQmAndEachContainerAsTheKernelCounts()
    {
        var usage = Read();

        Assert.Empty(usage.Problems);
        Assert.Equal(["libpod-bb.scope", "radio.service"], usage.Nested.Select(container => container.Unit).Order());
        var radio = usage.Nested.Single(container => container.Unit == "radio.service");
        Assert.Equal(Radio["sys/fs/cgroup".Length..], radio.Cgroup);
        Assert.All([usage.Qm, radio], cgroup =>
        {
            Assert.Equal((104857600L, 209715200L, 17L), (cgroup.MemoryCurrent, cgroup.MemoryPeak, cgroup.PidsCurrent));
            Assert.Equal((268435456L, -1L, 0L, -1L, 600L), (cgroup.MemoryMax, cgroup.MemoryHigh, cgroup.MemoryMin, cgroup.PidsMax, cgroup.CpuMax));
            Assert.Equal((4097L, 1026L), (cgroup.IoReadBytes, cgroup.IoWrittenBytes));
            Assert.Equal((2L, 3L), (cgroup.MemoryEvents["oom_kill"], cgroup.MemoryEvents["high"]));
            Assert.Equal(["nr_periods", "nr_throttled", "system_usec", "throttled_usec", "usage_usec", "user_usec"], cgroup.CpuStat.Keys.Order());
            Assert.Equal((4.1, 0.6, 12345L), (cgroup.MemoryPressure.Some.Avg60, cgroup.MemoryPressure.Full.Avg60, cgroup.MemoryPressure.Some.TotalUs));
            Assert.Equal((9.0, null), (cgroup.CpuPressure.Some.Avg60, cgroup.CpuPressure.Full));
            Assert.Null(cgroup.IoPressure);
        });
    }

    [Theory]
    [Trait("Requirement", "QMF-AGENT-009")]
    [InlineData("/libpod-payload-aa/cpu.stat")]
    [InlineData("/proc/pressure")]
    [InlineData("/qm.container")]
    [InlineData("/memory.events")]
    public void Read_WhatFailsAsNobodyForesaw_EndsNoLook(string path)
    {
        using var root = NodeRoot.Open(_node.Root, new FaultySystemCalls { Unforeseen = path });
        var usage = new UsageReader(root);

        Assert.Equal(path != "/qm.container", usage.Read().Problems.Any(problem => problem.Contains("nobody foresaw this", StringComparison.Ordinal)));
        Assert.Equal(path != "/qm.container", usage.ReadDisk() is not null);
        Assert.Equal(path != "/memory.events", new OomCounterReader(root).Read() is not null);
    }

    [Fact]
    public void Read_FilesTheKernelDoesNotHave_AreAbsentAndNoProblem()
    {
        var scope = Read().Nested.Single(container => container.Unit == "libpod-bb.scope");
        Assert.False(scope.HasMemoryMax || scope.HasMemoryHigh || scope.HasMemoryMin || scope.HasPidsMax || scope.HasCpuMax);
        Assert.Equal((false, false, false, false), (scope.HasMemoryCurrent, scope.HasMemoryPeak, scope.HasIoReadBytes, scope.HasPidsCurrent));
        Assert.Empty(scope.CpuStat);
    }

    // Some kernels have the files and refuse to have them read.
    [Fact]
    public void Read_KernelWithoutPressure_DoesNotTouchItsFiles()
    {
        Directory.Delete(_node.Of("proc/pressure"), recursive: true);
        Assert.Null(Read().Qm.MemoryPressure);
    }

    [Fact]
    public void Read_Garbage_IsLeftOutAndSaidWhereItIsANumber()
    {
        _node.Write($"{Radio}/memory.current", "much");
        _node.Write($"{Radio}/memory.pressure", "some avg10=x avg60=4.10 avg300=0.20 total=12345\nhalf\n");
        _node.Write($"{Radio}/io.stat", "8:0 rbytes= wbytes=-1 rbytes\n");
        var usage = Read();
        var radio = usage.Nested.Single(container => container.Unit == "radio.service");

        Assert.False(radio.HasMemoryCurrent);
        Assert.Null(radio.MemoryPressure);
        Assert.Equal((0L, 0L), (radio.IoReadBytes, radio.IoWrittenBytes));
        Assert.Contains("memory.current", Assert.Single(usage.Problems));
    }

    [Theory]
    [InlineData("max 100000", -1L)]
    [InlineData("150000 100000", 1500L)]
    [InlineData("150000 0", null)]
    [InlineData("9223372036854775807 1", null)]
    [InlineData("much", null)]
    [InlineData(null, null)]
    public void ReadQuota_AnyText_IsThousandthsOfACpuOrNothing(string? text, long? thousandths) => Assert.Equal(thousandths, KernelStatistics.ReadQuota(text));

    [Fact]
    public void Read_QmDown_TellsNothing()
    {
        Directory.Delete(_node.Of(EmulatedNode.Payload), recursive: true);
        var usage = Read();
        Assert.Null(usage.Qm);
        Assert.Empty(usage.Nested);
    }

    [Fact]
    public void Read_MoreContainersThanAreTold_CountsTheRest()
    {
        for (var i = 0; i < UsageReader.ContainersMax + 5; i++)
        {
            Directory.CreateDirectory(_node.Of($"{EmulatedNode.Payload}/machine.slice/libpod-{i:x8}.scope"));
        }

        var usage = Read();
        Assert.Equal((UsageReader.ContainersMax, 7), (usage.Nested.Count, usage.LeftOut));
    }

    private V1.Usage Read()
    {
        using var root = NodeRoot.Open(_node.Root);
        return new UsageReader(root).Read();
    }
}
