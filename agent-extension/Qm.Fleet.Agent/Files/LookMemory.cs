using System.Text;

namespace Qm.Fleet.Agent.Files;

/// <summary>What one look over a root has read already. Failures are not kept: they are read again, and told again.</summary>
internal sealed class LookMemory : IDisposable
{
    private readonly Dictionary<(string Path, OpenKind Kind), byte[]?> _contents = [];
    private readonly Dictionary<string, string> _texts = [];
    private readonly Dictionary<(string Path, bool OnlyDirectories), IReadOnlyList<string>> _lists = [];
    private readonly Dictionary<string, NodeRoot> _roots = [];
    private readonly List<IDisposable> _opened = [];

    /// <summary>A file's content; null when there is none.</summary>
    public byte[]? Content(string path, OpenKind kind, Func<byte[]?> read) =>
        _contents.TryGetValue((path, kind), out var known) ? known : _contents[(path, kind)] = read();

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
            var (directory, memory) = (open(), new LookMemory());
            _opened.AddRange([memory, directory]);
            _roots.Add(path, root = make(directory, memory));
        }

        return root;
    }

    /// <inheritdoc/>
    public void Dispose() => _opened.ForEach(static opened => opened.Dispose());
}
