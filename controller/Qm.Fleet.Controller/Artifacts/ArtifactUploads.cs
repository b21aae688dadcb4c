using System.Globalization;
using System.Security.Cryptography;
using Google.Rpc;
using Grpc.Core;
using Qm.Fleet.Controller.Api;
using Qm.Fleet.Controller.Storage;
using Qm.Fleet.Core.Environments;
using Qm.Fleet.Core.Revisions;

namespace Qm.Fleet.Controller.Artifacts;

/// <summary>Takes archives in: room first, hashed while they are written, flushed, renamed, and only then stored as being there.</summary>
/// <param name="folder">Where the files lie.</param>
/// <param name="store">What is there.</param>
/// <param name="limits">What archives may take.</param>
/// <param name="time">Times the deadlines.</param>
internal sealed class ArtifactUploads(ArtifactFolder folder, ArtifactStore store, ArtifactLimits limits, TimeProvider time)
{
    private const int NameBytesMax = 255;
    private readonly Lock _gate = new();
    private readonly Dictionary<string, long> _running = new(StringComparer.Ordinal);

    /// <summary>What is wrong with a header, all of it; empty when nothing is.</summary>
    public IReadOnlyList<Problem> Problems(V1.PushArtifactHeader header)
    {
        var problems = new List<Problem>();
        if (new RootfsArchive("", header.Sha256).Sha256Problem() is { } problem)
        {
            problems.Add(new("header.sha256", problem));
        }
        if (header.Name is "" or "." or ".." || header.Name.Contains('/') || header.Name.Any(char.IsControl) || System.Text.Encoding.UTF8.GetByteCount(header.Name) > NameBytesMax)
        {
            problems.Add(new("header.name", $"not a file's name; expected 1 to {NameBytesMax} bytes without / and control characters, such as qm-1.4.0.tar.zst"));
        }
        if (header.SizeBytes <= 0 || header.SizeBytes > limits.ArchiveBytes)
        {
            problems.Add(new("header.size_bytes", string.Create(CultureInfo.InvariantCulture, $"{header.SizeBytes} bytes are not within 1 and {limits.ArchiveBytes}, the most that a node takes")));
        }
        if (header.OffsetBytes < 0 || header.OffsetBytes > header.SizeBytes)
        {
            problems.Add(new("header.offset_bytes", string.Create(CultureInfo.InvariantCulture, $"{header.OffsetBytes} is not within 0 and the size")));
        }
        return problems;
    }

