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

    /// <summary>The most names of a directory that are listed: more are a <see cref="NodeFileException"/> with reason FileTooBig.</summary>
    public const int NamesMax = 100_000;

    private const int BufferBytes = 4096;

    private readonly NodeDirectory _directory;
    private readonly IDisposable? _owned;
    private readonly LookMemory? _memory;

    private NodeRoot(NodeDirectory directory, ISystemCalls calls, IDisposable? owned, LookMemory? memory = null) =>
        (_directory, Calls, _owned, _memory) = (directory, calls, owned, memory);

    /// <summary>The system calls on this root's files.</summary>
    public ISystemCalls Calls { get; }

    /// <summary>Opens a directory of the machine as a root.</summary>
    /// <exception cref="NodeFileException">It does not exist, is no directory, or the kernel is older than 5.6.</exception>
    public static NodeRoot Open(string directory, ISystemCalls? calls = null)
    {
        var root = LinuxSystemCalls.OpenRoot(directory);
        return new(root, calls ?? new LinuxSystemCalls(), root);
    }

    /// <summary>
    /// This root for one look over the node: what was read or listed once is answered the same again, so that all parts of a report speak of the same
    /// files. Not safe for concurrent use; disposed when the look is over, together with every root within it.
    /// </summary>
    public NodeRoot ForOneLook()
    {
        var memory = new LookMemory();
        return new(_directory, Calls, memory, memory);
    }

    /// <summary>A directory below this root as a root of its own, so that nothing planted inside it leads to its outside.</summary>
    /// <exception cref="NodeFileException">It is missing or no directory.</exception>
    public NodeRoot Within(string path)
    {
        if (_memory is not null)
        {
            return _memory.Within(path, () => OpenDirectory(path), (directory, memory) => new(directory, Calls, owned: null, memory));
        }

        var directory = OpenDirectory(path);
        return new(directory, Calls, directory);
    }

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
        var content = _memory is null ? ReadNow(path, kind, limit) : _memory.Content(path, kind, () => ReadNow(path, kind, limit));
        return content?.Length > limit ? throw TooBig(path, limit) : content;
    }

    /// <summary>The text of a file, or null when there is none; bytes that are not UTF-8 become U+FFFD.</summary>
    /// <exception cref="NodeFileException">It is there but cannot be read.</exception>
    public string? ReadText(string path, int limit = MaxBytes) => ReadBytes(path, limit: limit) is not { } bytes ? null
        : _memory is null ? Encoding.UTF8.GetString(bytes) : _memory.Text(path, bytes);

    /// <summary>The names in a directory, in C-locale order; none when the directory is missing.</summary>
    /// <exception cref="NodeFileException">It is there but cannot be listed.</exception>
    public IReadOnlyList<string> List(string path) => List(path, onlyDirectories: false);

    /// <summary>The names of the directories in a directory, in C-locale order; none when it is missing.</summary>
    /// <exception cref="NodeFileException">It is there but cannot be listed.</exception>
    public IReadOnlyList<string> Directories(string path) => List(path, onlyDirectories: true);

    /// <inheritdoc/>
    public void Dispose() => _owned?.Dispose();

    private byte[]? ReadNow(string path, OpenKind kind, int limit)
    {
        try
        {
            using var file = Calls.TryOpen(_directory, Relative(path), kind);
            if (file is null)
            {
                return null;
            }

            // Most files fit.
            Span<byte> buffer = stackalloc byte[BufferBytes];
            var count = Fill(file, buffer, path);
            if (count < buffer.Length)
            {
                return buffer[..count].ToArray();
            }

            using var content = new MemoryStream();
            for (; count > 0; count = Fill(file, buffer, path))
            {
                content.Write(buffer[..count]);
                if (content.Length > limit)
                {
                    throw TooBig(path, limit);
                }
            }

            return content.ToArray();
        }
        catch (NodeFileException e) when (e.IsMissing)
        {
            return null;
        }
    }

    // The kernel may give the lines of its own files one by one.
    private int Fill(SafeFileHandle file, Span<byte> buffer, string path)
    {
        var filled = 0;
        while (filled < buffer.Length && Calls.Read(file, buffer[filled..], _directory.Of(path)) is > 0 and var count)
        {
            filled += count;
        }

        return filled;
    }

    private NodeFileException TooBig(string path, int limit) => new("read", _directory.Of(path), Errno.TooBig, $"it is larger than {limit} bytes");

    private IReadOnlyList<string> List(string path, bool onlyDirectories) =>
        _memory is null ? ListNow(path, onlyDirectories) : _memory.List(path, onlyDirectories, () => ListNow(path, onlyDirectories));

    private string[] ListNow(string path, bool onlyDirectories)
    {
        try
        {
            if (Calls.TryOpen(_directory, Relative(path), OpenKind.Directory) is not { } found)
            {
                return [];
            }

            using var directory = new NodeDirectory(found, _directory.Of(path));
            List<string> names = [];
            Calls.List(directory, onlyDirectories, name =>
            {
                if (names.Count == NamesMax)
                {
                    throw new NodeFileException("list", directory.Path, Errno.TooBig, $"it holds more than {NamesMax} names");
                }

                names.Add(name);
            });
            names.Sort(string.CompareOrdinal);
            return [.. names];
        }
        catch (NodeFileException e) when (e.IsMissing)
        {
            return [];
        }
    }

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
