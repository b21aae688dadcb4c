using Qm.Fleet.V1;

namespace Qm.Fleet.Agent.Usage;

/// <summary>Samples of usage in memory, the oldest overwritten by the newest. Safe for any thread.</summary>
/// <remarks>
/// One ring for all cgroups, so that its size is that of the ring whatever runs: 4096 samples of 64 bytes are 256 KiB, which are 1024 looks at QM with three containers, nearly three
/// hours of one every 10 s, or 20 looks at QM with two hundred. Times are those of the monotonic clock: setting the node's clock moves nothing.
/// </remarks>
/// <param name="time">The monotonic clock.</param>
internal sealed class UsageHistory(TimeProvider time)
{
    /// <summary>How many samples are remembered, each of one cgroup.</summary>
    public const int Capacity = 4096;

    private readonly Lock _lock = new();
    private readonly UsageSample[] _ring = new UsageSample[Capacity];
    private Dictionary<string, SampledCgroup> _cgroups = [];
    private int _next;
    private int _count;

    /// <summary>How long ago the oldest sample was taken; null when there is none.</summary>
    public TimeSpan? Reach
    {
        get
        {
            lock (_lock)
            {
                return _count == 0 ? null : time.GetElapsedTime(_ring[(_next - _count + Capacity) % Capacity].At);
            }
        }
    }

    /// <summary>Takes a look at the node as samples of this moment.</summary>
    public void Add(V1.Usage usage)
    {
        lock (_lock)
        {
            var (at, cgroups) = (time.GetTimestamp(), new Dictionary<string, SampledCgroup>(StringComparer.Ordinal));
            foreach (var one in usage.Nested.Prepend(usage.Qm).OfType<CgroupUsage>())
            {
                // What was away at a look is another series when it is back: qm.service counts from the start again.
                var cgroup = cgroups[one.Cgroup] = _cgroups.GetValueOrDefault(one.Cgroup) ?? new(one.Unit, one.Cgroup);
                _ring[_next] = new(cgroup, at, one);
                _next = (_next + 1) % Capacity;
                _count = Math.Min(_count + 1, Capacity);
            }

            _cgroups = cgroups;
        }
    }

    /// <summary>What was used, by unit, the older container of a unit first; of a series without a point in the time asked for nothing.</summary>
    public IReadOnlyList<UsageSeries> Read(UsageQuery query)
    {
        List<UsageSeries> all = [];
        foreach (var (cgroup, samples) in Samples(query.Unit).OrderBy(series => series.Key.Unit, StringComparer.Ordinal).ThenBy(series => series.Value[0].At))
        {
            var series = new UsageSeries { Unit = cgroup.Unit, Cgroup = cgroup.Path };
            series.Points.AddRange(UsageSteps.Points(samples, query, at => time.GetElapsedTime(at)));
            if (series.Points.Count > 0)
            {
                all.Add(series);
            }
        }

        return all;
    }

    private Dictionary<SampledCgroup, List<UsageSample>> Samples(string unit)
    {
        lock (_lock)
        {
            var samples = new Dictionary<SampledCgroup, List<UsageSample>>();
            for (var index = 0; index < _count; index++)
            {
                ref var sample = ref _ring[(_next - _count + index + Capacity) % Capacity];
                if (unit.Length > 0 && sample.Cgroup.Unit != unit)
                {
                    continue;
                }

                if (!samples.TryGetValue(sample.Cgroup, out var series))
                {
                    samples[sample.Cgroup] = series = [];
                }

                series.Add(sample);
            }

            return samples;
        }
    }
}
