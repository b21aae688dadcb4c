namespace Qm.Fleet.Lab.Processes;

/// <summary>What the agent extensions may write, as it lies on the nodes: a file that is written again differs, even with the same content.</summary>
internal sealed class OwnedFiles
{
    private static readonly string[] Directories = ["etc", "var/lib/qm-fleet"];
    private readonly Dictionary<string, (DateTime Written, long Length)> _files;

    private OwnedFiles(Dictionary<string, (DateTime, long)> files) => _files = files;

    /// <summary>Looks at <c>/etc</c> and the extension's own memory on every node.</summary>
    public static OwnedFiles Of(IEnumerable<string> roots) => new(roots
        .SelectMany(root => Directories.Select(directory => Path.Combine(root, directory))).Where(Directory.Exists)
        .SelectMany(directory => new DirectoryInfo(directory).EnumerateFiles("*", SearchOption.AllDirectories))
        .ToDictionary(file => file.FullName, file => (file.LastWriteTimeUtc, file.Length)));

    /// <summary>Files that were written, added or removed since an earlier look.</summary>
    public IReadOnlyList<string> ChangesSince(OwnedFiles earlier) =>
        [.. _files.Keys.Union(earlier._files.Keys).Where(path => !_files.TryGetValue(path, out var now) || !earlier._files.TryGetValue(path, out var then) || now != then)
            .Order(StringComparer.Ordinal)];
}
