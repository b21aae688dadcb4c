using Qm.Fleet.Agent.Evidence;
using Qm.Fleet.Agent.Files;
using Qm.Fleet.Agent.Revisions;
using Qm.Fleet.V1;

namespace Qm.Fleet.Agent.Usage;

/// <summary>Reads what QM and the containers inside it use, from their cgroups; nothing is added up that the kernel adds up itself.</summary>
internal sealed class UsageReader(NodeRoot root)
{
    /// <summary>Most containers that are told; more are counted only.</summary>
    public const int ContainersMax = 200;

    private const int ProblemsMax = 20;
    private const string CgroupRoot = "/sys/fs/cgroup";
    private static readonly string[] CpuKeys = ["usage_usec", "user_usec", "system_usec", "nr_periods", "nr_throttled", "throttled_usec"];

    /// <summary>Everything as it is now; QM is absent when it does not run.</summary>
    public V1.Usage Read()
    {
        var findings = new Findings(root);
        var usage = new V1.Usage();
        findings.Part("the rest of what is used", () => Read(findings, usage));
        usage.Problems.AddRange(findings.Problems.Take(ProblemsMax));
        return usage;
    }

    /// <summary>The file system of QM's /var; null when QM is not installed or it cannot be looked at, which reports tell.</summary>
    public QmDisk? ReadDisk()
    {
        try
        {
            var path = QmPaths.From(QuadletSources.Read(root)).Var;
            using var directory = root.OpenDirectory(path);
            // The kernel's name for the open directory: what is measured is what was resolved below the node's root.
            var disk = new DriveInfo($"/proc/self/fd/{directory.Handle.DangerousGetHandle()}");
            return new() { Path = path, TotalBytes = disk.TotalSize, AvailableBytes = disk.AvailableFreeSpace };
        }
        catch (Exception e) when (e is not OutOfMemoryException)
        {
            // Whatever it is, the report reads the same files, and tells it.
            return null;
        }
    }

    private static void Read(Findings findings, V1.Usage usage)
    {
        // Without PSI the kernel may still show the files of cgroups, and refuse to have them read.
        var hasPressure = findings.Names("/proc/pressure").Count > 0;
        foreach (var payload in QmCgroups.Payloads(findings))
        {
            usage.Qm = ReadCgroup(findings, "qm.service", QmCgroups.Service, hasPressure);
            foreach (var container in QmCgroups.Below(findings, payload).Where(cgroup => cgroup.IsContainer))
            {
                if (usage.Nested.Count < ContainersMax)
                {
                    usage.Nested.Add(ReadCgroup(findings, container.Unit, container.Path, hasPressure));
                }
                else
                {
                    usage.LeftOut++;
                }
            }
        }
    }

    private static void ReadLimits(Findings findings, string cgroup, CgroupUsage usage)
    {
        if (KernelStatistics.ReadLimit(findings.Text($"{cgroup}/memory.max")) is { } memoryMax)
        {
            usage.MemoryMax = memoryMax;
        }

        if (KernelStatistics.ReadLimit(findings.Text($"{cgroup}/memory.high")) is { } memoryHigh)
        {
            usage.MemoryHigh = memoryHigh;
        }

        if (KernelStatistics.ReadLimit(findings.Text($"{cgroup}/memory.min")) is { } memoryMin)
        {
            usage.MemoryMin = memoryMin;
        }

        if (KernelStatistics.ReadLimit(findings.Text($"{cgroup}/pids.max")) is { } pidsMax)
        {
            usage.PidsMax = pidsMax;
        }

        if (KernelStatistics.ReadQuota(findings.Text($"{cgroup}/cpu.max")) is { } cpuMax)
        {
            usage.CpuMax = cpuMax;
        }
    }

    private static CgroupUsage ReadCgroup(Findings findings, string unit, string cgroup, bool hasPressure)
    {
        var usage = new CgroupUsage
        {
            Unit = unit,
            Cgroup = cgroup[CgroupRoot.Length..],
            CpuPressure = ReadPressure("cpu.pressure"),
            MemoryPressure = ReadPressure("memory.pressure"),
            IoPressure = ReadPressure("io.pressure"),
        };
        if (findings.Number($"{cgroup}/memory.current") is { } current)
        {
            usage.MemoryCurrent = current;
        }

        if (findings.Number($"{cgroup}/memory.peak") is { } peak)
        {
            usage.MemoryPeak = peak;
        }

        if (findings.Number($"{cgroup}/pids.current") is { } pids)
        {
            usage.PidsCurrent = pids;
        }

        foreach (var (key, value) in KernelStatistics.FlatKeyed(findings.Text($"{cgroup}/memory.events") ?? ""))
        {
            usage.MemoryEvents[key] = value;
        }

        foreach (var (key, value) in KernelStatistics.FlatKeyed(findings.Text($"{cgroup}/cpu.stat") ?? "").Where(pair => CpuKeys.Contains(pair.Key)))
        {
            usage.CpuStat[key] = value;
        }

        if (findings.Text($"{cgroup}/io.stat") is { } io)
        {
            (usage.IoReadBytes, usage.IoWrittenBytes) = (KernelStatistics.SumOfDevices(io, "rbytes"), KernelStatistics.SumOfDevices(io, "wbytes"));
        }

        ReadLimits(findings, cgroup, usage);
        return usage;

        Pressure? ReadPressure(string file) => hasPressure && findings.Text($"{cgroup}/{file}") is { } text ? KernelStatistics.ReadPressure(text) : null;
    }
}
