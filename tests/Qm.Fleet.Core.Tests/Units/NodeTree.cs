using CsCheck;

namespace Qm.Fleet.Core.Tests.Units;

/// <summary>Files of a node below a directory of the test's own, for programs that read them.</summary>
internal sealed class NodeTree : IDisposable
{
    private readonly DirectoryInfo _root = Directory.CreateTempSubdirectory("qm-fleet-tree-");

    /// <summary>The directory, without a slash at its end.</summary>
    public string Root => _root.FullName;

    public string Of(string path) => Root + path;

    /// <summary>A path of the tree as the node has it.</summary>
    public string Told(string path) => path.StartsWith(Root, StringComparison.Ordinal) ? path[Root.Length..] : path;

    /// <summary>Writes a file; null makes it a link to /dev/null.</summary>
    public void Write(string path, string? content)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(Of(path))!);
        if (content is null)
        {
            File.CreateSymbolicLink(Of(path), "/dev/null");
        }
        else
        {
            File.WriteAllText(Of(path), content);
        }
    }

    /// <summary>Every file of some directories, in their order.</summary>
    public IEnumerable<string> List(IEnumerable<string> directories) => directories
        .Where(directory => Directory.Exists(Of(directory)))
        .SelectMany(directory => Directory.GetFiles(Of(directory)).Select(Told));

    public void Dispose() => _root.Delete(recursive: true);

    /// <summary>Drop-ins in some of the directories: few names, so that they meet; names that do not count among them; one in six is a mask.</summary>
    public static Gen<(string Path, bool IsMask)[]> DropIns(IEnumerable<string> directories, params string[] names) =>
        Gen.Select(Gen.OneOf(directories.ToArray()), Gen.OneOf(names), Gen.Int[0, 5]).Select((directory, name, mask) => (Path: $"{directory}/{name}", IsMask: mask == 0))
            .Array[0, 12].Select(files => files.DistinctBy(file => file.Path).ToArray());
}
