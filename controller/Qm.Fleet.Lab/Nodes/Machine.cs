namespace Qm.Fleet.Lab.Nodes;

/// <summary>What percentages in unit files refer to, and the boot they are counted in.</summary>
/// <param name="MemoryBytes">Physical memory; a multiple of <see cref="PageBytes"/>.</param>
/// <param name="PidMax"><c>kernel.pid_max</c>.</param>
/// <param name="ThreadsMax"><c>kernel.threads-max</c>.</param>
/// <param name="Cpus">Number of CPUs, 1 to 64.</param>
internal sealed record Machine(ulong MemoryBytes, ulong PidMax, ulong ThreadsMax, int Cpus)
{
    /// <summary>The kernel rounds memory limits down to whole pages of this size.</summary>
    public const ulong PageBytes = 4096;

    /// <summary>A four-core ECU with 8 GiB.</summary>
    public static Machine Default { get; } = new(8UL << 30, 4_194_304, 62_000, 4);

    /// <summary>The most tasks systemd grants.</summary>
    public ulong TasksMax => Math.Min(PidMax, ThreadsMax);

    /// <summary>A share of memory in whole pages, as systemd computes it.</summary>
    public ulong MemoryShare(double share) => (ulong)(MemoryBytes / PageBytes * share) * PageBytes;

    /// <summary>A share of <see cref="TasksMax"/>.</summary>
    public ulong TasksShare(double share) => (ulong)(TasksMax * share);
}
