using System.Runtime.CompilerServices;
using Microsoft.Extensions.Time.Testing;
using Qm.Fleet.Agent.Usage;
using Qm.Fleet.V1;

namespace Qm.Fleet.Agent.Tests.Usage;

[Trait("Requirement", "QMF-USAGE-001")]
public sealed class UsageHistoryTests
{
    private const string Radio = "/qm.service/libpod-payload-11/system.slice/radio.service/libpod-payload-aa";
    private static readonly UsageQuery Everything = new(null, TimeSpan.Zero, TimeSpan.Zero, UsageHistory.Capacity, "");
    private readonly FakeTimeProvider _time = new();
    private readonly UsageHistory _history;

    public UsageHistoryTests() => _history = new(_time);

    [Fact]
    public void Read_EverySample_HasRatesSinceTheOneBefore()
    {
        Sample(10, Of("radio.service", Radio, cpuSeconds: 1, memory: 1 << 20, read: 1 << 20, stalledSeconds: 1));
        Sample(10, Of("radio.service", Radio, cpuSeconds: 6, memory: 3 << 20, read: 11 << 20, stalledSeconds: 1.5));
        Sample(0, Of("radio.service", Radio, cpuSeconds: 6, memory: 2 << 20, read: 11 << 20, stalledSeconds: 1.5));

        var series = Assert.Single(_history.Read(Everything));

        Assert.Equal(("radio.service", Radio), (series.Unit, series.Cgroup));
        Assert.Equal([20_000L, 10_000, 0], series.Points.Select(point => point.AgoMs));
        Assert.Equal([0L, 10_000, 10_000], series.Points.Select(point => point.WindowMs));
        Assert.Equal([false, true, true], series.Points.Select(point => point.HasCpus));
        Assert.Equal((0.5, 1L << 20, 5.0, 3L << 20), (series.Points[1].Cpus, series.Points[1].IoReadBytesPerSecond, series.Points[1].MemoryPressureSome, series.Points[1].MemoryCurrent));
        Assert.Equal((0.0, 0L, 0.0), (series.Points[2].Cpus, series.Points[2].IoReadBytesPerSecond, series.Points[2].MemoryPressureSome));
        Assert.False(series.Points[1].HasMemoryPressureFull || series.Points[1].HasPidsCurrent || series.Points[1].HasIoPressureSome);
    }

    [Fact]
    public void Read_Steps_AreMeansAndTheMostOfWhatGoesUpAndDown()
    {
        for (var second = 0; second < 20; second++)
        {
            Sample(second == 19 ? 0 : 1, Of("radio.service", Radio, cpuSeconds: second * 0.5, memory: second == 13 ? 9 << 20 : 1 << 20, read: 0));
        }

        var points = Assert.Single(_history.Read(Everything with { Step = TimeSpan.FromSeconds(10) })).Points;

        // Ten samples a step; the mean goes back to the sample before the step.
        Assert.Equal([(10_000L, 9_000L, 0.5, 1L << 20), (0L, 10_000L, 0.5, 9L << 20)], points.Select(point => (point.AgoMs, point.WindowMs, point.Cpus, point.MemoryCurrent)));
    }

    [Theory]
    [InlineData(5, 0, 500, new[] { 5, 4, 3, 2, 1, 0 })]
    [InlineData(5, 3, 500, new[] { 5, 4, 3 })]
    [InlineData(0, 7, 500, new[] { 9, 8, 7 })]
    [InlineData(0, 0, 2, new[] { 1, 0 })]
    public void Read_PartOfTheTime_KnowsWhatWasBefore(int from, int to, int limit, int[] seconds)
    {
        for (var second = 0; second < 10; second++)
        {
            Sample(second == 9 ? 0 : 1, Of("radio.service", Radio, cpuSeconds: second, memory: 0, read: 0));
        }

        var points = Assert.Single(_history.Read(UsageQuery.Of(new() { FromMsAgo = from * 1000, ToMsAgo = to * 1000, Limit = limit }))).Points;

        Assert.Equal(seconds.Select(second => second * 1000L), points.Select(point => point.AgoMs));
        Assert.All(points.Where(point => point.AgoMs < 9000), point => Assert.Equal(1.0, point.Cpus));
    }

    // Same unit, another container: what the new one counts says nothing of the old one.
    [Fact]
    public void Read_ContainerThatWasRestarted_IsAnotherSeries()
    {
        Sample(1, Of("radio.service", Radio, cpuSeconds: 100, memory: 0, read: 0));
        Sample(1, Of("radio.service", Radio + "2", cpuSeconds: 1, memory: 0, read: 0));
        Sample(0, Of("radio.service", Radio + "2", cpuSeconds: 2, memory: 0, read: 0));

        var series = _history.Read(Everything with { Unit = "radio.service" });

        Assert.Equal([Radio, Radio + "2"], series.Select(one => one.Cgroup));
        Assert.Equal([1, 2], series.Select(one => one.Points.Count));
        Assert.Equal(1.0, series[1].Points[1].Cpus);
        Assert.Empty(_history.Read(Everything with { Unit = "maps.service" }));
    }

