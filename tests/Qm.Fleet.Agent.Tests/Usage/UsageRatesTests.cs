using Microsoft.Extensions.Time.Testing;
using Qm.Fleet.Agent.Usage;
using Qm.Fleet.V1;

namespace Qm.Fleet.Agent.Tests.Usage;

[Trait("Requirement", "QMF-USAGE-002")]
public sealed class UsageRatesTests
{
    private readonly FakeTimeProvider _time = new();

    [Fact]
    public void Write_SecondLook_SaysWhatWasUsedInBetween()
    {
        var rates = new UsageRates(_time);
        var first = Write(rates, Qm(cpuMicroseconds: 1_000_000, read: 0));
        _time.Advance(TimeSpan.FromSeconds(2));
        var second = Write(rates, Qm(cpuMicroseconds: 4_000_000, read: 4096));
        _time.Advance(TimeSpan.FromSeconds(2));
        var still = Write(rates, Qm(cpuMicroseconds: 4_000_000, read: 4096));

        Assert.False(first.HasCpus || first.HasIoReadBytesPerSecond);
        Assert.Equal((1.5, 2048L), (second.Cpus, second.IoReadBytesPerSecond));
        Assert.Equal((true, 0.0, 0L), (still.HasCpus, still.Cpus, still.IoReadBytesPerSecond));
    }

    [Fact]
    public void Write_AnotherLife_HasNoRate()
    {
        var rates = new UsageRates(_time);
        Write(rates, Qm(cpuMicroseconds: 4_000_000, read: 4096));
        _time.Advance(TimeSpan.FromSeconds(2));

        var again = Write(rates, Qm(cpuMicroseconds: 1_000, read: 0));

        Assert.False(again.HasCpus || again.HasIoReadBytesPerSecond);
    }

    private static CgroupUsage Qm(long cpuMicroseconds, long read) => new() { Unit = "qm.service", Cgroup = "/qm.service", CpuStat = { ["usage_usec"] = cpuMicroseconds }, IoReadBytes = read };

    private static CgroupUsage Write(UsageRates rates, CgroupUsage qm)
    {
        rates.Write(new V1.Usage { Qm = qm });
        return qm;
    }
}
