using Qm.Fleet.Agent.Evidence;
using Qm.Fleet.Agent.Files;
using Qm.Fleet.Core.Units;

namespace Qm.Fleet.Agent.Effective;

/// <summary>Reads the unit files of one look: a bounded number, each of a bounded size, and says what it left out.</summary>
/// <param name="root">The node.</param>
/// <param name="findings">Told what was left out or cannot be read.</param>
internal sealed class EffectiveFiles(NodeRoot root, Findings findings)
{
    private int _count;

    /// <summary>The first of several files that is there; null when none is.</summary>
    public QuadletSource? First(IEnumerable<string> paths) => paths.Select(Read).FirstOrDefault(file => file is not null);

    /// <summary>The drop-ins in force of several directories, in the order in which they are read; a link to /dev/null holds nothing and hides what has its name.</summary>
    /// <param name="directories">The strongest first.</param>
    /// <param name="isSystemd">Whether systemd reads them.</param>
    public IReadOnlyList<QuadletSource> DropIns(IEnumerable<string> directories, bool isSystemd) =>
        [.. UnitSearch.DropInsInForce(directories.SelectMany(directory => findings.Names(directory).Select(name => $"{directory}/{name}")), isSystemd).Select(Read).OfType<QuadletSource>()];

    private QuadletSource? Read(string path)
    {
        if (_count >= ConfFiles.FilesMax)
        {
            findings.Add($"More than {ConfFiles.FilesMax} files of qm.service and its quadlet are there; those beyond were left out, and may set anything.");
            return null;
        }

        try
        {
            var text = root.ReadText(path, ConfFiles.FileBytesMax);
            _count += text is null ? 0 : 1;
            return text is null ? null : new(path, text);
        }
        catch (NodeFileException e)
        {
            findings.Add($"The agent {e.Message}, so what it sets is left out.");
            return null;
        }
    }
}