    /// <summary>Takes one in, and ends with the archive stored.</summary>
    /// <param name="header">Without a problem.</param>
    /// <param name="pieces">Its bytes.</param>
    /// <param name="by">Who pushes.</param>
    /// <param name="ct">Ends it; what has come stays for a while.</param>
    /// <exception cref="RpcException">Why not: too much at once, no room, not at that offset, not the bytes that were announced, or not all of them.</exception>
    public async Task<StoredArtifact> ReceiveAsync(V1.PushArtifactHeader header, IAsyncStreamReader<V1.PushArtifactRequest> pieces, Origin by, CancellationToken ct)
    {
        try
        {
            Begin(header);
            try
            {
                await WriteAsync(header, pieces, ct).ConfigureAwait(false);
                folder.Complete(header.Sha256);
                return await store.AddAsync(header.Sha256, header.Name, header.SizeBytes, by, ct).ConfigureAwait(false);
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException or RpcException { StatusCode: StatusCode.InvalidArgument or StatusCode.ResourceExhausted })
            {
                // No use to anybody, or in everybody's way; whatever else ends a push, it goes on from there.
                folder.DeletePart(header.Sha256);
                throw;
            }
            finally
            {
                End(header.Sha256);
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw DiskFull(e.Message);
        }
    }

    /// <summary>Removes the file of an archive that was forgotten, unless somebody pushes it again.</summary>
    /// <param name="sha256">Its digest.</param>
    public void Discard(string sha256)
    {
        lock (_gate)
        {
            if (!_running.ContainsKey(sha256))
            {
                folder.Delete(sha256);
            }
        }
    }

    /// <summary>Removes what was cut off too long ago, and files of no archive; archives whose file is gone or damaged are told and forgotten.</summary>
    /// <param name="ct">Ends it.</param>
    public async Task SweepAsync(CancellationToken ct)
    {
        CollectParts();
        var known = store.All();
        foreach (var file in folder.Files().Where(file => !file.IsPart && RootfsSlot.IsDigest(file.Sha256) && known.All(artifact => artifact.Sha256 != file.Sha256)))
        {
            folder.Delete(file.Sha256);
        }
        foreach (var artifact in known)
        {
            if (folder.LengthOf(artifact.Sha256) is var length && length != artifact.Bytes)
            {
                var why = length is null ? "its file is gone" : string.Create(CultureInfo.InvariantCulture, $"its file has {length} bytes instead of {artifact.Bytes}");
                await store.LoseAsync(artifact, why, ct).ConfigureAwait(false);
                folder.Delete(artifact.Sha256);
            }
        }
    }

    // Whoever begins has its room; the files of others that are still growing count as if they were whole.
    private void Begin(V1.PushArtifactHeader header)
    {
        lock (_gate)
        {
            if (_running.ContainsKey(header.Sha256))
            {
                throw Failures.Make(Code.Aborted, "BUSY", $"{header.Sha256} is being pushed already. Wait until that has ended.");
            }
            if (_running.Count >= limits.Pushes)
            {
                throw Failures.Make(Code.ResourceExhausted, "TOO_MANY_PUSHES", $"{limits.Pushes} archives are being pushed already. Push again in a minute.");
            }
            CollectParts();
            CheckRoom(header);
            _running.Add(header.Sha256, header.SizeBytes);
        }
    }

    private void End(string sha256)
    {
        lock (_gate)
        {
            _running.Remove(sha256);
        }
    }

    private void CheckRoom(V1.PushArtifactHeader header)
    {
        var others = folder.Files().Where(file => file.Sha256 != header.Sha256).ToList();
        if (others.Count(static file => !file.IsPart) >= limits.Count)
        {
            throw Failures.Make(Code.ResourceExhausted, "NO_ROOM", $"{limits.Count} archives are the most that are kept. Delete some: qmfleet artifact list shows which nobody uses.");
        }
        var taken = others.Sum(file => Math.Max(file.Bytes, file.IsPart ? _running.GetValueOrDefault(file.Sha256) : 0));
        if (taken + header.SizeBytes > limits.TotalBytes)
        {
            throw Failures.Make(
                Code.ResourceExhausted, "NO_ROOM", string.Create(CultureInfo.InvariantCulture,
                $"The archive has {header.SizeBytes} bytes, and of the {limits.TotalBytes} that all archives may take {taken} are taken. ")
                + "Delete some: qmfleet artifact list shows which nobody uses; or start the controller with a larger --artifact-space.");
        }
        var promised = others.Sum(file => file.IsPart ? Math.Max(_running.GetValueOrDefault(file.Sha256) - file.Bytes, 0) : 0);
        CheckDisk(header.SizeBytes - header.OffsetBytes + promised);
    }

    private void CheckDisk(long bytes)
    {
        if (folder.FreeBytes() - limits.ReserveBytes is var free && bytes > free)
        {
            throw DiskFull(string.Create(CultureInfo.InvariantCulture, $"{bytes} bytes are still to come, and {Math.Max(free, 0)} are free besides the {limits.ReserveBytes} that stay free."));
        }
    }

    private async Task WriteAsync(V1.PushArtifactHeader header, IAsyncStreamReader<V1.PushArtifactRequest> pieces, CancellationToken ct)
    {
        using var digest = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        await using var file = folder.OpenPart(header.Sha256, isNew: header.OffsetBytes == 0);
        if (file.Length != header.OffsetBytes)
        {
            throw Failures.Make(Code.Aborted, "OTHER_OFFSET", string.Create(CultureInfo.InvariantCulture, $"{file.Length} bytes of it are here and not {header.OffsetBytes}. Ask for GetUpload and push again."));
        }
        await HashAsync(file, digest, ct).ConfigureAwait(false);
        while (await NextAsync(pieces, file.Length, header.SizeBytes, ct).ConfigureAwait(false))
        {
            if (pieces.Current.PartCase != V1.PushArtifactRequest.PartOneofCase.Data)
            {
                throw Failures.Invalid("header", "only the first message has one; the others hold data");
            }
            var data = pieces.Current.Data.Memory;
            if (file.Length + data.Length > header.SizeBytes)
            {
                throw Failures.Invalid("data", string.Create(CultureInfo.InvariantCulture, $"more comes than the {header.SizeBytes} bytes that were announced"));
            }
            CheckDisk(data.Length);
            digest.AppendData(data.Span);
            await file.WriteAsync(data, ct).ConfigureAwait(false);
            await file.FlushAsync(ct).ConfigureAwait(false);
        }
        if (file.Length < header.SizeBytes)
        {
            throw Failures.Make(Code.Aborted, "INCOMPLETE", string.Create(CultureInfo.InvariantCulture, $"{file.Length} of {header.SizeBytes} bytes came. Push again, it goes on from there."));
        }
        if (Convert.ToHexStringLower(digest.GetHashAndReset()) is var found && found != header.Sha256)
        {
            throw Failures.Invalid("header.sha256", $"the bytes that came have the digest {found}; the file changed while it was pushed, or the digest is another file's");
        }
        file.Flush(flushToDisk: true);
    }

    // What came before is read again: its digest was in the memory of a process that may be gone.
    private static async Task HashAsync(FileStream file, IncrementalHash digest, CancellationToken ct)
    {
        var buffer = new byte[128 * 1024];
        while (await file.ReadAsync(buffer, ct).ConfigureAwait(false) is > 0 and var count)
        {
            digest.AppendData(buffer, 0, count);
        }
    }

    private async Task<bool> NextAsync(IAsyncStreamReader<V1.PushArtifactRequest> pieces, long have, long all, CancellationToken ct)
    {
        try
        {
            return await pieces.MoveNext(ct).WaitAsync(limits.PushStall, time, ct).ConfigureAwait(false);
        }
        catch (TimeoutException)
        {
            throw Failures.Make(Code.Aborted, "INCOMPLETE", string.Create(CultureInfo.InvariantCulture, $"Nothing came for {limits.PushStall.TotalSeconds:0.#} s, at {have} of {all} bytes. Push again, it goes on from there."));
        }
        catch (IOException e)
        {
            throw Failures.Make(Code.Cancelled, "CANCELLED", $"The client went away: {e.Message}");
        }
    }

    private void CollectParts()
    {
        var now = time.GetUtcNow();
        foreach (var file in folder.Files().Where(file => file.IsPart && now - file.WrittenAt > limits.PartAge && !_running.ContainsKey(file.Sha256)))
        {
            folder.DeletePart(file.Sha256);
        }
    }

    private static RpcException DiskFull(string why) => Failures.Make(
        Code.ResourceExhausted, "DISK_FULL", $"The archive cannot be written to the controller's state folder: {why.TrimEnd('.')}. Make room there. Nothing of the archive was kept.");
}
