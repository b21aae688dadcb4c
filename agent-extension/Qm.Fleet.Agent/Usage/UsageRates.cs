using Qm.Fleet.V1;

namespace Qm.Fleet.Agent.Usage;

/// <summary>Says of each look at usage what was used since the look before. Not safe for concurrent use.</summary>
/// <param name="time">The monotonic clock.</param>
internal sealed class UsageRates(TimeProvider time)
{
    private Dictionary<string, CgroupUsage> _before = [];
    private long _at;

    /// <summary>Writes the rates of this moment into a look; there are none for what was not there at the look before.</summary>
    public void Write(V1.Usage now)
    {
        var (at, seconds) = (time.GetTimestamp(), _before.Count > 0 ? time.GetElapsedTime(_at).TotalSeconds : 0);
        var cgroups = new Dictionary<string, CgroupUsage>(StringComparer.Ordinal);
        foreach (var cgroup in now.Nested.Prepend(now.Qm).OfType<CgroupUsage>())
        {
            cgroups[cgroup.Cgroup] = cgroup;
            if (seconds > 0 && _before.GetValueOrDefault(cgroup.Cgroup) is { } before)
            {
                Write(cgroup, before, seconds);
            }
        }

        (_before, _at) = (cgroups, at);
    }

    // A counter that fell is one of another life; then nobody knows what was used.
    private static void Write(CgroupUsage now, CgroupUsage before, double seconds)
    {
        if (now.CpuStat.TryGetValue("usage_usec", out var used) && before.CpuStat.TryGetValue("usage_usec", out var then) && used >= then)
        {
            now.Cpus = Math.Round((used - then) / (seconds * 1_000_000), 4);
        }

        if (now.HasIoReadBytes && before.HasIoReadBytes && now.IoReadBytes >= before.IoReadBytes)
        {
            now.IoReadBytesPerSecond = (long)((now.IoReadBytes - before.IoReadBytes) / seconds);
        }

        if (now.HasIoWrittenBytes && before.HasIoWrittenBytes && now.IoWrittenBytes >= before.IoWrittenBytes)
        {
            now.IoWrittenBytesPerSecond = (long)((now.IoWrittenBytes - before.IoWrittenBytes) / seconds);
        }
    }
}
