using Qm.Fleet.Agent.Evidence;

namespace Qm.Fleet.Agent.Facts;

/// <summary>Whether what is written lasts.</summary>
internal static class Persistence
{
    /// <summary>Whether what is written below a path is gone after a reboot; null when the mounts do not tell.</summary>
    /// <remarks>Image-based systems put an overlay over /etc, or over everything, whose upper layer lies in memory.</remarks>
    public static bool? IsTransient(MountTable mounts, string path) => mounts.Holding(path) switch
    {
        null => null,
        { Type: "tmpfs" or "ramfs" } => true,
        { Type: "overlay" } overlay => UpperLayer(overlay) is not { } upper ? false
            : upper.StartsWith("/run/", StringComparison.Ordinal) || mounts.Holding(upper) is { Type: "tmpfs" or "ramfs" },
        _ => false,
    };

    private static string? UpperLayer(Mount overlay) => overlay.Options.Split(',')
        .FirstOrDefault(option => option.StartsWith("upperdir=", StringComparison.Ordinal))?["upperdir=".Length..];
}
