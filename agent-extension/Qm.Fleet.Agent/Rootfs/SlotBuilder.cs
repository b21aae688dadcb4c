using System.Security.Cryptography;
using Qm.Fleet.Agent.Configuration;
using Qm.Fleet.Agent.Files;
using Qm.Fleet.Agent.Labels;
using Qm.Fleet.Agent.Revisions;
using Qm.Fleet.Core.Environments;
using Phase = Qm.Fleet.V1.RootfsFetch.Types.Phase;

namespace Qm.Fleet.Agent.Rootfs;

/// <summary>
/// Makes one slot: looks for space, downloads, checks the digest, looks through the whole archive, unpacks beside, labels, flushes, renames. A kill anywhere
/// leaves a complete slot, or names without meaning that <see cref="SlotDirectory.Collect"/> removes, and a download that goes on.
/// </summary>
/// <param name="root">The node.</param>
/// <param name="options">Whom to trust.</param>
/// <param name="limits">What a rootfs may take.</param>
/// <param name="freeBytes">What is free on the file system of an open directory of this machine; the argument is its path.</param>
/// <param name="time">Times the deadlines.</param>
/// <param name="labels">Gives it its SELinux labels; null to leave them as they come.</param>
internal sealed class SlotBuilder(
    NodeRoot root, AgentOptions options, RootfsLimits limits, Func<string, long> freeBytes, TimeProvider time, FileLabels? labels = null)
{
    private readonly SlotDirectory _directory = new(root);

    /// <summary>Makes the slot of an archive, unless it is complete.</summary>
    /// <exception cref="CommandRefusedException">
    /// ArchiveUnavailable, CertificateRefused, NoSpace, DigestMismatch, ArchiveDamaged, ArchiveRefused, RootfsMissing or NotLabelled. Nothing is left behind, except a
    /// download that can go on.
    /// </exception>
    /// <exception cref="NodeFileException">The disk refused; nothing is left behind.</exception>
    public async Task BuildAsync(RootfsArchive archive, Action<FetchStatus> progress, CancellationToken cancellationToken)
    {
        if (_directory.Has(archive.Sha256))
        {
            return;
        }

        using var slots = _directory.Open();
        using var part = new PartFile(slots, archive.Sha256 + SlotDirectory.Part);
        try
        {
            await DownloadAsync(archive, slots, part, progress, cancellationToken).ConfigureAwait(false);
            Unpack(archive, slots, part, progress, cancellationToken);
            await CompleteAsync(archive.Sha256, slots, cancellationToken).ConfigureAwait(false);
        }
        catch (CommandRefusedException e) when (e.Reason is "ArchiveUnavailable" or "CertificateRefused")
        {
            throw;
        }
        catch (Exception e) when (e is CommandRefusedException or IOException or UnauthorizedAccessException)
        {
            labels?.Keep(_directory.Slots);
            SlotDirectory.RemoveTree(slots, archive.Sha256 + SlotDirectory.Partial);
            part.Delete();
            throw;
        }

        part.Delete();
    }

    /// <summary>The refusal for want of space.</summary>
    internal static CommandRefusedException NoSpace(string what, long needed, long free, long reserve) => new("NoSpace",
        $"{what} needs {needed} bytes, and {Math.Max(free, 0)} are free on the file system of {Core.Revisions.RootfsSlot.Directory} besides the {reserve} that stay free; make room there.");

    private async Task DownloadAsync(RootfsArchive archive, NodeRoot slots, PartFile part, Action<FetchStatus> progress, CancellationToken cancellationToken)
    {
        var download = new ArchiveDownload(root, options, part, limits, () => Free(slots), time);
        while (true)
        {
            progress(new(archive.Sha256, Phase.Download, part.Length));
            var before = part.Length;
            try
            {
                await download.RunAsync(archive, (done, total) => progress(new(archive.Sha256, Phase.Download, done, total)), cancellationToken).ConfigureAwait(false);
            }
            catch (CommandRefusedException e) when (e.Reason == "ArchiveUnavailable" && part.Length - before >= limits.ResumeBytes)
            {
                // Cut off on the way: worth going on at once, as often as enough has come.
                await Task.Delay(limits.ResumePause, time, cancellationToken).ConfigureAwait(false);
                continue;
            }

            if (await DigestAsync(part, archive.Sha256, progress, cancellationToken).ConfigureAwait(false) is var found && found == archive.Sha256)
            {
                return;
            }

            // The beginning may be of another file that was there before.
            if (!part.WasResumed)
            {
                throw new CommandRefusedException("DigestMismatch",
                    $"{Source(archive)} has {part.Length} bytes with SHA-256 {found}, wanted is {archive.Sha256}; nothing was unpacked. Correct the digest or the archive.");
            }

            part.Restart();
        }
    }

    private static async Task<string> DigestAsync(PartFile part, string sha256, Action<FetchStatus> progress, CancellationToken cancellationToken)
    {
        using var digest = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        await using var file = part.Read();
        var buffer = new byte[128 * 1024];
        while (await file.ReadAsync(buffer, cancellationToken).ConfigureAwait(false) is > 0 and var count)
        {
            digest.AppendData(buffer, 0, count);
            progress(new(sha256, Phase.Digest, file.Position, part.Length));
        }

        return Convert.ToHexStringLower(digest.GetHashAndReset());
    }

    private void Unpack(RootfsArchive archive, NodeRoot slots, PartFile part, Action<FetchStatus> progress, CancellationToken cancellationToken)
    {
        ArchiveSurvey survey;
        using (var stream = Open(Phase.Survey))
        {
            survey = ArchiveSurvey.Read(stream, limits);
        }

        if (Free(slots) - limits.ReserveBytes is var free && survey.DiskBytes > free)
        {
            throw NoSpace("The rootfs", survey.DiskBytes, free, limits.ReserveBytes);
        }

        using (var tree = SlotDirectory.Begin(slots, archive.Sha256))
        using (var unpacker = new ArchiveUnpacker(tree))
        using (var stream = Open(Phase.Unpack))
        {
            unpacker.Run(stream);
            if (!StageChecks.HoldsInit(tree))
            {
                throw new CommandRefusedException("RootfsMissing",
                    $"{Source(archive)} holds neither sbin/init nor usr/lib/systemd/systemd, so QM cannot start from it; " +
                    "its top directory must be the rootfs itself.");
            }
        }

        ArchiveStream Open(Phase phase) => new(
            part.Read(), limits, position => progress(new(archive.Sha256, phase, position, part.Length)), cancellationToken);
    }

    // The labels go to the disk with everything else, before the slot has its name.
    private async Task CompleteAsync(string sha256, NodeRoot slots, CancellationToken cancellationToken)
    {
        if (labels is not null)
        {
            await labels.LabelAsync(sha256, _directory.Slots, cancellationToken).ConfigureAwait(false);
        }

        SlotDirectory.Complete(slots, sha256);
        labels?.Keep(_directory.Slots);
    }

    private static string Source(RootfsArchive archive) => archive.IsOfController ? $"Archive {archive.Sha256} of the controller" : AllowList.Printable($"{archive.Url}");

    private long Free(NodeRoot slots)
    {
        using var directory = slots.OpenDirectory("/");
        return freeBytes($"/proc/self/fd/{directory.Handle.DangerousGetHandle()}");
    }
}
