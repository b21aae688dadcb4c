using Qm.Fleet.Core.Environments;

namespace Qm.Fleet.Controller.Artifacts;

/// <summary>What archives may take of the controller.</summary>
internal sealed record ArtifactLimits
{
    /// <summary>Most bytes of all archives together, those on their way included.</summary>
    public long TotalBytes { get; init; } = 16L << 30;

    /// <summary>Most bytes of one.</summary>
    public long ArchiveBytes { get; init; } = RootfsArchive.BytesMax;

    /// <summary>Most archives.</summary>
    public int Count { get; init; } = 1000;

    /// <summary>What stays free on the file system, which is the database's too.</summary>
    public long ReserveBytes { get; init; } = 256L << 20;

    /// <summary>Most pushes at a time.</summary>
    public int Pushes { get; init; } = 4;

    /// <summary>Longest time in which somebody who pushes sends nothing.</summary>
    public TimeSpan PushStall { get; init; } = TimeSpan.FromSeconds(60);

    /// <summary>How long a push that was cut off may be taken up again.</summary>
    public TimeSpan PartAge { get; init; } = TimeSpan.FromDays(1);

    /// <summary>Most nodes that fetch at a time; the others are asked to come again.</summary>
    public int Fetches { get; init; } = 32;

    /// <summary>Bytes that a node that fetches has to take within <see cref="FetchStall"/>.</summary>
    public int FetchBytes { get; init; } = 256 * 1024;

    /// <summary>See <see cref="FetchBytes"/>: 16 KiB/s by default.</summary>
    public TimeSpan FetchStall { get; init; } = TimeSpan.FromSeconds(16);
}
