using System.Text;
using Microsoft.Win32.SafeHandles;

namespace Qm.Fleet.Agent.Files;

/// <summary>
/// A directory that is <c>/</c> to everything below it: the machine's own root, an emulated node's, or the <c>/etc</c> of QM.
/// Every file the agent reads or writes is reached through one. Paths are absolute; <c>..</c> and symbolic links resolve inside.
/// </summary>
internal sealed class NodeRoot : IDisposable
{
    /// <summary>The most of a file that is read: larger ones are a <see cref="NodeFileException"/> with reason FileTooBig.</summary>
    public const int MaxBytes = 64 * 1024 * 1024;

    private readonly NodeDirectory _directory;

    private NodeRoot(NodeDirectory directory, ISystemCalls calls) => (_directory, Calls) = (directory, calls);

    /// <summary>The system calls on this root's files.</summary>
    public ISystemCalls Calls { get; }

    /// <summary>Opens a directory of the machine as a root.</summary>
    /// <exception cref="NodeFileException">It does not exist, is no directory, or the kernel is older than 5.6.</exception>
    public static NodeRoot Open(string directory, ISystemCalls? calls = null) =>
        new(LinuxSystemCalls.OpenRoot(directory), calls ?? new LinuxSystemCalls());

    /// <summary>A directory below this root as a root of its own, so that nothing planted inside it leads to its outside.</summary>
    /// <exception cref="NodeFileException">It is missing or no directory.</exception>
    public NodeRoot Within(string path) => new(OpenDirectory(path), Calls);

    /// <summary>Opens a directory.</summary>
    /// <exception cref="NodeFileException">It is missing or no directory.</exception>
    public NodeDirectory OpenDirectory(string path, OpenKind kind = OpenKind.Directory) => new(Calls.Open(_directory, Relative(path), kind), _directory.Of(path));

    /// <summary>Opens whatever is there, be it a socket, only to look at it or to be connected to.</summary>
    /// <exception cref="NodeFileException">It is missing, or the way there is barred.</exception>
    public SafeFileHandle OpenPath(string path) => Calls.Open(_directory, Relative(path), OpenKind.Path);

    /// <summary>Opens a file for reading, such that reading it never waits.</summary>
    /// <exception cref="NodeFileException">It is missing or may not be read.</exception>
    public SafeFileHandle OpenFile(string path) => Calls.Open(_directory, Relative(path), OpenKind.Read);

    /// <summary>Whether something is there: file, directory or what a link leads to.</summary>
    public bool Exists(string path)
    {
        using var found = Calls.TryOpen(_directory, Relative(path), OpenKind.Read);
        return found is not null;
    }

    /// <summary>A path with every link on the way to its last component resolved, and of a directory that one, too; null when it is missing.</summary>
    /// <exception cref="NodeFileException">It is there but cannot be looked at.</exception>
    public string? Resolve(string path)
    {
        try
        {
            using var directory = OpenDirectory(path);
            return RealPath(directory);
        }
        catch (NodeFileException e) when (e.IsMissing && Path.GetDirectoryName(path.TrimEnd('/')) is { Length: > 0 } parent)
        {
            // No directory: a file or a socket, which cannot be opened without touching it.
            var name = Path.GetFileName(path.TrimEnd('/'));
            return List(parent).Contains(name) ? $"{Resolve(parent)?.TrimEnd('/')}/{name}" : null;
        }
        catch (NodeFileException e) when (e.IsMissing)
        {
            return null;
        }
    }

    /// <summary>What a path leads to, and its path with every link resolved; null when it is missing.</summary>
    /// <exception cref="NodeFileException">It is there but cannot be looked at.</exception>
    public (string RealPath, FileFacts Facts)? Look(string path)
    {
        try
        {
            if (Calls.TryOpen(_directory, Relative(path), OpenKind.Path) is not { } file)
            {
                return null;
            }

            using var found = new NodeDirectory(file, _directory.Of(path));
            return (RealPath(found), TreeCalls.Look(found.Handle, found.Path));
        }
        catch (NodeFileException e) when (e.IsMissing)
        {
            return null;
        }
    }

    /// <summary>The content of a file, or null when there is none.</summary>
    /// <exception cref="NodeFileException">It is there but cannot be read.</exception>
    public byte[]? ReadBytes(string path, OpenKind kind = OpenKind.Read, int limit = MaxBytes)
    {
        try
        {
            using var file = Calls.TryOpen(_directory, Relative(path), kind);
            if (file is null)
            {
                return null;
            }

            using var content = new MemoryStream();
            Span<byte> buffer = stackalloc byte[4096];
            while (Calls.Read(file, buffer, _directory.Of(path)) is > 0 and var count)
            {
                content.Write(buffer[..count]);
                if (content.Length > limit)
                {
                    throw new NodeFileException("read", _directory.Of(path), Errno.TooBig, $"it is larger than {limit} bytes");
                }
            }

            return content.ToArray();
        }
        catch (NodeFileException e) when (e.IsMissing)
        {
            return null;
        }
    }

    /// <summary>The text of a file, or null when there is none; bytes that are not UTF-8 become U+FFFD.</summary>
    /// <exception cref="NodeFileException">It is there but cannot be read.</exception>
    public string? ReadText(string path, int limit = MaxBytes) => ReadBytes(path, limit: limit) is { } bytes ? Encoding.UTF8.GetString(bytes) : null;

    /// <summary>The names in a directory, in C-locale order; none when the directory is missing.</summary>
    /// <exception cref="NodeFileException">It is there but cannot be listed.</exception>
    public IReadOnlyList<string> List(string path)
    {
        try
        {
            if (Calls.TryOpen(_directory, Relative(path), OpenKind.Directory) is not { } found)
            {
                return [];
            }

            using var directory = new NodeDirectory(found, _directory.Of(path));
            // The kernel's name for the open directory: what is listed is what was resolved, whatever moved since.
            var names = Directory.EnumerateFileSystemEntries($"/proc/self/fd/{directory.Handle.DangerousGetHandle()}")
                .Select(entry => Path.GetFileName(entry)).ToArray();
            Array.Sort(names, string.CompareOrdinal);
            return names;
        }
        catch (DirectoryNotFoundException)
        {
            return [];
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _directory.Dispose();

    // The kernel's names for two open directories: what of the one is left after the other is the path below this root.
    private string RealPath(NodeDirectory directory)
    {
        var (mine, its) = (Name(_directory), Name(directory));
        var below = mine == "/" ? its : its[Math.Min(mine.Length, its.Length)..];
        return below.Length == 0 ? "/" : below;

        static string Name(NodeDirectory directory) => new FileInfo($"/proc/self/fd/{directory.Handle.DangerousGetHandle()}").LinkTarget ?? "";
    }

    private static string Relative(string path) => path.TrimStart('/') is { Length: > 0 } relative ? relative : ".";
}
