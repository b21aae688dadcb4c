using System.Text.Json;
using Qm.Fleet.Agent.Evidence;
using Qm.Fleet.Agent.Files;
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

    /// <param name="root">The node.</param>
    /// <param name="directory">The agent's memory.</param>
    /// <param name="clock">The node's clock.</param>
    /// <param name="quadletCheck">The node's own quadlet generator; null where there is none to ask.</param>
    public NodeRevisions(NodeRoot root, StateDirectory directory, NodeClock clock, IQuadletCheck? quadletCheck)
    {
        (_root, _directory, _quadletCheck) = (root, directory, quadletCheck);
        _committer = new(root, directory, clock);
    }

    /// <summary>What is in place.</summary>
    public NodeState State => _directory.State;

    /// <summary>The staged revision if it is another than the committed one; else empty.</summary>
    public string StagedRevision => _directory.Staged is { } staged && staged.Revision != State.Revision ? staged.Revision : "";

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

    /// <summary>Checks a revision and keeps it for <see cref="Commit"/>; nothing takes effect.</summary>
    /// <exception cref="CommandRefusedException">
    /// InvalidRevision, InvalidFile, FileNotOwned, QmNotInstalled, InvalidQuadlet, RootfsMissing or QuadletRefused.
    /// </exception>
    public async Task StageAsync(string revision, IReadOnlyList<OwnedFile> files, bool rootfsPreinstalled, CancellationToken cancellationToken)
    {
        Recover();
        StageChecks.CheckContent(revision, files);
        var sources = QuadletSources.Read(_root).WithDropIn(
            AllowList.QmContainerDropIn.Full, files.FirstOrDefault(file => file.Kind == OwnedFileKind.QmContainerDropIn)?.Content);
        var paths = QmPaths.From(sources);
        if (rootfsPreinstalled)
        {
            StageChecks.CheckRootfs(_root, paths.Rootfs);
        }

        var target = new StagedRevision(revision, files);
        if (Plan(target, paths) is null)
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

        var dropIn = staged.Files.FirstOrDefault(file => file.Kind == OwnedFileKind.QmContainerDropIn)?.Content;
        if (Plan(staged, QmPaths.From(QuadletSources.Read(_root).WithDropIn(AllowList.QmContainerDropIn.Full, dropIn))) is { } journal)
        {
            _committer.Run(journal);
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
        }
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
        one is not null && one.Revision == other.Revision && one.Files.SequenceEqual(other.Files);
}
