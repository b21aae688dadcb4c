using System.Text.Json;
using Qm.Fleet.Agent.CommitConfirm;
using Qm.Fleet.Agent.Evidence;
using Qm.Fleet.Agent.Files;
using Qm.Fleet.Agent.Labels;
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
    private readonly NodeClock _clock;
    private readonly IQuadletCheck? _quadletCheck;
    private readonly RootfsFetcher _rootfs;
    private readonly FileLabels? _labels;

    /// <param name="root">The node.</param>
    /// <param name="directory">The agent's memory.</param>
    /// <param name="clock">The node's clock.</param>
    /// <param name="quadletCheck">The node's own quadlet generator; null where there is none to ask.</param>
    /// <param name="rootfs">Makes and removes slots in the background.</param>
    /// <param name="labels">Gives owned files their SELinux labels; null to leave them as they come.</param>
    public NodeRevisions(NodeRoot root, StateDirectory directory, NodeClock clock, IQuadletCheck? quadletCheck, RootfsFetcher rootfs, FileLabels? labels = null)
    {
        (_root, _directory, _clock, _quadletCheck, _rootfs, _labels) = (root, directory, clock, quadletCheck, rootfs, labels);
        _committer = new(root, directory, clock);
    }

    /// <summary>What is in place.</summary>
    public NodeState State => _directory.State;

    /// <summary>The revision that waits for its commit and whose rootfs is there; else empty. The committed one may be staged again, to heal what was changed by hand.</summary>
    public string StagedRevision => _directory.Staged is { } staged && HasRootfs(staged) ? staged.Revision : "";

    /// <summary>The slots and the fetch under way.</summary>
    public RootfsFetcher Rootfs => _rootfs;

    /// <summary>Why an earlier commit is still not tidied up; null when all is well.</summary>
    public string? Unfinished => _committer.Unfinished;

    /// <summary>Why files in place did not get their SELinux labels; null when they did, or need none.</summary>
    public string? Unlabelled { get; private set; }

    /// <summary>Files in place that the last look found with another SELinux label than their place has; <see cref="LabelAsync"/> gives them their own again.</summary>
    public IReadOnlyList<MislabelledFile> Mislabelled { get; private set; } = [];

    /// <summary>Looks whether files in place still have their SELinux labels.</summary>
    public void LookAtLabels() => Mislabelled = _labels?.Mislabelled() ?? [];

    /// <summary>Labels what is in place, where SELinux is on; what is right already is left alone. Called at start and after whatever wrote files.</summary>
    /// <remarks>A file gets the label of its directory when it is made, which mostly is its own; one that did not get it is told with every report, and tried again.</remarks>
    public async Task LabelAsync(CancellationToken cancellationToken)
    {
        try
        {
            Unlabelled = null;
            await (_labels?.RestoreAsync([.. State.Files.Select(file => file.Path.Full)], cancellationToken) ?? Task.CompletedTask).ConfigureAwait(false);
        }
        catch (CommandRefusedException e)
        {
            Unlabelled = e.Message;
        }
    }

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
            new HashSet<string>([state.Rootfs, state.PreviousRootfs, _directory.Previous?.Rootfs ?? "", staged?.Rootfs?.Sha256 ?? "", running ?? ""], StringComparer.Ordinal));
    }

    /// <summary>
    /// Checks a revision and keeps it for <see cref="Commit"/>; nothing takes effect. A rootfs that is not on the node is fetched in the
    /// background, and the revision is staged when it is complete; how a fetch failed is the refusal of the next call.
    /// </summary>
    /// <exception cref="CommandRefusedException">
    /// InvalidRevision, InvalidFile, InvalidRootfs, UnreachableAddress, OomOrder, InvalidDevice, FileNotOwned, WrongOwner, QmNotInstalled, InvalidQuadlet, RootfsMissing, QuadletRefused, or why a fetch
    /// failed, as in <see cref="SlotBuilder.BuildAsync"/>.
    /// </exception>
    public async Task StageAsync(
        string revision, IReadOnlyList<OwnedFile> files, bool rootfsPreinstalled, RootfsArchive? archive, CancellationToken cancellationToken)
    {
        Recover();
        StageChecks.CheckContent(revision, files);
        StageChecks.CheckArchive(archive);
        var inForce = QuadletSources.Read(_root);
        var sources = inForce.WithDropIn(
            AllowList.QmContainerDropIn.Full, files.FirstOrDefault(file => file.Kind == OwnedFileKind.QmContainerDropIn)?.Content);
        AgentConfChecks.Check(files, sources.Merge());
        ScoreChecks.Check(_root, files, sources);
        DiskChecks.Check(_root, inForce, sources);
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

        if (State is { Reverted: { } reverted } state && reverted.Revision == revision)
        {
            // Somebody wants to try it again.
            _directory.State = state with { Reverted = null };
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
    /// <param name="revision">Its name.</param>
    /// <param name="confirmWithin">How long to wait for <see cref="Confirm"/> before <see cref="GoBackIfDue"/> goes back; null for ever.</param>
    /// <exception cref="CommandRefusedException">NotStaged, InvalidDeadline, FileNotOwned, WrongOwner, QmNotInstalled or InvalidQuadlet.</exception>
    public void Commit(string revision, TimeSpan? confirmWithin = null)
    {
        if (confirmWithin < ConfirmDeadline.Least || confirmWithin > ConfirmDeadline.Most)
        {
            throw new CommandRefusedException("InvalidDeadline",
                $"A confirmation within {confirmWithin} is not possible; expected {ConfirmDeadline.Least} to {ConfirmDeadline.Most}.");
        }

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
        if (Plan(staged, paths, confirmWithin) is { } journal)
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
            _directory.State = state with { Confirmed = true, RetiredWorkloads = [], RetiredSafetyUnits = [], RetiredProperties = [], Deadline = null };
            _directory.Previous = null;
            TendRootfs();
        }
    }

    /// <summary>Goes back to the last confirmed revision when the deadline of the committed one is over.</summary>
    /// <returns>What it went back from, or null when it did not.</returns>
    /// <exception cref="CommandRefusedException">NoWayBack: the files of the last confirmed revision are lost.</exception>
    public RevertedRevision? GoBackIfDue()
    {
        Recover();
        if (KeepDeadline() is not { } deadline || deadline.Left(_clock.Now) > TimeSpan.Zero)
        {
            return null;
        }

        var previous = _directory.Previous ?? throw new CommandRefusedException("NoWayBack",
            $"{State.Revision} was not confirmed in time, but {_directory.Path}/previous.json with the files before it is gone; commit another revision.");
        try
        {
            return GoBack(null);
        }
        catch (NodeFileException e) when (_committer.Unfinished is null && WayBack.IsInTheWayOfQms(e, State, previous))
        {
            // QM can have something else in the place of its files; that must not keep the host from its own, which it is reached with.
            return GoBack(e.Message);
        }

        RevertedRevision? GoBack(string? keptOfQm)
        {
            using var trees = new OwnedTrees(_root);
            var journal = WayBack.Plan(State, previous, deadline, trees, keptOfQm);
            _committer.Run(journal);
            return journal.Next.Reverted;
        }
    }

    /// <summary>How long until <see cref="GoBackIfDue"/> goes back; null when it never does.</summary>
    public TimeSpan? UntilDue => KeepDeadline()?.Left(_clock.Now);

    /// <summary>The deadline if it counts in this boot; null when there is none.</summary>
    public ConfirmDeadline? Deadline => State.Deadline is { } deadline && deadline.Due.BootId == _clock.BootId ? deadline : null;

    /// <summary>BlueChi agents that the way back has still to restart; null when there are none, or the node has booted since.</summary>
    public OwedRestarts? Owed => State.Owed is { } owed && owed.Since.BootId == _clock.BootId ? owed : null;

    /// <summary>When the configuration of the host's BlueChi agent was last changed in this boot, in microseconds of CLOCK_MONOTONIC; 0 when it was not.</summary>
    public long HostAgentConfChangedAt => State.HostAgentConfChanged is { } changed && changed.BootId == _clock.BootId ? changed.Microseconds : 0;

    /// <summary>Notes which restarts are still owed.</summary>
    public void Owe(OwedRestarts owed) => _directory.State = State with { Owed = owed is { Host: false, Qm: false } ? null : owed };

    // A deadline of an earlier boot is moved into this one before anything looks at it.
    private ConfirmDeadline? KeepDeadline()
    {
        var state = State;
        if (state.Deadline is not { } deadline)
        {
            return null;
        }

        var kept = deadline.In(_clock.Now);
        if (kept != deadline)
        {
            _directory.State = state with { Deadline = kept };
        }

        return kept;
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

    private Journal? Plan(StagedRevision target, QmPaths paths, TimeSpan? confirmWithin = null)
    {
        using var trees = new OwnedTrees(_root);
        return CommitPlan.Create(target, State, paths.Etc, trees, confirmWithin);
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
