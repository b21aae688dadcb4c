using Microsoft.Win32.SafeHandles;

namespace Qm.Fleet.Agent.Files;

/// <summary>
/// The system calls the agent makes on files, one member each: what a kill can fall between, and what a test can make fail.
/// Names are single path components below an open directory. Every member throws <see cref="NodeFileException"/> on failure.
/// </summary>
internal interface ISystemCalls
{
    /// <summary>Opens below <paramref name="directory"/> as if it were the root: neither <c>..</c> nor a symbolic link leads out.</summary>
    SafeFileHandle Open(NodeDirectory directory, string path, OpenKind kind);

    /// <summary>The same, and null when what is looked for is not there: half of what a report looks for is not, and an exception costs more than the whole look.</summary>
    SafeFileHandle? TryOpen(NodeDirectory directory, string path, OpenKind kind);

    /// <summary>Creates a new empty file; fails when the name exists, be it as a dangling link.</summary>
    SafeFileHandle Create(NodeDirectory directory, string name, UnixFileMode mode);

    /// <summary>Reads into <paramref name="buffer"/> from the current position; 0 at the end.</summary>
    int Read(SafeFileHandle file, Span<byte> buffer, string path);

    /// <summary>Tells the names in an open directory, in no order.</summary>
    void List(NodeDirectory directory, bool onlyDirectories, Action<string> found);

    /// <summary>Appends all of <paramref name="content"/>.</summary>
    void Write(SafeFileHandle file, ReadOnlySpan<byte> content, string path);

    /// <summary>Forces a file's content to the disk.</summary>
    void Flush(SafeFileHandle file, string path);

    /// <summary>Forces a directory's entries to the disk.</summary>
    void FlushDirectory(NodeDirectory directory);

    /// <summary>Renames within the directory, replacing the target atomically.</summary>
    void Rename(NodeDirectory directory, string from, string to);

    /// <summary>Gives a file a second name in the same directory.</summary>
    void Link(NodeDirectory directory, string from, string to);

    /// <summary>Removes a name that is not a directory.</summary>
    void Delete(NodeDirectory directory, string name);

    /// <summary>Makes a directory.</summary>
    void MakeDirectory(NodeDirectory directory, string name, UnixFileMode mode);

    /// <summary>Removes an empty directory.</summary>
    void RemoveDirectory(NodeDirectory directory, string name);

    /// <inheritdoc cref="TreeCalls.SymbolicLink"/>
    void SymbolicLink(NodeDirectory directory, string name, string target);

    /// <inheritdoc cref="TreeCalls.HardLink"/>
    void HardLink(NodeDirectory fromDirectory, string from, NodeDirectory toDirectory, string to);

    /// <inheritdoc cref="TreeCalls.ChangeOwner"/>
    void ChangeOwner(NodeDirectory directory, string name, uint uid, uint gid);

    /// <inheritdoc cref="TreeCalls.Apply"/>
    void Apply(SafeFileHandle file, FileFacts facts, IEnumerable<KeyValuePair<string, byte[]>> attributes, string path);

    /// <inheritdoc cref="TreeCalls.FlushFileSystem"/>
    void FlushFileSystem(NodeDirectory directory);

    /// <inheritdoc cref="TreeCalls.RemoveTree"/>
    void RemoveTree(NodeDirectory directory, string name);
}

/// <summary>How something is opened.</summary>
internal enum OpenKind
{
    /// <summary>A file, for reading; symbolic links are followed below the root.</summary>
    Read,

    /// <summary>A file, for reading; a symbolic link as last component is an error.</summary>
    ReadNoFollow,

    /// <summary>A directory, for listing, flushing and as a base for further calls.</summary>
    Directory,

    /// <summary>A directory, as above, that is reached without any symbolic link on the way.</summary>
    DirectoryNoLinks,

    /// <summary>Whatever it is, without touching it: for its facts, and as what a socket is known by; symbolic links are followed below the root.</summary>
    Path,

    /// <summary>A file, for appending; a symbolic link as last component is an error.</summary>
    Append,
}

/// <summary>An open directory of the node and its path as the node sees it.</summary>
internal sealed record NodeDirectory(SafeFileHandle Handle, string Path) : IDisposable
{
    /// <summary>The path of an entry, for messages.</summary>
    public string Of(string name) => Path.EndsWith('/') ? Path + name.TrimStart('/') : $"{Path}/{name.TrimStart('/')}";

    /// <inheritdoc/>
    public void Dispose() => Handle.Dispose();
}
