using Qm.Fleet.V1;

namespace Qm.Fleet.Agent.Evidence;

/// <summary>What percentages in limits refer to.</summary>
internal static class MachineEvidence
{
    private const string OnlineCpus = "/sys/devices/system/cpu/online";

    /// <summary>Reads memory, the task limit, the boot id and the CPUs.</summary>
    public static Machine Read(Findings findings) => new()
    {
        MemoryBytes = Memory(findings) ?? 0,
        TasksMax = Tasks(findings) ?? 0,
        BootId = Known(findings, findings.Text("/proc/sys/kernel/random/boot_id"), "/proc/sys/kernel/random/boot_id", "the boot id") ?? "",
        Cpus = Known(findings, findings.Text(OnlineCpus), OnlineCpus, "which CPUs there are") ?? "",
    };

    private static long? Memory(Findings findings)
    {
        var line = (findings.Text("/proc/meminfo") ?? "").Split('\n').FirstOrDefault(line => line.StartsWith("MemTotal:", StringComparison.Ordinal));
        var bytes = line?.Split(' ', StringSplitOptions.RemoveEmptyEntries) is [_, var kibibytes, "kB"] && long.TryParse(kibibytes, out var number)
            ? number * 1024 : (long?)null;
        if (bytes is null)
        {
            findings.Add("/proc/meminfo has no readable MemTotal, so the physical memory is unknown.");
        }

        return bytes;
    }

    // systemd's own sum: the least of the kernel's two limits and that of the root cgroup, which exists only in a container.
    private static long? Tasks(Findings findings)
    {
        long?[] limits =
        [
            Known(findings, findings.Number("/proc/sys/kernel/pid_max"), "/proc/sys/kernel/pid_max", "the task limit"),
            Known(findings, findings.Number("/proc/sys/kernel/threads-max"), "/proc/sys/kernel/threads-max", "the task limit"),
            findings.Text("/sys/fs/cgroup/pids.max") is { } root && long.TryParse(root, out var number) ? number : null,
        ];
        return limits[0] is null || limits[1] is null ? null : limits.Min();
    }

    private static T Known<T>(Findings findings, T value, string path, string what)
    {
        if (value is null)
        {
            findings.Add($"{path} cannot be read, so {what} is unknown.");
        }

        return value;
    }
}
