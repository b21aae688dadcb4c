using Qm.Fleet.Agent.Files;
using Qm.Fleet.Agent.Revisions;
using Qm.Fleet.Core.Units;

namespace Qm.Fleet.Agent.Evidence;

/// <summary>The text of the qm quadlet: the main file and its drop-ins in the order in which Podman merges them.</summary>
/// <param name="main">The first qm.container on Podman's search path.</param>
/// <param name="dropIns">Those in force, in their order.</param>
internal sealed class QuadletSources(QuadletSource main, IReadOnlyList<QuadletSource> dropIns)
{
    /// <summary>The name of the quadlet.</summary>
    public const string FileName = "qm.container";

    private MergedUnit? _merged;

    /// <summary>The first qm.container on Podman's search path.</summary>
    public QuadletSource Main => main;

    /// <summary>Those in force, in their order.</summary>
    public IReadOnlyList<QuadletSource> DropIns => dropIns;

    /// <summary>Where it may lie, the strongest first.</summary>
    public static IEnumerable<string> MainPaths => UnitSearch.QuadletDirectories.Select(directory => $"{directory}/{FileName}");

    /// <summary>Reads them on a node.</summary>
    /// <exception cref="CommandRefusedException">QmNotInstalled: there is no qm.container.</exception>
    /// <exception cref="NodeFileException">A file cannot be read.</exception>
    public static QuadletSources Read(NodeRoot root)
    {
        var main = MainPaths.Select(path => ReadSource(root, path)).FirstOrDefault(source => source is not null)
            ?? throw new CommandRefusedException("QmNotInstalled", $"There is no {FileName} in {string.Join(", ", UnitSearch.QuadletDirectories)}; install QM on this node.");
        var found = UnitSearch.QuadletDropInDirectories(FileName).SelectMany(directory => root.List(directory).Select(name => $"{directory}/{name}"));
        var dropIns = UnitSearch.DropInsInForce(found, isSystemd: false).Select(path => ReadSource(root, path)).OfType<QuadletSource>();
        return new(main, [.. dropIns]);
    }

    /// <summary>The same with another content of one drop-in; null to leave it out.</summary>
    public QuadletSources WithDropIn(string path, string? content) => new(
        Main,
        [
            .. DropIns.Where(source => Path.GetFileName(source.Path) != Path.GetFileName(path))
                .Concat(content is null ? [] : [new QuadletSource(path, content)])
                .OrderBy(source => Path.GetFileName(source.Path), StringComparer.Ordinal),
        ]);

    /// <summary>Whether others are the same files with the same content.</summary>
    public bool IsSame(QuadletSources other) => Main == other.Main && DropIns.SequenceEqual(other.DropIns);

    /// <summary>Merges them, once.</summary>
    public MergedUnit Merge() => _merged ??= UnitFileMerger.Merge(
        UnitFile.Parse(Main.Text, Main.Path), DropIns.Select(source => UnitFile.Parse(source.Text, source.Path)));

    private static QuadletSource? ReadSource(NodeRoot root, string path) =>
        root.ReadText(path, StageChecks.FileBytesMax) is { } text ? new(path, text) : null;
}

/// <summary>A file of the quadlet.</summary>
/// <param name="Path">Where it lies, from the node's root.</param>
/// <param name="Text">Its content.</param>
internal sealed record QuadletSource(string Path, string Text);
