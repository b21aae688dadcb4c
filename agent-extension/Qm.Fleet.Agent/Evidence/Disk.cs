using System.Text.RegularExpressions;
using Qm.Fleet.Agent.Files;

namespace Qm.Fleet.Agent.Evidence;

/// <summary>Which disk a path leads to, as systemd finds it for a limit of I/O: the kernel limits whole disks only.</summary>
/// <remarks>
/// A block device is itself; a file or directory is the device its file system lies on. What is encrypted or mapped onto a single device is that device, and a
/// partition is its disk.
/// </remarks>
internal static partial class Disk
{
    // Deeper than anybody stacks mapped devices.
    private const int LayersMax = 8;

    /// <summary>Major and minor number, such as 8:16; null when it is no disk, which is noted.</summary>
    /// <param name="root">The node.</param>
    /// <param name="path">An absolute path.</param>
    /// <param name="findings">Told why there is none.</param>
    public static string? Of(NodeRoot root, string path, Findings findings)
    {
        var number = Device(root, path, findings);
        for (var layer = 0; number is not null && layer < LayersMax && findings.Names($"/sys/dev/block/{number}/slaves") is [var below]; layer++)
        {
            number = Number(findings, $"/sys/dev/block/{number}/slaves/{below}/dev") ?? number;
        }

        return number is not null && findings.Text($"/sys/dev/block/{number}/partition") is not null ? Number(findings, $"/sys/dev/block/{number}/../dev") ?? number : number;
    }

    private static string? Device(NodeRoot root, string path, Findings findings)
    {
        if (ByNumber().Match(path) is { Success: true } named)
        {
            return named.Groups[1].Value;
        }

        try
        {
            if (root.Look(path) is not var (real, facts))
            {
                findings.Add($"{path} is named by a limit of QM and does not exist, so systemd leaves the limit out.");
                return null;
            }

            if (facts.IsBlockDevice)
            {
                return $"{facts.Device.Major}:{facts.Device.Minor}";
            }

            // The kernel's own list of devices tells those, too, that a copy of a node's root holds as files.
            return facts.IsCharacterDevice ? No("it is a character device")
                : real.StartsWith("/dev/", StringComparison.Ordinal) && Number(findings, $"/sys/class/block/{Path.GetFileName(real)}/dev") is { } number ? number
                : findings.Mounts("1")?.Holding(real) is not { } mount ? No("its file system is unknown")
                : mount.Device.StartsWith("0:", StringComparison.Ordinal) ? No($"its file system, {mount.Type}, lies on no device of its own") : mount.Device;
        }
        catch (NodeFileException e)
        {
            findings.Add($"The agent {e.Message}.");
            return null;
        }

        string? No(string why)
        {
            findings.Add($"{path} is named by a limit of QM and is on no disk: {why}.");
            return null;
        }
    }

    private static string? Number(Findings findings, string file) => findings.Text(file) is { } text && Numbers().IsMatch(text) ? text : null;

    [GeneratedRegex(@"^/dev/block/(\d+:\d+)$", RegexOptions.CultureInvariant)]
    private static partial Regex ByNumber();

    [GeneratedRegex(@"^\d+:\d+$", RegexOptions.CultureInvariant)]
    private static partial Regex Numbers();
}
