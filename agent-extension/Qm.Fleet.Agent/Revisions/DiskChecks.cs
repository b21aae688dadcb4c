using Qm.Fleet.Agent.Evidence;
using Qm.Fleet.Agent.Files;

namespace Qm.Fleet.Agent.Revisions;

/// <summary>Whether the devices that limits of I/O name are disks of the node, each named in one way.</summary>
/// <remarks>
/// systemd leaves out a device that is not there, with a line in its journal. It keeps a set of limits for every name it was given, and brings the sets to the
/// kernel one after the other, so that of two names of the same disk only one is in force.
/// </remarks>
internal static class DiskChecks
{
    /// <summary>Looks at them; tells all problems at once.</summary>
    /// <param name="root">The node.</param>
    /// <param name="before">The quadlet as it is.</param>
    /// <param name="after">The quadlet as it would be.</param>
    /// <exception cref="CommandRefusedException">InvalidDevice.</exception>
    public static void Check(NodeRoot root, QuadletSources before, QuadletSources after)
    {
        var (old, wanted) = (Own(before), Own(after));
        if (wanted.Length == 0)
        {
            return;
        }

        var findings = new Findings(root);
        var disks = ResourceControl.Devices(after.Merge()).Union(old, StringComparer.Ordinal).ToDictionary(path => path, path => Disk.Of(root, path, findings), StringComparer.Ordinal);
        var problems = wanted.Any(path => disks[path] is null) ? findings.Problems.Where(problem => wanted.Any(path => problem.StartsWith(path, StringComparison.Ordinal))).ToList() : [];
        foreach (var disk in disks.Where(disk => disk.Value is not null).GroupBy(disk => disk.Value, disk => disk.Key, StringComparer.Ordinal))
        {
            if (disk.Count() > 1 && disk.Intersect(wanted).Any())
            {
                problems.Add($"{string.Join(" and ", disk.Order(StringComparer.Ordinal))} are the same disk, {disk.Key}, of which systemd would bring the limits of one name only to the kernel; " +
                    (disk.Except(old.Except(wanted)).Count() > 1 ? "name it in one way." : "keep the name, or take its limits away with a revision of their own first."));
            }
        }

        if (problems.Count > 0)
        {
            throw new CommandRefusedException("InvalidDevice", string.Join(" ", problems));
        }
    }

    private static string[] Own(QuadletSources sources) => [.. ResourceControl.Devices(
        new QuadletSources(new(sources.Main.Path, ""), [.. sources.DropIns.Where(source => source.Path == AllowList.QmContainerDropIn.Full)]).Merge())];
}
