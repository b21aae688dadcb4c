using Qm.Fleet.Agent.Files;
using Qm.Fleet.Core.BlueChiConf;

namespace Qm.Fleet.Agent.Evidence;

/// <summary>How much of a program's configuration is looked at. What is more is told as unknown: of a part, the last file would be another one.</summary>
internal static class ConfFiles
{
    /// <summary>Most files of a directory.</summary>
    public const int FilesMax = 400;

    /// <summary>Most bytes of a file; of a larger one nothing is read.</summary>
    public const int FileBytesMax = 256 * 1024;

    /// <summary>Most bytes of all files of a directory together.</summary>
    public const int DirectoryBytesMax = 4 * 1024 * 1024;

    /// <summary>The names of a directory's <c>.conf</c> files in C-locale order; none when it is missing.</summary>
    /// <param name="tree">What the directory lies below.</param>
    /// <param name="at">Where that is, from the node's root.</param>
    /// <param name="directory">The directory, from there.</param>
    /// <exception cref="NodeFileException">It cannot be listed, or holds more than <see cref="FilesMax"/>.</exception>
    public static IReadOnlyList<string> Names(NodeRoot tree, string at, string directory)
    {
        string[] names = [.. tree.List(directory).Where(name => name.EndsWith(".conf", StringComparison.Ordinal))];
        return names.Length <= FilesMax ? names : throw new NodeFileException("read", at + directory, Errno.TooBig, $"it holds {names.Length} files, and {FilesMax} are read");
    }

    /// <summary>A file of BlueChi's; null when it is missing.</summary>
    /// <param name="tree">What it lies below.</param>
    /// <param name="at">Where that is, from the node's root.</param>
    /// <param name="path">The file, from there, without a slash before it.</param>
    /// <exception cref="NodeFileException">It cannot be read.</exception>
    public static ConfFile? Read(NodeRoot tree, string at, string path) =>
        tree.ReadBytes($"/{path}", limit: FileBytesMax) is { } content ? new($"{at}/{path}", content) : null;

    /// <summary>The drop-ins of a directory of BlueChi's; none when it is missing.</summary>
    /// <param name="tree">What it lies below.</param>
    /// <param name="at">Where that is, from the node's root.</param>
    /// <param name="directory">The directory, from there, without a slash before it.</param>
    /// <exception cref="NodeFileException">It, or a file of it, cannot be read, or all of them are more than <see cref="DirectoryBytesMax"/>.</exception>
    public static IEnumerable<ConfFile> DropIns(NodeRoot tree, string at, string directory)
    {
        var bytes = 0;
        foreach (var file in Names(tree, at, $"/{directory}").Select(name => Read(tree, at, $"{directory}/{name}")).OfType<ConfFile>())
        {
            bytes += file.Content.Length;
            yield return bytes <= DirectoryBytesMax ? file
                : throw new NodeFileException("read", $"{at}/{directory}", Errno.TooBig, $"its files have more than the {DirectoryBytesMax} bytes that are read");
        }
    }
}
