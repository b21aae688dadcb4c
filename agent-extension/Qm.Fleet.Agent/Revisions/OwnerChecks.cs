using Qm.Fleet.Agent.Files;

namespace Qm.Fleet.Agent.Revisions;

/// <summary>Whether what root writes stays root's: whoever owns a directory can exchange the files in it, and those of the agent are obeyed by systemd and Podman.</summary>
internal static class OwnerChecks
{
    /// <summary>Looks at every directory on the way to what would be written; tells all that are wrong at once.</summary>
    /// <param name="changes">What would be done.</param>
    /// <param name="trees">Where.</param>
    /// <exception cref="CommandRefusedException">WrongOwner.</exception>
    public static void Check(IEnumerable<FileChange> changes, OwnedTrees trees)
    {
        // Who is not root is kept to its own directories by the kernel.
        if (!TreeCalls.MaySetOwners)
        {
            return;
        }

        var foreign = changes.Where(change => change.NewSha256 is not null).SelectMany(change => Ways(change.Path)).DistinctBy(way => (way.In.Tree, way.Directory))
            .Select(way => (Path: $"{way.In.Tree.TrimEnd('/')}/{way.Directory}".TrimEnd('/'), trees[way.In].Look(way.Directory)?.Facts.Uid))
            .Where(way => way.Uid is not (null or 0)).ToArray();
        if (foreign.Length > 0)
        {
            throw new CommandRefusedException("WrongOwner", string.Join(" ", foreign.Select(way => FormattableString.Invariant(
                $"{way.Path} belongs to user {way.Uid}, who could exchange what is written below it; give it to root (chown root: {way.Path}), or find out who took it."))));
        }
    }

    // The tree, and the directories below it, outermost first.
    private static IEnumerable<(OwnedPath In, string Directory)> Ways(OwnedPath path)
    {
        var names = path.Directory.Split('/');
        return Enumerable.Range(0, names.Length + 1).Select(count => (path, string.Join('/', names.Take(count))));
    }
}
