namespace Qm.Fleet.Core.Resources;

/// <summary>Limits of qm.service, named as in systemd.resource-control(5).</summary>
public enum ResourceProperty
{
    /// <summary>Share of the CPU against siblings: <c>idle</c>, or 1 to 10000.</summary>
    CPUWeight,

    /// <summary>CPU time, per cent of one CPU.</summary>
    CPUQuota,

    /// <summary>CPUs it may run on.</summary>
    AllowedCPUs,

    /// <summary>Memory that is never reclaimed.</summary>
    MemoryMin,

    /// <summary>Memory that is reclaimed last.</summary>
    MemoryLow,

    /// <summary>Memory above which it is throttled.</summary>
    MemoryHigh,

    /// <summary>Memory above which the kernel kills inside it.</summary>
    MemoryMax,

    /// <summary>Swap it may use.</summary>
    MemorySwapMax,

    /// <summary>Share of block I/O against siblings: 1 to 10000.</summary>
    IOWeight,

    /// <summary>Tasks (threads and processes) it may have.</summary>
    TasksMax,
}

/// <summary>Facts about a node that percentages refer to; a number that is not above 0 is one the node has not said.</summary>
/// <param name="MemoryBytes">Physical memory.</param>
/// <param name="TasksMax">The most tasks systemd grants.</param>
/// <param name="Cpus">The CPUs that are online; null when unknown.</param>
public sealed record MachineFacts(long MemoryBytes, long TasksMax, CpuSet? Cpus = null)
{
    /// <summary>What 100% of a limit is.</summary>
    internal long Whole(ResourceProperty property) => property == ResourceProperty.TasksMax ? TasksMax : MemoryBytes;
}
