using Qm.Fleet.Controller.Security;

namespace Qm.Fleet.Controller.Artifacts;

/// <summary>The calls that change the folder of the archives, one member each: what a kill can fall between, and what a test can make fail.</summary>
/// <remarks>Every member throws <see cref="IOException"/> or <see cref="UnauthorizedAccessException"/> when the disk refuses.</remarks>
internal interface IFolderCalls
{
    /// <summary>Makes a folder of mode 0700, and its parents; one that is there stays as it is.</summary>
    void Create(string folder);

    /// <summary>Opens a file; what is written to it is a call each, too.</summary>
    FileStream Open(string path, FileStreamOptions options);

    /// <summary>Renames within a folder, replacing what is there.</summary>
    void Rename(string from, string to);

    /// <summary>Removes a file; one that is not there is no error.</summary>
    void Delete(string path);

    /// <summary>Makes the names in a folder durable.</summary>
    void Flush(string folder);
}

/// <inheritdoc/>
internal sealed class FolderCalls : IFolderCalls
{
    /// <inheritdoc/>
    public void Create(string folder) => DurableFolder.Create(folder);

    /// <inheritdoc/>
    public FileStream Open(string path, FileStreamOptions options) => new(path, options);

    /// <inheritdoc/>
    public void Rename(string from, string to) => File.Move(from, to, overwrite: true);

    /// <inheritdoc/>
    public void Delete(string path) => File.Delete(path);

    /// <inheritdoc/>
    public void Flush(string folder) => DurableFolder.Flush(folder);
}
