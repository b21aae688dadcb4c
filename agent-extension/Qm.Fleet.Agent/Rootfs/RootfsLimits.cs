using Qm.Fleet.Core.Environments;

namespace Qm.Fleet.Agent.Rootfs;

/// <summary>How much of the node a rootfs may take, in bytes, entries and time.</summary>
internal sealed record RootfsLimits
{
    /// <summary>Of the node itself.</summary>
    public static RootfsLimits Default { get; } = new();

    /// <summary>What stays free on the file system of the slots, whatever is fetched.</summary>
    public long ReserveBytes { get; init; } = 256L << 20;

    /// <summary>Most bytes of an archive.</summary>
    public long ArchiveBytesMax { get; init; } = RootfsArchive.BytesMax;

    /// <summary>Most bytes an archive unpacks to, headers and padding included.</summary>
    public long UnpackedBytesMax { get; init; } = 32L << 30;

    /// <summary>Most bytes that one byte of archive unpacks to; only looked at above <see cref="RatioFreeBytes"/>.</summary>
    public long RatioMax { get; init; } = 200;

    /// <summary>Up to this size an archive may unpack to anything.</summary>
    public long RatioFreeBytes { get; init; } = 64L << 20;

    /// <summary>Most entries of an archive.</summary>
    public int EntriesMax { get; init; } = 200_000;

    /// <summary>Longest time in which a server sends nothing.</summary>
    public TimeSpan Stall { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>A download that is cut off after this much goes on by itself; after less it has failed.</summary>
    public long ResumeBytes { get; init; } = 1L << 20;

    /// <summary>Before it goes on, and at least before a server that asked to come again is asked again.</summary>
    public TimeSpan ResumePause { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>Longest time of one download; a server that trickles is cut off and resumed.</summary>
    public TimeSpan Download { get; init; } = TimeSpan.FromHours(2);
}
