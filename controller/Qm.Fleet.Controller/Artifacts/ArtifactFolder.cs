namespace Qm.Fleet.Controller.Artifacts;

/// <summary>The files of the archives: <c>artifacts/&lt;sha256&gt;</c> for a whole one, <c>&lt;sha256&gt;.part</c> for one on its way.</summary>
/// <remarks>Every digest that comes here has been checked to be one: it names a file.</remarks>
/// <param name="state">The state folder.</param>
/// <param name="freeBytes">What is free on the file system of a folder; the argument is its path.</param>
/// <param name="calls">What changes it.</param>
internal sealed class ArtifactFolder(string state, Func<string, long> freeBytes, IFolderCalls calls)
{
    private const string PartEnding = ".part";
    private const int BufferBytes = 128 * 1024;
    private readonly string _folder = Path.Combine(state, "artifacts");

    /// <summary>What is free on its file system, bytes.</summary>
    public long FreeBytes()
    {
        calls.Create(_folder);
        return freeBytes(_folder);
    }

    /// <summary>Size of a whole archive; null when there is none.</summary>
    public long? LengthOf(string sha256) => Length(Whole(sha256));

    /// <summary>How much of an archive is on its way; 0 for nothing.</summary>
    public long PartLengthOf(string sha256) => Length(Part(sha256)) ?? 0;

    /// <summary>All files: the digest, whether it is a part, its size and when it was last written.</summary>
    public IReadOnlyList<(string Sha256, bool IsPart, long Bytes, DateTimeOffset WrittenAt)> Files()
    {
        calls.Create(_folder);
        return
        [
            .. new DirectoryInfo(_folder).EnumerateFiles().Select(static file => (
                Path.GetFileNameWithoutExtension(file.Name), file.Extension == PartEnding, file.Length, new DateTimeOffset(file.LastWriteTimeUtc, TimeSpan.Zero))),
        ];
    }

    /// <summary>Opens a part to go on with it, or an empty one.</summary>
    /// <param name="sha256">The digest of the whole.</param>
    /// <param name="isNew">Whether to begin anew.</param>
    public FileStream OpenPart(string sha256, bool isNew)
    {
        calls.Create(_folder);
        return calls.Open(Part(sha256), new FileStreamOptions
        {
            Mode = isNew ? FileMode.Create : FileMode.OpenOrCreate,
            Access = FileAccess.ReadWrite,
            Share = FileShare.Read,
            BufferSize = BufferBytes,
            Options = FileOptions.Asynchronous,
            UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite,
        });
    }

    /// <summary>Opens a whole archive.</summary>
    /// <exception cref="FileNotFoundException">There is none.</exception>
    public FileStream Read(string sha256) =>
        new(Whole(sha256), new FileStreamOptions { Share = FileShare.Read | FileShare.Delete, BufferSize = 0, Options = FileOptions.Asynchronous | FileOptions.SequentialScan });

    /// <summary>Makes a part, which is flushed and closed, the whole.</summary>
    public void Complete(string sha256)
    {
        calls.Rename(Part(sha256), Whole(sha256));
        calls.Flush(_folder);
        // The folder itself may be as new as its first file.
        calls.Flush(state);
    }

    /// <summary>Removes a whole archive; one that is being read is read to its end.</summary>
    public void Delete(string sha256) => calls.Delete(Whole(sha256));

    /// <summary>Removes what is on its way.</summary>
    public void DeletePart(string sha256) => calls.Delete(Part(sha256));

    private static long? Length(string path) => new FileInfo(path) is { Exists: true } file ? file.Length : null;

    private string Whole(string sha256) => Path.Combine(_folder, sha256);

    private string Part(string sha256) => Path.Combine(_folder, sha256 + PartEnding);
}
