using System.Collections.Immutable;
using System.Globalization;
using Qm.Fleet.Core.Reconcile;

namespace Qm.Fleet.Core.Resources;

/// <summary>Compares limits of I/O with io.max, a line for each disk, which names it by its number: <c>8:16 rbps=50000000 wbps=max riops=max wiops=max</c>.</summary>
internal static class DiskLimits
{
    private const string File = "io.max";
    private const string NoLimit = "max";

    /// <summary>Compares the limits of one property.</summary>
    /// <param name="property">Which.</param>
    /// <param name="wanted">Path and limit of each device.</param>
    /// <param name="cgroup">File name to trimmed content; files that do not exist are absent.</param>
    /// <param name="disks">Path to disk; empty for what leads to none.</param>
    internal static ValueCheck Compare(ResourceProperty property, DeviceLimits wanted, IReadOnlyDictionary<string, string> cgroup, IReadOnlyDictionary<string, string> disks)
    {
        if (!cgroup.TryGetValue(File, out var content))
        {
            return Unreadable($"qm.service has no {File}: QM does not run, or the kernel lacks the controller");
        }

        var found = ImmutableSortedDictionary.CreateBuilder<string, ulong>(StringComparer.Ordinal);
        var (failed, unread) = ("", "");
        foreach (var (path, limit) in wanted.ByPath)
        {
            switch (disks.GetValueOrDefault(path))
            {
                case null:
                    unread = $"the node has not said which disk {path} is on";
                    break;
                case "" when limit == DeviceLimits.Infinity:
                    break;
                case "":
                    unread = $"{path} leads to no disk of this node, so systemd leaves its limit out";
                    break;
                case var disk when Line(content, disk) is var line:
                    if (Read(line, KeyOf(property)) is not { } value)
                    {
                        unread = $"{File} holds \"{line}\", which is not understood";
                    }
                    else
                    {
                        found[path] = value;
                        failed = value == limit ? failed : line.Length > 0 ? $"{File} holds \"{line}\" for {path}" : $"{File} has no line for {path}, which is disk {disk}";
                    }

                    break;
            }
        }

        return failed.Length > 0 ? new(CheckResult.Fail, new DeviceLimits(found.ToImmutable()).ToString(), File, failed)
            : unread.Length > 0 ? Unreadable(unread)
            : new(CheckResult.Pass, new DeviceLimits(found.ToImmutable()).ToString(), File, "");

        static ValueCheck Unreadable(string why) => new(CheckResult.Unreadable, "", File, why);
    }

    private static string KeyOf(ResourceProperty property) => property switch
    {
        ResourceProperty.IOReadBandwidthMax => "rbps=",
        ResourceProperty.IOWriteBandwidthMax => "wbps=",
        ResourceProperty.IOReadIOPSMax => "riops=",
        _ => "wiops=",
    };

    // A disk without any limit has no line.
    private static string Line(string content, string disk) =>
        content.Split('\n').FirstOrDefault(line => line.StartsWith(disk + " ", StringComparison.Ordinal)) ?? "";

    private static ulong? Read(string line, string key) => line.Split(' ').FirstOrDefault(word => word.StartsWith(key, StringComparison.Ordinal))?[key.Length..] switch
    {
        null when line.Length == 0 => DeviceLimits.Infinity,
        NoLimit => DeviceLimits.Infinity,
        { } text when ulong.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number) => number,
        _ => null,
    };
}
