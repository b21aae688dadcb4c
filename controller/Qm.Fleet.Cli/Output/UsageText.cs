using System.Globalization;
using Qm.Fleet.V1;

namespace Qm.Fleet.Cli.Output;

/// <summary>What QM and its containers use, a cell each; a dash where the kernel does not tell.</summary>
internal static class UsageText
{
    internal static readonly string[] Header = ["UNIT", "MEMORY", "PEAK", "CPU TIME", "THROTTLED", "TASKS", "READ", "WRITTEN", "OOM KILLS", "PRESSURE cpu/memory/io"];

    /// <summary>The columns of <see cref="Header"/>.</summary>
    internal static string[] Of(CgroupUsage usage) =>
    [
        usage.Unit,
        Size(usage.HasMemoryCurrent, usage.MemoryCurrent),
        Size(usage.HasMemoryPeak, usage.MemoryPeak),
        Time(usage, "usage_usec"),
        Time(usage, "throttled_usec"),
        usage.HasPidsCurrent ? Number(usage.PidsCurrent) : "-",
        Size(usage.HasIoReadBytes, usage.IoReadBytes),
        Size(usage.HasIoWrittenBytes, usage.IoWrittenBytes),
        usage.MemoryEvents.TryGetValue("oom_kill", out var kills) ? Number(kills) : "-",
        $"{Share(usage.CpuPressure)} / {Share(usage.MemoryPressure)} / {Share(usage.IoPressure)}",
    ];

    /// <summary>Bytes with three digits, in powers of 1024.</summary>
    internal static string Size(long bytes)
    {
        var (value, unit) = ((double)bytes, 0);
        for (; value >= 1000 && unit < 4; unit++)
        {
            value /= 1024;
        }

        return unit == 0 ? Number(bytes) : string.Create(CultureInfo.InvariantCulture, $"{value.ToString(value < 10 ? "0.00" : value < 100 ? "0.0" : "0", CultureInfo.InvariantCulture)}{"KMGT"[unit - 1]}");
    }

    private static string Size(bool isKnown, long bytes) => isKnown ? Size(bytes) : "-";

    private static string Time(CgroupUsage usage, string key) =>
        usage.CpuStat.TryGetValue(key, out var microseconds) ? Durations.Show(TimeSpan.FromMicroseconds(microseconds)) : "-";

    // Of the last minute, some task waiting.
    private static string Share(Pressure? pressure) => pressure?.Some is { } some ? string.Create(CultureInfo.InvariantCulture, $"{some.Avg60:0.0} %") : "-";

    private static string Number(long value) => value.ToString(CultureInfo.InvariantCulture);
}
