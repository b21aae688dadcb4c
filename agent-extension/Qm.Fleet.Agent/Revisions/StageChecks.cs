using System.Text;
using Qm.Fleet.Agent.Files;
using Qm.Fleet.Core.Environments;
using Qm.Fleet.Core.Revisions;

namespace Qm.Fleet.Agent.Revisions;

/// <summary>What must hold before a revision may be staged.</summary>
internal static class StageChecks
{
    /// <summary>Most bytes of one file, as UTF-8.</summary>
    public const int FileBytesMax = 256 * 1024;

    /// <summary>Most files of a revision.</summary>
    public const int FilesMax = 100;

    private const int RevisionLengthMax = 128;

    /// <summary>Looks at names, sizes and number; tells all problems at once.</summary>
    /// <exception cref="CommandRefusedException">InvalidRevision or InvalidFile.</exception>
    public static void CheckContent(string revision, IReadOnlyList<OwnedFile> files)
    {
        if (revision.Length is 0 or > RevisionLengthMax || revision.Any(char.IsControl))
        {
            throw new CommandRefusedException("InvalidRevision",
                $"\"{AllowList.Printable(revision)}\" is no revision name; expected 1 to {RevisionLengthMax} printable characters.");
        }

        var problems = files.SelectMany(Problems)
            .Concat(files.GroupBy(file => (file.Kind, file.Name)).Where(group => group.Count() > 1)
                .Select(group => $"{group.Key.Kind} {AllowList.Printable(group.Key.Name)} is listed {group.Count()} times."))
            .Prepend(files.Count > FilesMax ? $"{files.Count} files are more than the {FilesMax} a revision may have." : null)
            .OfType<string>().Take(FilesMax).ToArray();
        if (problems.Length > 0)
        {
            throw new CommandRefusedException("InvalidFile", string.Join(" ", problems));
        }
    }

    /// <summary>Looks at where a rootfs comes from; tells all problems at once.</summary>
    /// <exception cref="CommandRefusedException">InvalidRootfs.</exception>
    public static void CheckArchive(RootfsArchive? archive)
    {
        string[] problems = [.. ((string?[])[archive?.UrlProblem(), archive?.Sha256Problem()]).OfType<string>()];
        if (problems.Length > 0)
        {
            throw new CommandRefusedException("InvalidRootfs", $"The archive of the rootfs cannot be fetched: {string.Join("; ", problems)}.");
        }
    }

    /// <summary>Looks whether QM would start from the slot of an archive.</summary>
    /// <exception cref="CommandRefusedException">InvalidQuadlet: another drop-in has the last word.</exception>
    public static void CheckSlot(RootfsArchive? archive, QmPaths paths)
    {
        if (archive is not null && RootfsSlot.PathOf(archive.Sha256) is var slot && paths.Rootfs != slot)
        {
            throw new CommandRefusedException("InvalidQuadlet",
                $"With this revision QM would start from {paths.Rootfs} and not from {slot}: a drop-in of qm.container that sorts after " +
                $"{AllowList.QmContainerDropIn.FileName} sets ROOTFS, or the revision does not; remove that Environment= line.");
        }
    }

    /// <summary>Looks for a bootable rootfs of QM.</summary>
    /// <exception cref="CommandRefusedException">RootfsMissing.</exception>
    public static void CheckRootfs(NodeRoot root, string rootfs)
    {
        if (!HoldsInit(root, rootfs))
        {
            throw new CommandRefusedException("RootfsMissing",
                $"{rootfs}, the ROOTFS of the qm quadlet, has neither sbin/init nor usr/lib/systemd/systemd, so QM cannot start; " +
                "install the rootfs of QM, or set Environment=ROOTFS= in a drop-in of qm.container.");
        }
    }

    /// <summary>Whether QM can start from a tree; seen from inside, because its links are absolute paths there.</summary>
    public static bool HoldsInit(NodeRoot tree) => tree.Exists("/sbin/init") || tree.Exists("/usr/lib/systemd/systemd");

    private static bool HoldsInit(NodeRoot root, string rootfs)
    {
        try
        {
            using var tree = root.Within(rootfs);
            return HoldsInit(tree);
        }
        catch (NodeFileException e) when (e.IsMissing)
        {
            return false;
        }
    }

    private static IEnumerable<string> Problems(OwnedFile file)
    {
        if (AllowList.Problem(file.Kind, file.Name) is { } problem)
        {
            yield return problem;
        }

        if (Encoding.UTF8.GetByteCount(file.Content) is > FileBytesMax and var bytes)
        {
            yield return $"{file.Kind} {AllowList.Printable(file.Name)} has {bytes} bytes; {FileBytesMax} are allowed.";
        }

        if (file.Content.Contains('\0'))
        {
            yield return $"{file.Kind} {AllowList.Printable(file.Name)} contains a NUL character.";
        }
    }
}
