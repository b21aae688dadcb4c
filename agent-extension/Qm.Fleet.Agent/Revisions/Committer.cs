using System.Text;
using Qm.Fleet.Agent.CommitConfirm;
using Qm.Fleet.Agent.Files;
using Qm.Fleet.Core.Revisions;

namespace Qm.Fleet.Agent.Revisions;

/// <summary>
/// Carries out a commit so that a kill between any two system calls leaves, after <see cref="Recover"/>, exactly the old files or
/// exactly the new ones.
/// </summary>
/// <remarks>
/// The journal is written first. Everything that needs space follows under names without meaning: the new content beside its
/// place, and a second name for the old content. Then the journal is marked as applying, which is the point of decision: before it, recovery
/// undoes; after it, recovery goes on, and only renames remain. An error on the way (instead of a kill) is undone at once, again by
/// renames alone, so a full disk cannot stop the way back. The journal goes last, after the state has the new sequence number.
/// </remarks>
internal sealed class Committer(NodeRoot root, StateDirectory state, NodeClock clock)
{
    private const UnixFileMode FileMode =
        UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.GroupRead | UnixFileMode.OtherRead;

    private const UnixFileMode DirectoryMode = FileMode | UnixFileMode.UserExecute | UnixFileMode.GroupExecute | UnixFileMode.OtherExecute;

    private readonly ISystemCalls _calls = root.Calls;

    /// <summary>Why a commit could neither be finished nor undone, or not be tidied up after; null when nothing is left to do.</summary>
    public string? Unfinished { get; private set; }

    /// <summary>Carries out a plan.</summary>
    /// <exception cref="NodeFileException">The disk refused; the old files are in place, unless <see cref="Unfinished"/> says otherwise.</exception>
    public void Run(Journal journal)
    {
        using var trees = new OwnedTrees(root);
        try
        {
            state.Journal = journal;
            Prepare(journal, trees);
            state.Journal = journal = journal with { Applying = true };
            Finish(journal, trees);
        }
        catch (NodeFileException) when (!HasArrived(journal))
        {
            TryEnd(journal, trees, Undo);
            throw;
        }
        catch (NodeFileException)
        {
            // The last flush failed, after the state was in place; tidying up flushes the same directory again.
        }

        TryEnd(journal, trees, CleanUp);
    }

    /// <summary>Ends a commit that a crash or a failing disk cut short; without one it writes nothing.</summary>
    /// <returns>The revision that was completed, or null when nothing was.</returns>
    /// <exception cref="NodeFileException">The disk refused again; the old files are in place, unless <see cref="Unfinished"/> says otherwise.</exception>
    public string? Recover()
    {
        if (state.Journal is not { } journal)
        {
            Unfinished = null;
            return null;
        }

        using var trees = new OwnedTrees(root);
        if (!journal.Applying)
        {
            TryEnd(journal, trees, Undo);
            return null;
        }

        try
        {
            Finish(journal, trees);
        }
        catch (NodeFileException) when (!HasArrived(journal))
        {
            TryEnd(journal, trees, Undo);
            throw;
        }

        TryEnd(journal, trees, CleanUp);
        return journal.Target.Revision;
    }

    private void TryEnd(Journal journal, OwnedTrees trees, Action<Journal, OwnedTrees> end)
    {
        try
        {
            end(journal, trees);
            Unfinished = null;
        }
        catch (NodeFileException e)
        {
            Unfinished = $"The commit of {journal.Target.Revision} left traces, because the agent {e.Message}; it tries again by itself.";
        }
    }

    private bool HasArrived(Journal journal) => state.State.Sequence == journal.Next.Sequence;

    private void Finish(Journal journal, OwnedTrees trees)
    {
        if (!HasArrived(journal))
        {
            Apply(journal, trees);
            Record(journal);
        }
    }

    private void Prepare(Journal journal, OwnedTrees trees)
    {
        foreach (var directory in journal.NewDirectories)
        {
            DirectoryWriter.MakeDirectory(trees[directory], directory.InTree, DirectoryMode);
        }

        foreach (var (change, directory) in Open(journal, trees))
        {
            using (directory)
            {
                if (change.NewSha256 is not null)
                {
                    DirectoryWriter.WriteBeside(_calls, directory, Beside(change.Path, "new"), Content(journal, change), FileMode);
                }

                if (change.OldSha256 is not null)
                {
                    DirectoryWriter.TryDelete(_calls, directory, Beside(change.Path, "old"));
                    _calls.Link(directory, change.Path.FileName, Beside(change.Path, "old"));
                }

                _calls.FlushDirectory(directory);
            }
        }
    }

    // After a crash any part of it may be done already, and the files beside may be used up: what counts is what is in place.
    private void Apply(Journal journal, OwnedTrees trees)
    {
        foreach (var change in journal.Changes.Where(change => trees.Digest(change.Path) != change.NewSha256))
        {
            using var directory = DirectoryWriter.Ensure(trees[change.Path], change.Path.Directory, DirectoryMode);
            if (change.NewSha256 is null)
            {
                DirectoryWriter.TryDelete(_calls, directory, change.Path.FileName);
            }
            else
            {
                var beside = Beside(change.Path, "new");
                if (trees.Read(change.Path, beside) is not { } ready || OwnedTrees.Digest(ready) != change.NewSha256)
                {
                    DirectoryWriter.WriteBeside(_calls, directory, beside, Content(journal, change), FileMode);
                }

                _calls.Rename(directory, beside, change.Path.FileName);
            }

            _calls.FlushDirectory(directory);
        }
    }

