using System.Collections.Immutable;

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

    /// <summary>Bytes a second it may read from a disk, one limit a device.</summary>
    IOReadBandwidthMax,

    /// <summary>Bytes a second it may write to a disk, one limit a device.</summary>
    IOWriteBandwidthMax,

    /// <summary>Reads a second from a disk, one limit a device.</summary>
    IOReadIOPSMax,

    /// <summary>Writes a second to a disk, one limit a device.</summary>
    IOWriteIOPSMax,

    /// <summary>What systemd-oomd does when swap runs out: <c>auto</c> or <c>kill</c>.</summary>
    ManagedOOMSwap,

    /// <summary>What systemd-oomd does under memory pressure: <c>auto</c> or <c>kill</c>.</summary>
    ManagedOOMMemoryPressure,

    /// <summary>The pressure above which it does so, per cent; 0% is systemd-oomd's own.</summary>
    ManagedOOMMemoryPressureLimit,

    /// <summary>Whether systemd-oomd spares it: <c>none</c>, <c>avoid</c> or <c>omit</c>.</summary>
    ManagedOOMPreference,
}

/// <summary>Kinds of limits.</summary>
public static class ResourceProperties
{
    /// <summary>Those that hold for each device by itself, and so may be given several times.</summary>
    public static bool IsPerDevice(this ResourceProperty property) => property is ResourceProperty.IOReadBandwidthMax or ResourceProperty.IOWriteBandwidthMax
        or ResourceProperty.IOReadIOPSMax or ResourceProperty.IOWriteIOPSMax;

    /// <summary>How the limit of one device is named where keys are listed: <c>KEY=PATH</c>.</summary>
    public static string NameOf(string property, string path) => $"{property}={path}";

    /// <summary>Those that systemd keeps for systemd-oomd, and the kernel knows nothing of.</summary>
    public static bool IsManagedOom(this ResourceProperty property) => property is ResourceProperty.ManagedOOMSwap or ResourceProperty.ManagedOOMMemoryPressure
        or ResourceProperty.ManagedOOMMemoryPressureLimit or ResourceProperty.ManagedOOMPreference;
}

/// <summary>Facts about a node that limits refer to; a number that is not above 0 is one the node has not said.</summary>
/// <param name="MemoryBytes">Physical memory.</param>
/// <param name="TasksMax">The most tasks systemd grants.</param>
/// <param name="Cpus">The CPUs that are online; null when unknown.</param>
public sealed record MachineFacts(long MemoryBytes, long TasksMax, CpuSet? Cpus = null)
{
    /// <summary>Paths that limits name -> the disk they lead to, as the kernel numbers it, such as 8:16; empty for what is no disk, absent for what was not looked at.</summary>
    public IReadOnlyDictionary<string, string> Disks { get; init; } = ImmutableDictionary<string, string>.Empty;

    /// <summary>What 100% of a limit is.</summary>
    internal long Whole(ResourceProperty property) => property == ResourceProperty.TasksMax ? TasksMax : MemoryBytes;
}
