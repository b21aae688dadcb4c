using System.Text.Json;
using Qm.Fleet.Agent.Evidence;
using Qm.Fleet.Agent.Files;
using Qm.Fleet.Agent.Rootfs;
using Qm.Fleet.Core.Environments;
using Qm.Fleet.Core.Revisions;

namespace Qm.Fleet.Agent.Revisions;

/// <summary>
/// The revisions of one node: what is staged, what is committed, what is confirmed. Repeating a call changes nothing.
/// Not safe for concurrent use; the caller holds the node's gate. Every member throws <see cref="NodeFileException"/> when the disk
/// refuses and <see cref="JsonException"/> when the state directory is damaged.
/// </summary>
internal sealed class NodeRevisions
{
    private readonly NodeRoot _root;
    private readonly StateDirectory _directory;
    private readonly Committer _committer;
    private readonly IQuadletCheck? _quadletCheck;
    private readonly RootfsFetcher _rootfs;

    /// <param name="root">The node.</param>
    /// <param name="directory">The agent's memory.</param>
    /// <param name="clock">The node's clock.</param>
    /// <param name="quadletCheck">The node's own quadlet generator; null where there is none to ask.</param>
    /// <param name="rootfs">Makes and removes slots in the background.</param>
    public NodeRevisions(NodeRoot root, StateDirectory directory, NodeClock clock, IQuadletCheck? quadletCheck, RootfsFetcher rootfs)
    {
        (_root, _directory, _quadletCheck, _rootfs) = (root, directory, quadletCheck, rootfs);
        _committer = new(root, directory, clock);
    }

    /// <summary>What is in place.</summary>
    public NodeState State => _directory.State;

    /// <summary>The staged revision if it is another than the committed one and its rootfs is there; else empty.</summary>
    public string StagedRevision =>
        _directory.Staged is { } staged && staged.Revision != State.Revision && HasRootfs(staged) ? staged.Revision : "";

    /// <summary>The slots and the fetch under way.</summary>
    public RootfsFetcher Rootfs => _rootfs;

    /// <summary>Why an earlier commit is still not tidied up; null when all is well.</summary>
    public string? Unfinished => _committer.Unfinished;

    /// <summary>Ends what a crash cut short. Called at start and before everything else that changes the node.</summary>
    /// <returns>The revision whose commit was completed, or null.</returns>
    public string? Recover()
    {
        var completed = _committer.Recover();
        if (State.Confirmed && _directory.Previous is not null)
        {
            _directory.Previous = null;
        }

        return completed;
    }

    /// <summary>Goes on with the rootfs that is staged and removes those nobody needs, in the background.</summary>
    public void TendRootfs()
    {
        var (state, staged) = (State, _directory.Staged);
        // What QM runs from is not always what was committed last: QM may not have restarted since.
        var findings = new Findings(_root);
        var running = RootfsSlot.DigestOf(RunningRootfs.Read(findings, OomEvidence.Read(findings, [], null).QmInitPid));
        _rootfs.Tend(
            staged is not null && !HasRootfs(staged) ? staged.Rootfs : null,
            new HashSet<string>([state.Rootfs, state.PreviousRootfs, staged?.Rootfs?.Sha256 ?? "", running ?? ""], StringComparer.Ordinal));
    }

    /// <summary>
    /// Checks a revision and keeps it for <see cref="Commit"/>; nothing takes effect. A rootfs that is not on the node is fetched in the
    /// background, and the revision is staged when it is complete; how a fetch failed is the refusal of the next call.
    /// </summary>
    /// <exception cref="CommandRefusedException">
    /// InvalidRevision, InvalidFile, InvalidRootfs, FileNotOwned, QmNotInstalled, InvalidQuadlet, RootfsMissing, QuadletRefused, or why a fetch failed,
    /// as in <see cref="SlotBuilder.BuildAsync"/>.
    /// </exception>
    public async Task StageAsync(
        string revision, IReadOnlyList<OwnedFile> files, bool rootfsPreinstalled, RootfsArchive? archive, CancellationToken cancellationToken)
    {
        Recover();
        StageChecks.CheckContent(revision, files);
        StageChecks.CheckArchive(archive);
        var sources = QuadletSources.Read(_root).WithDropIn(
            AllowList.QmContainerDropIn.Full, files.FirstOrDefault(file => file.Kind == OwnedFileKind.QmContainerDropIn)?.Content);
        var paths = QmPaths.From(sources);
        if (rootfsPreinstalled)
        {
            StageChecks.CheckRootfs(_root, paths.Rootfs);
        }

        StageChecks.CheckSlot(archive, paths);
        if (archive is not null && _rootfs.TakeFailure(archive.Sha256) is { } failure)
        {
            Discard();
            throw failure;
        }

        var target = new StagedRevision(revision, files, archive);
        if (Plan(target, paths) is null && HasRootfs(target))
        {
            Discard();
            return;
        }

        if (_quadletCheck is not null)
        {
            await _quadletCheck.CheckAsync(sources, cancellationToken).ConfigureAwait(false);
        }

        if (!Same(_directory.Staged, target))
        {
            _directory.Staged = target;
        }

        if (!HasRootfs(target))
        {
            TendRootfs();
        }
    }