    private void Record(Journal journal)
    {
        if (journal.Previous is not null)
        {
            state.Previous = journal.Previous;
        }

        // Taken after the last rename: whoever started later than this has read the new content.
        var now = clock.Now;
        var written = journal.Changes.Select(change => change.Path).ToHashSet();
        var (host, qm) = (Changes(OwnedFileKind.HostBlueChiAgentConf), Changes(OwnedFileKind.QmBlueChiAgentConf));
        state.State = journal.Next with
        {
            Files = [.. journal.Next.Files.Select(file =>
                written.Contains(file.Path) ? file with { CommittedAtMicroseconds = now.Microseconds, BootId = now.BootId } : file)],
            HostAgentConfChanged = host ? now : journal.Next.HostAgentConfChanged,
            // Without a way back there is nothing a deadline could lead to.
            Deadline = journal.ConfirmWithinMilliseconds > 0 && state.Previous is not null
                ? ConfirmDeadline.Begin(TimeSpan.FromMilliseconds(journal.ConfirmWithinMilliseconds), now) : null,
            Owed = journal.WayBackTo is not null && (host || qm) ? new(host, qm, now) : journal.Next.Owed,
        };

        bool Changes(OwnedFileKind kind) => journal.Changes.Any(change => change.Kind == kind);
    }

    private void CleanUp(Journal journal, OwnedTrees trees)
    {
        RemoveBeside(journal, trees);
        if (state.Staged?.Revision == journal.Target.Revision)
        {
            state.Staged = null;
        }

        state.Journal = null;
    }

    // Until the journal stops saying "applying", a kill turns the way back into the way forward; so the second names stay until then.
    private void Undo(Journal journal, OwnedTrees trees)
    {
        if (HasArrived(journal))
        {
            CleanUp(journal, trees);
            return;
        }

        foreach (var (change, directory) in Open(journal, trees))
        {
            using (directory)
            {
                Restore(change, directory, trees);
            }
        }

        if (journal.Applying)
        {
            state.Journal = journal with { Applying = false };
        }

        RemoveBeside(journal, trees);
        foreach (var path in journal.NewDirectories.Reverse())
        {
            RemoveIfEmpty(trees, path);
        }

        if (journal.Previous is not null)
        {
            state.Previous = null;
        }

        state.Journal = null;
    }

    private void Restore(FileChange change, NodeDirectory directory, OwnedTrees trees)
    {
        var found = trees.Digest(change.Path);
        if (found == change.OldSha256)
        {
            return;
        }

        var (old, spare) = (Beside(change.Path, "old"), Beside(change.Path, "new"));
        if (change.OldSha256 is not null && trees.Read(change.Path, old) is not null)
        {
            DirectoryWriter.TryDelete(_calls, directory, spare);
            _calls.Link(directory, old, spare);
            _calls.Rename(directory, spare, change.Path.FileName);
        }
        else if (change.OldSha256 is null && found == change.NewSha256)
        {
            DirectoryWriter.TryDelete(_calls, directory, change.Path.FileName);
        }

        _calls.FlushDirectory(directory);
    }

    private void RemoveBeside(Journal journal, OwnedTrees trees)
    {
        foreach (var (change, directory) in Open(journal, trees))
        {
            using (directory)
            {
                DirectoryWriter.TryDelete(_calls, directory, Beside(change.Path, "new"));
                DirectoryWriter.TryDelete(_calls, directory, Beside(change.Path, "old"));
            }
        }
    }

    private void RemoveIfEmpty(OwnedTrees trees, OwnedPath path)
    {
        try
        {
            using var parent = trees[path].OpenDirectory(path.Directory);
            _calls.RemoveDirectory(parent, path.FileName);
            _calls.FlushDirectory(parent);
        }
        catch (NodeFileException e) when (e.IsMissing || e.Error == Errno.NotEmpty)
        {
            // Never made, or somebody else uses it by now.
        }
    }

    // Directories that are missing hold nothing to keep, undo or clean.
    private static IEnumerable<(FileChange Change, NodeDirectory Directory)> Open(Journal journal, OwnedTrees trees)
    {
        foreach (var change in journal.Changes)
        {
            NodeDirectory directory;
            try
            {
                directory = trees[change.Path].OpenDirectory(change.Path.Directory);
            }
            catch (NodeFileException e) when (e.IsMissing)
            {
                continue;
            }

            yield return (change, directory);
        }
    }

    private static byte[] Content(Journal journal, FileChange change) =>
        journal.WayBackTo?.Files.First(file => file.Path == change.Path).Content
            ?? Encoding.UTF8.GetBytes(journal.Target.Files.First(file => file.Kind == change.Kind && file.Name == change.Name).Content);

    // Hidden, short enough for every file name, and without a suffix that Podman, systemd or BlueChi look for.
    private static string Beside(OwnedPath path, string suffix) =>
        $".qm-fleet-{OwnedTrees.Digest(Encoding.UTF8.GetBytes(path.FileName))[..16]}.{suffix}";
}
