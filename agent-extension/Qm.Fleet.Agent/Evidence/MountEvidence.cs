using System.Globalization;
using System.Text.RegularExpressions;
using Qm.Fleet.Agent.Files;
using Qm.Fleet.Core.Units;
using Qm.Fleet.V1;

namespace Qm.Fleet.Agent.Evidence;

/// <summary>What the quadlet in force puts where in QM, against what the running QM has there.</summary>
/// <remarks>
/// Both are told as device and path in the file system, which is the same text for the same directory in the host's and in QM's mount
/// namespace, whatever partitions and bind mounts lie between.
/// </remarks>
internal static partial class MountEvidence
{
    private const int MountsMax = 100;

    /// <summary>Every bind mount and the rootfs; none when the kernel does not tell what QM has, which is noted.</summary>
    /// <param name="root">The node.</param>
    /// <param name="quadlet">The quadlet in force.</param>
    /// <param name="init">Process id of QM's init.</param>
    /// <param name="findings">Where to read, and told what cannot be.</param>
    public static IReadOnlyList<QmMount> Read(NodeRoot root, MergedUnit quadlet, int init, Findings findings)
    {
        if (ReadTable(init.ToString(CultureInfo.InvariantCulture), "QM's mounts are unknown", findings) is not { } qm
            || ReadTable("1", "it is unknown what QM's mounts are on the host", findings) is not { } host)
        {
            return [];
        }

        return
        [
            .. from wanted in Configured(quadlet).Take(MountsMax)
               let at = Locate(root, host, wanted.Source, findings)
               select new QmMount
               {
                   Point = wanted.Point,
                   Configured = wanted.Source,
                   ConfiguredAt = at,
                   MountedAt = qm.On(wanted.Point) is { } mount ? Found(host, mount, at) : "",
               },
        ];
    }

    private static MountTable? ReadTable(string process, string unknown, Findings findings)
    {
        var table = findings.Mounts(process);
        if (table is null)
        {
            findings.Add($"/proc/{process}/mountinfo cannot be read, so {unknown}.");
        }

        return table;
    }

    // Named volumes and mounts of other kinds have no path that the quadlet could be held to.
    private static IEnumerable<(string Source, string Point)> Configured(MergedUnit quadlet)
    {
        var environment = EnvironmentLines.Parse(quadlet.All("Service", "Environment").Select(entry => entry.Value));
        if (quadlet.Last("Container", "Rootfs")?.Value is { Length: > 0 } rootfs)
        {
            yield return (Expand(rootfs.Split(':')[0]), "/");
        }

        foreach (var volume in quadlet.All("Container", "Volume").Select(entry => Expand(entry.Value).Split(':')))
        {
            if (volume is [['/', ..] source, ['/', ..] point, ..])
            {
                yield return (Plain(source), Plain(point));
            }
        }

        string Expand(string text) => Variable().Replace(text, match => environment.GetValueOrDefault(match.Groups[1].Value) ?? match.Value);
    }

    private static string Plain(string path) => path.TrimEnd('/') is { Length: > 0 } plain ? plain : "/";

    private static string Locate(NodeRoot root, MountTable host, string path, Findings findings)
    {
        try
        {
            return root.Resolve(path) is { } real && host.Holding(real) is { } mount ? mount.Locate(real) : "";
        }
        catch (NodeFileException e)
        {
            findings.Add($"The agent {e.Message}.");
            return "";
        }
    }

    // Podman lays a writable layer over a rootfs where it is told to; what lies below it is the rootfs. A node whose own root is made of layers has others.
    private static string Found(MountTable host, Mount mount, string configured) =>
        mount.Type == "overlay" && mount.Locate(mount.Point) != configured && mount.Options.Split(',').FirstOrDefault(option => option.StartsWith("lowerdir=", StringComparison.Ordinal)) is { } layers
        && layers["lowerdir=".Length..].Split(':')[^1] is ['/', ..] lowest && host.Holding(lowest) is { } holding
            ? holding.Locate(lowest) : mount.Locate(mount.Point);

    [GeneratedRegex(@"\$\{(\w+)\}", RegexOptions.CultureInvariant)]
    private static partial Regex Variable();
}
