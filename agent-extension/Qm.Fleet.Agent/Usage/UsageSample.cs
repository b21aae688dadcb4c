using Qm.Fleet.V1;

namespace Qm.Fleet.Agent.Usage;

/// <summary>A cgroup of which samples are remembered; a container that was restarted is another one of the same unit.</summary>
internal sealed class SampledCgroup(string unit, string path)
{
    /// <summary>qm.service, or a container's unit inside QM.</summary>
    public string Unit => unit;

    /// <summary>Its path below /sys/fs/cgroup.</summary>
    public string Path => path;
}

/// <summary>What one cgroup had used up to one moment, in 64 bytes.</summary>
/// <remarks>Counters are kept in milliseconds and KiB and wrap around: only differences of them are ever looked at, and those stay right.</remarks>
internal readonly struct UsageSample
{
    private const int Kibi = 1024;
    private const int MicrosecondsPerMillisecond = 1000;

    private readonly uint _cpuMs, _readKib, _writtenKib, _memoryKib, _pids;
    private readonly uint _cpuSomeMs, _cpuFullMs, _memorySomeMs, _memoryFullMs, _ioSomeMs, _ioFullMs;
    private readonly Known _known;

    /// <param name="cgroup">Whose.</param>
    /// <param name="at">When, as a timestamp of the monotonic clock.</param>
    /// <param name="usage">What the kernel says.</param>
    public UsageSample(SampledCgroup cgroup, long at, CgroupUsage usage)
    {
        (Cgroup, At) = (cgroup, at);
        var known = Known.None;
        _cpuMs = Take(Known.Cpu, usage.CpuStat.TryGetValue("usage_usec", out var cpu), cpu / MicrosecondsPerMillisecond);
        _memoryKib = Take(Known.Memory, usage.HasMemoryCurrent, usage.MemoryCurrent / Kibi);
        _readKib = Take(Known.Io, usage.HasIoReadBytes, usage.IoReadBytes / Kibi);
        _writtenKib = Take(Known.Io, usage.HasIoWrittenBytes, usage.IoWrittenBytes / Kibi);
        _pids = Take(Known.Pids, usage.HasPidsCurrent, usage.PidsCurrent);
        _cpuSomeMs = TakeShare(Known.CpuSome, usage.CpuPressure?.Some);
        _cpuFullMs = TakeShare(Known.CpuFull, usage.CpuPressure?.Full);
        _memorySomeMs = TakeShare(Known.MemorySome, usage.MemoryPressure?.Some);
        _memoryFullMs = TakeShare(Known.MemoryFull, usage.MemoryPressure?.Full);
        _ioSomeMs = TakeShare(Known.IoSome, usage.IoPressure?.Some);
        _ioFullMs = TakeShare(Known.IoFull, usage.IoPressure?.Full);
        _known = known;

        uint Take(Known what, bool isKnown, long value)
        {
            known |= isKnown ? what : Known.None;
            return isKnown ? unchecked((uint)value) : 0;
        }

        uint TakeShare(Known what, PressureShare? share) => Take(what, share is not null, (share?.TotalUs ?? 0) / MicrosecondsPerMillisecond);
    }

    [Flags]
    private enum Known : ushort
    {
        None = 0,
        Cpu = 1,
        Memory = 1 << 1,
        Io = 1 << 2,
        Pids = 1 << 3,
        CpuSome = 1 << 4,
        CpuFull = 1 << 5,
        MemorySome = 1 << 6,
        MemoryFull = 1 << 7,
        IoSome = 1 << 8,
        IoFull = 1 << 9,
    }

    /// <summary>Whose it is.</summary>
    public SampledCgroup Cgroup { get; }

    /// <summary>When it was taken, as a timestamp of the monotonic clock.</summary>
    public long At { get; }

    /// <summary>Bytes in use; null when the kernel did not tell.</summary>
    public long? MemoryBytes => Has(Known.Memory) ? (long)_memoryKib * Kibi : null;

    /// <summary>Processes and threads; null when the kernel did not tell.</summary>
    public long? Pids => Has(Known.Pids) ? _pids : null;

    /// <summary>Writes into a point what was used from an earlier sample of the same cgroup to this one, as means over that time.</summary>
    /// <param name="point">Where to.</param>
    /// <param name="before">The earlier one.</param>
    /// <param name="window">The time between the two, above 0.</param>
    public void WriteRates(UsagePoint point, in UsageSample before, TimeSpan window)
    {
        var milliseconds = window.TotalMilliseconds;
        if (Grown(Known.Cpu, before, before._cpuMs, _cpuMs) is { } cpu)
        {
            point.Cpus = Math.Round(cpu / milliseconds, 4);
        }

        if (Grown(Known.Io, before, before._readKib, _readKib) is { } read)
        {
            point.IoReadBytesPerSecond = (long)(read * (double)Kibi / window.TotalSeconds);
        }

        if (Grown(Known.Io, before, before._writtenKib, _writtenKib) is { } written)
        {
            point.IoWrittenBytesPerSecond = (long)(written * (double)Kibi / window.TotalSeconds);
        }

        if (Grown(Known.CpuSome, before, before._cpuSomeMs, _cpuSomeMs) is { } cpuSome)
        {
            point.CpuPressureSome = Share(cpuSome);
        }

        if (Grown(Known.CpuFull, before, before._cpuFullMs, _cpuFullMs) is { } cpuFull)
        {
            point.CpuPressureFull = Share(cpuFull);
        }

        if (Grown(Known.MemorySome, before, before._memorySomeMs, _memorySomeMs) is { } memorySome)
        {
            point.MemoryPressureSome = Share(memorySome);
        }

        if (Grown(Known.MemoryFull, before, before._memoryFullMs, _memoryFullMs) is { } memoryFull)
        {
            point.MemoryPressureFull = Share(memoryFull);
        }

        if (Grown(Known.IoSome, before, before._ioSomeMs, _ioSomeMs) is { } ioSome)
        {
            point.IoPressureSome = Share(ioSome);
        }

        if (Grown(Known.IoFull, before, before._ioFullMs, _ioFullMs) is { } ioFull)
        {
            point.IoPressureFull = Share(ioFull);
        }

        double Share(int stalled) => Math.Min(Math.Round(100 * stalled / milliseconds, 2), 100);
    }

    // A sum over devices falls when one of them goes; then nobody knows what was used.
    private int? Grown(Known what, in UsageSample before, uint then, uint now) =>
        Has(what) && before.Has(what) && unchecked((int)(now - then)) is >= 0 and var grown ? grown : null;

    private bool Has(Known what) => (_known & what) != 0;
}
