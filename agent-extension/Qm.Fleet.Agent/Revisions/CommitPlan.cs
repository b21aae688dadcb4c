using System.Text;
using Qm.Fleet.Agent.Evidence;
using Qm.Fleet.Core.Revisions;

namespace Qm.Fleet.Agent.Revisions;

/// <summary>What a commit has to do, given what is wanted, what was written before, and what is found on disk.</summary>
internal static class CommitPlan
{
    /// <summary>The journal of the commit, or null when everything is already so.</summary>
    /// <exception cref="CommandRefusedException">InvalidFile, FileNotOwned: a workload's place is taken by a file of somebody else, or WrongOwner.</exception>
    /// <exception cref="Files.NodeFileException">A place is taken by something that is no regular file, or cannot be read.</exception>
    public static Journal? Create(StagedRevision target, NodeState state, string qmEtc, OwnedTrees trees, TimeSpan? confirmWithin = null)
    {
        var owned = state.Files.ToDictionary(file => file.Path);
        var wanted = target.Files.Select(file => Wanted.Of(file, qmEtc)).ToArray();
        var found = wanted.Select(file => file.Path).Union(owned.Keys).ToDictionary(path => path, trees.Read);

        var foreign = wanted.Where(file => file.Kind == OwnedFileKind.Workload && found[file.Path] is not null && !owned.ContainsKey(file.Path)).ToArray();
        if (foreign.Length > 0)
        {
            throw new CommandRefusedException("FileNotOwned", string.Join(" ", foreign.Select(file =>
                $"{file.Path.Full} exists and was not written by this agent, so workload {file.Name} cannot take its place; " +
                "rename the workload or remove the file.")));
        }

        var changes = wanted
            .Select(file => new FileChange(file.Kind, file.Name, file.Path, Digest(found[file.Path]), file.Sha256))
            .Where(change => change.OldSha256 != change.NewSha256)
            .Concat(state.Files.ExceptBy(wanted.Select(file => file.Path), file => file.Path)
                .Select(file => new FileChange(file.Kind, file.Name, file.Path, Digest(found[file.Path]), null))
                .Where(change => change.OldSha256 is not null))
            .ToArray();
        if (changes.Length == 0 && state.Revision == target.Revision && owned.Keys.ToHashSet().SetEquals(wanted.Select(file => file.Path)))
        {
            return null;
        }

        OwnerChecks.Check(changes, trees);
        // previous.json tells what was confirmed last; what is in place but was not, is never the way back.
        var wayBackStartsHere = state.Revision != target.Revision && (state.Confirmed || state.Revision.Length == 0);
        return new Journal
        {
            Target = target,
            Changes = changes,
            ConfirmWithinMilliseconds = (long)(confirmWithin?.TotalMilliseconds ?? 0),
            NewDirectories = NewDirectories(changes, trees),
            Next = state with
            {
                Sequence = state.Sequence + 1,
                Revision = target.Revision,
                Confirmed = false,
                Files = [.. wanted.Select(file => file.Placed(owned.GetValueOrDefault(file.Path)))],
                RetiredWorkloads = Retired(OwnedFileKind.Workload, state.RetiredWorkloads, state, wanted.Select(file => (file.Kind, file.Name))),
                RetiredSafetyUnits = Retired(OwnedFileKind.AsilDropIn, state.RetiredSafetyUnits, state, wanted.Select(file => (file.Kind, file.Name))),
                RetiredProperties = RetiredProperties(state, found.GetValueOrDefault(AllowList.QmContainerDropIn), wanted),
            },
            Previous = wayBackStartsHere
                ? new(state.Revision, Found(state, found)) { Rootfs = state.Rootfs }
                : null,
        };
    }

    /// <summary>Directories that the changes need and that do not exist, parents first.</summary>
    public static OwnedPath[] NewDirectories(IEnumerable<FileChange> changes, OwnedTrees trees) =>
        [.. changes.Where(change => change.NewSha256 is not null).SelectMany(change => MissingDirectories(change.Path, trees)).Distinct()];

    /// <summary>Files of a kind that are removed and that nobody has confirmed yet, by name: those of before, and those that are not wanted any more.</summary>
    public static string[] Retired(OwnedFileKind kind, IEnumerable<string> before, NodeState state, IEnumerable<(OwnedFileKind Kind, string Name)> wanted)
    {
        return [.. before.Union(Names(state.Files.Select(file => (file.Kind, file.Name)))).Except(Names(wanted)).Order(StringComparer.Ordinal)];

        IEnumerable<string> Names(IEnumerable<(OwnedFileKind Kind, string Name)> files) => files.Where(file => file.Kind == kind).Select(file => file.Name);
    }

    private static PreviousFile[] Found(NodeState state, Dictionary<OwnedPath, byte[]?> found) =>
        [.. state.Files.Where(file => found[file.Path] is not null).Select(file => new PreviousFile(file.Kind, file.Name, file.Path, found[file.Path]!))];

    private static string[] RetiredProperties(NodeState state, byte[]? oldDropIn, Wanted[] wanted) =>
        [.. state.RetiredProperties.Union(oldDropIn is null ? [] : ResourceControl.KeysSetBy(Encoding.UTF8.GetString(oldDropIn)))
            .Except(wanted.Where(file => file.Kind == OwnedFileKind.QmContainerDropIn).SelectMany(file => ResourceControl.KeysSetBy(file.Content)))
            .Order(StringComparer.Ordinal)];

    private static IEnumerable<OwnedPath> MissingDirectories(OwnedPath path, OwnedTrees trees) =>
        from directory in Files.DirectoryWriter.Missing(trees[path], path.Directory)
        let split = Files.DirectoryWriter.Split(directory)
        select new OwnedPath(path.Tree, split.Parent, split.Name);

    private static string? Digest(byte[]? content) => content is null ? null : OwnedTrees.Digest(content);

    private sealed record Wanted(OwnedFileKind Kind, string Name, string Content, OwnedPath Path, string Sha256)
    {
        public static Wanted Of(OwnedFile file, string qmEtc) => new(
            file.Kind, file.Name, file.Content, AllowList.Locate(file.Kind, file.Name, qmEtc), OwnedTrees.Digest(Encoding.UTF8.GetBytes(file.Content)));

        /// <summary>The record of the file; its time is that of the earlier record unless the content changes.</summary>
        public PlacedFile Placed(PlacedFile? before) => new(
            Kind, Name, Path, Sha256, before?.CommittedAtMicroseconds ?? 0, before?.BootId ?? "");
    }
}
