using System.Text;
using Qm.Fleet.Agent.Evidence;
using Qm.Fleet.Agent.Files;
using Qm.Fleet.Agent.Revisions;
using Qm.Fleet.Core.Revisions;

namespace Qm.Fleet.Agent.CommitConfirm;

/// <summary>A revision the agent went back from by itself; part of <c>state.json</c>.</summary>
/// <param name="Revision">Its name.</param>
/// <param name="Reason">A sentence: what was waited for, and how long.</param>
internal sealed record RevertedRevision(string Revision, string Reason);

/// <summary>BlueChi agents that still run with files that are gone; part of <c>state.json</c>. In another boot they have started anew.</summary>
/// <param name="Host">The host's.</param>
/// <param name="Qm">The one inside QM.</param>
/// <param name="Since">When their files went back.</param>
internal sealed record OwedRestarts(bool Host, bool Qm, NodeMoment Since);

/// <summary>The commit that undoes a commit nobody confirmed: the last confirmed files, byte for byte as they were found.</summary>
internal static class WayBack
{
    /// <summary>The journal of the way back.</summary>
    /// <param name="state">What is in place.</param>
    /// <param name="previous">What was confirmed last; without a name where nothing was.</param>
    /// <param name="deadline">The deadline that is over.</param>
    /// <param name="trees">The node's files.</param>
    /// <param name="keptOfQm">Why files below QM's <c>/etc</c> stay as they are; null to put those back, too.</param>
    /// <remarks>
    /// <c>previous.json</c> stays as it is: the files in place are then the ones it holds, and nobody has confirmed that the node is well with them.
    /// </remarks>
    /// <exception cref="NodeFileException">A place is taken by something that is no regular file, or cannot be read.</exception>
    public static Journal Plan(NodeState state, PreviousRevision previous, ConfirmDeadline deadline, OwnedTrees trees, string? keptOfQm = null)
    {
        var owned = state.Files.ToDictionary(file => file.Path);
        var restored = previous.Files.Where(file => Goes(file.Path)).ToDictionary(file => file.Path);
        var kept = state.Files.Where(file => !Goes(file.Path)).ToArray();
        var changes = restored.Values
            .Select(file => new FileChange(file.Kind, file.Name, file.Path, trees.Digest(file.Path), OwnedTrees.Digest(file.Content)))
            .Concat(state.Files.Where(file => Goes(file.Path) && !restored.ContainsKey(file.Path))
                .Select(file => new FileChange(file.Kind, file.Name, file.Path, trees.Digest(file.Path), null)))
            .Where(change => change.OldSha256 != change.NewSha256)
            .ToArray();
        return new Journal
        {
            Target = new(previous.Revision, []),
            WayBackTo = previous,
            Changes = changes,
            NewDirectories = CommitPlan.NewDirectories(changes, trees),
            Next = state with
            {
                Sequence = state.Sequence + 1,
                Revision = previous.Revision,
                Confirmed = false,
                Files = [.. restored.Values.Select(file => Placed(file, owned.GetValueOrDefault(file.Path))), .. kept],
                RetiredWorkloads = CommitPlan.Retired(OwnedFileKind.Workload, state.RetiredWorkloads, state, Wanted()),
                RetiredSafetyUnits = CommitPlan.Retired(OwnedFileKind.AsilDropIn, state.RetiredSafetyUnits, state, Wanted()),
                RetiredProperties = [.. state.RetiredProperties.Union(Properties(trees.Read(AllowList.QmContainerDropIn)))
                    .Except(Properties(restored.GetValueOrDefault(AllowList.QmContainerDropIn)?.Content)).Order(StringComparer.Ordinal)],
                Rootfs = previous.Rootfs,
                PreviousRootfs = state.PreviousRootfs == previous.Rootfs ? "" : state.PreviousRootfs,
                Deadline = null,
                Reverted = new(state.Revision, Reason(deadline) + (keptOfQm is null ? "" : $"; but for those of QM, because the agent {keptOfQm}")),
            },
        };

        bool Goes(OwnedPath path) => keptOfQm is null || !path.IsOfQm;

        IEnumerable<(OwnedFileKind Kind, string Name)> Wanted() => restored.Values.Select(file => (file.Kind, file.Name)).Concat(kept.Select(file => (file.Kind, file.Name)));
    }

    /// <summary>Whether QM itself is what keeps its files from going back; a disk that is full or broken is not, and is tried again.</summary>
    /// <param name="failure">Why they did not.</param>
    /// <param name="state">What is in place.</param>
    /// <param name="previous">What was confirmed last.</param>
    public static bool IsInTheWayOfQms(NodeFileException failure, NodeState state, PreviousRevision previous) =>
        failure.Error is not (Errno.NoSpace or Errno.QuotaExceeded or Errno.ReadOnly or Errno.InputOutput)
        && state.Files.Select(file => file.Path).Concat(previous.Files.Select(file => file.Path)).Any(place => place.IsOfQm && failure.Path.StartsWith($"{place.Tree}/", StringComparison.Ordinal));

    private static PlacedFile Placed(PreviousFile file, PlacedFile? before) => new(
        file.Kind, file.Name, file.Path, OwnedTrees.Digest(file.Content), before?.CommittedAtMicroseconds ?? 0, before?.BootId ?? "");

    private static IEnumerable<string> Properties(byte[]? dropIn) =>
        dropIn is null ? [] : ResourceControl.KeysSetBy(Encoding.UTF8.GetString(dropIn));

    private static string Reason(ConfirmDeadline deadline) =>
        $"nobody confirmed it within {deadline.Within.TotalSeconds:0.#} s of {(deadline.BegunAnew ? "a reboot after its commit" : "its commit")}, " +
        "so the agent extension put the files before it back";
}
