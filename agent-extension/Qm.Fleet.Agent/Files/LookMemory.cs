using System.Text;

namespace Qm.Fleet.Agent.Files;

/// <summary>What one look over a root has read already. Failures are not kept: they are read again, and told again.</summary>
/// <param name="bytesMax">How much it keeps. What a root within another holds may be written by who runs in there, and must not take the agent's memory.</param>
internal sealed class LookMemory(long bytesMax = long.MaxValue) : IDisposable
{
    /// <summary>Most bytes of a root within another that one look reads.</summary>
    public const long WithinBytesMax = 4L * 1024 * 1024;

    private readonly Dictionary<(string Path, OpenKind Kind), byte[]?> _contents = [];
    private readonly Dictionary<string, string> _texts = [];
    private readonly Dictionary<(string Path, bool OnlyDirectories), IReadOnlyList<string>> _lists = [];
    private readonly Dictionary<string, NodeRoot> _roots = [];
    private readonly List<IDisposable> _opened = [];
    private long _bytes;

    /// <summary>A file's content; null when there is none.</summary>
    /// <exception cref="NodeFileException">It cannot be read, or too much was.</exception>
    public byte[]? Content(string path, OpenKind kind, Func<byte[]?> read)
    {
        if (_contents.TryGetValue((path, kind), out var known))
        {
            return known;
        }

        if (_bytes >= bytesMax)
        {
            throw new NodeFileException("read", path, Errno.TooBig, $"more than {bytesMax} bytes were read around it");
        }

        var content = read();
        _bytes += content?.Length ?? 0;
        return _contents[(path, kind)] = content;
    }

    /// <summary>What a file's content says.</summary>
    public string Text(string path, byte[] content) => _texts.TryGetValue(path, out var known) ? known : _texts[path] = Encoding.UTF8.GetString(content);

    /// <summary>The names in a directory.</summary>
    public IReadOnlyList<string> List(string path, bool onlyDirectories, Func<IReadOnlyList<string>> list) =>
        _lists.TryGetValue((path, onlyDirectories), out var known) ? known : _lists[(path, onlyDirectories)] = list();

    /// <summary>A root below, which stays open until the look is over.</summary>
    public NodeRoot Within(string path, Func<NodeDirectory> open, Func<NodeDirectory, LookMemory, NodeRoot> make)
    {
        if (!_roots.TryGetValue(path, out var root))
        {
            var (directory, memory) = (open(), new LookMemory(WithinBytesMax));
            _opened.AddRange([memory, directory]);
            _roots.Add(path, root = make(directory, memory));
        }

        return root;
    }

    /// <inheritdoc/>
    public void Dispose() => _opened.ForEach(static opened => opened.Dispose());
}