    /// <summary>Puts the staged revision in place, all files or none.</summary>
    /// <exception cref="CommandRefusedException">NotStaged, FileNotOwned, QmNotInstalled or InvalidQuadlet.</exception>
    public void Commit(string revision)
    {
        Recover();
        if (_directory.Staged is not { } staged || staged.Revision != revision)
        {
            if (State.Revision == revision)
            {
                return;
            }

            throw new CommandRefusedException("NotStaged",
                $"{AllowList.Printable(revision)} is not staged on this node ({Describe()}); stage it first.");
        }

        if (!HasRootfs(staged))
        {
            throw new CommandRefusedException("NotStaged",
                $"The rootfs {staged.Rootfs!.Sha256} of {AllowList.Printable(revision)} is not complete on this node; stage it again and wait for it.");
        }

        var dropIn = staged.Files.FirstOrDefault(file => file.Kind == OwnedFileKind.QmContainerDropIn)?.Content;
        var paths = QmPaths.From(QuadletSources.Read(_root).WithDropIn(AllowList.QmContainerDropIn.Full, dropIn));
        if (Plan(staged, paths) is { } journal)
        {
            _committer.Run(journal with { Next = WithRootfs(journal.Next, staged.Rootfs, paths) });
        }
        else
        {
            Discard();
        }
    }

    /// <summary>Declares the committed revision good and forgets the way back.</summary>
    /// <exception cref="CommandRefusedException">NotCommitted.</exception>
    public void Confirm(string revision)
    {
        Recover();
        var state = State;
        if (state.Revision != revision || revision.Length == 0)
        {
            throw new CommandRefusedException("NotCommitted",
                $"{AllowList.Printable(revision)} is not the committed revision of this node ({Describe()}); commit it first.");
        }

        if (!state.Confirmed)
        {
            _directory.State = state with { Confirmed = true, RetiredWorkloads = [], RetiredProperties = [] };
            _directory.Previous = null;
            TendRootfs();
        }
    }

    private bool HasRootfs(StagedRevision staged) => staged.Rootfs is null || _rootfs.Has(staged.Rootfs.Sha256);

    // What is missing in QM's /etc comes before what takes effect, so that a kill in between leaves it to the next commit.
    private NodeState WithRootfs(NodeState next, RootfsArchive? archive, QmPaths paths)
    {
        var state = State;
        if ((archive?.Sha256 ?? "") == state.Rootfs)
        {
            return next with { Rootfs = state.Rootfs, PreviousRootfs = state.PreviousRootfs, EtcDifferences = state.EtcDifferences };
        }

        return next with
        {
            Rootfs = archive?.Sha256 ?? "",
            PreviousRootfs = state.Confirmed && state.Rootfs.Length > 0 ? state.Rootfs : state.PreviousRootfs,
            EtcDifferences = archive is null ? EtcDifferences.None : EtcSeed.Run(_root, paths.Rootfs, paths.Etc),
        };
    }

    private Journal? Plan(StagedRevision target, QmPaths paths)
    {
        using var trees = new OwnedTrees(_root);
        return CommitPlan.Create(target, State, paths.Etc, trees);
    }

    private void Discard()
    {
        if (_directory.Staged is not null)
        {
            _directory.Staged = null;
        }
    }

    private string Describe() =>
        $"staged: {(_directory.Staged is { } staged ? staged.Revision : "nothing")}, " +
        $"committed: {(State.Revision is { Length: > 0 } revision ? revision : "nothing")}";

    private static bool Same(StagedRevision? one, StagedRevision other) =>
        one is not null && one.Revision == other.Revision && one.Rootfs == other.Rootfs && one.Files.SequenceEqual(other.Files);
}