    // qm.service has the same cgroup in every life.
    [Fact]
    public void Read_QmThatWasAway_IsAnotherSeriesOfTheSameCgroup()
    {
        Sample(1, Of("qm.service", "/qm.service", cpuSeconds: 100, memory: 0, read: 0));
        Sample(1);
        Sample(0, Of("qm.service", "/qm.service", cpuSeconds: 1, memory: 0, read: 0));

        Assert.Equal(2, _history.Read(Everything).Count);
    }

    [Fact]
    public void Read_CounterThatFell_HasNoRate()
    {
        Sample(1, Of("radio.service", Radio, cpuSeconds: 5, memory: 0, read: 5 << 20));
        Sample(0, Of("radio.service", Radio, cpuSeconds: 6, memory: 0, read: 1 << 20));

        var last = _history.Read(Everything)[0].Points[1];

        Assert.Equal(1.0, last.Cpus);
        Assert.False(last.HasIoReadBytesPerSecond);
    }

    [Fact]
    public void Add_MoreThanTheRingHolds_ForgetsTheOldestAndNothingElse()
    {
        CgroupUsage[] containers = [.. Enumerable.Range(0, UsageReader.ContainersMax).Select(index => Of($"c{index:000}.service", $"/c{index}", 1, 1024, 0))];
        for (var look = 0; look < 30; look++)
        {
            Sample(1, containers);
        }

        var series = _history.Read(Everything);

        Assert.Equal(UsageHistory.Capacity, series.Sum(one => one.Points.Count));
        Assert.Equal(UsageReader.ContainersMax, series.Count);
        Assert.Equal(TimeSpan.FromSeconds(21), _history.Reach);
    }

    [Fact]
    public void Sample_Size_IsThatOfTheBudget() => Assert.Equal(64, Unsafe.SizeOf<UsageSample>());

    // Setting the clock is nothing that a monotonic one would see; a query for more than there is gets what there is.
    [Fact]
    public void Query_OutOfBounds_IsBroughtWithin()
    {
        var query = UsageQuery.Of(new() { FromMsAgo = long.MaxValue, ToMsAgo = long.MinValue, StepMs = -5, Limit = int.MaxValue });

        Assert.Equal((TimeSpan.FromDays(366), TimeSpan.Zero, TimeSpan.Zero, UsageHistory.Capacity), (query.From, query.To, query.Step, query.Limit));
    }

    [Fact]
    public void Pieces_OfEverything_AreBoundedAndLoseNothing()
    {
        var sampler = new UsageSampler(null!, TimeSpan.FromSeconds(2), _time);
        for (var look = 0; look < UsageHistory.Capacity; look++)
        {
            sampler.History.Add(new V1.Usage { Nested = { Of("radio.service", Radio, look, 1 << 20, look << 10, look) } });
            _time.Advance(TimeSpan.FromSeconds(2));
        }

        var pieces = UsageWire.Pieces(sampler, Everything);

        Assert.All(pieces.Select(piece => piece.CalculateSize()), bytes => Assert.InRange(bytes, 1, 32 * 1024));
        Assert.InRange(pieces.Count, 4, 32);
        Assert.Equal(UsageHistory.Capacity, pieces.Sum(piece => piece.Usage.Sum(series => series.Points.Count)));
        Assert.Equal((2000L, UsageHistory.Capacity * 2000L), (pieces[^1].UsageIntervalMs, pieces[^1].UsageOldestMsAgo));
        Assert.False(UsageWire.Pieces(new(null!, TimeSpan.FromSeconds(2), _time), Everything).Single().HasUsageOldestMsAgo);
    }

    private static CgroupUsage Of(string unit, string cgroup, double cpuSeconds, long memory, long read, double? stalledSeconds = null) => new()
    {
        Unit = unit,
        Cgroup = cgroup,
        MemoryCurrent = memory,
        IoReadBytes = read,
        CpuStat = { ["usage_usec"] = (long)(cpuSeconds * 1_000_000) },
        MemoryPressure = stalledSeconds is { } stalled ? new() { Some = new() { TotalUs = (long)(stalled * 1_000_000) } } : null,
    };

    private void Sample(int secondsAfter, params CgroupUsage[] containers)
    {
        _history.Add(new V1.Usage { Nested = { containers } });
        _time.Advance(TimeSpan.FromSeconds(secondsAfter));
    }
}
