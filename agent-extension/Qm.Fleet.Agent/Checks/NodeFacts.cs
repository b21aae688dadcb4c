using System.Globalization;
using Qm.Fleet.Agent.Evidence;
using Qm.Fleet.Agent.Files;
using Qm.Fleet.Agent.Revisions;
using Qm.Fleet.Core.BlueChiConf;
using Qm.Fleet.Core.Units;
using Qm.Fleet.V1;

namespace Qm.Fleet.Agent.Checks;

/// <summary>What the static checks look at: a node's files and kernel, and what a report has found already.</summary>
/// <param name="root">The node.</param>
/// <param name="report">What was found in the same look.</param>
/// <param name="missingFiles">Owned files that were put in place and are not there.</param>
internal sealed class NodeFacts(NodeRoot root, NodeReport report, IReadOnlyList<string> missingFiles)
{
    private const int FileBytesMax = 1024 * 1024;
    private readonly Lazy<QuadletSources> _sources = new(() => ReadSources(root));

    /// <summary>The node.</summary>
    public NodeRoot Root => root;

    /// <summary>What was found in the same look.</summary>
    public NodeReport Report => report;

    /// <summary>Owned files that were put in place and are not there.</summary>
    public IReadOnlyList<string> MissingFiles => missingFiles;

    /// <summary>The files of the qm quadlet.</summary>
    /// <exception cref="FactMissingException">There is none.</exception>
    public QuadletSources Sources => _sources.Value;

    /// <summary>The quadlet in force.</summary>
    /// <exception cref="FactMissingException">There is none.</exception>
    public MergedUnit Quadlet => field ??= Sources.Merge();

    /// <summary>Where QM lives.</summary>
    /// <exception cref="FactMissingException">The quadlet does not say.</exception>
    public QmPaths Paths => field ??= ReadPaths();

    /// <summary>What the host's BlueChi agent starts with.</summary>
    /// <exception cref="NodeFileException">A file of it cannot be read.</exception>
    public AgentConf HostAgentConf => field ??= AgentConfEvidence.ReadHost(root, new(root));

    /// <summary>What QM's BlueChi agent starts with.</summary>
    /// <exception cref="FactMissingException">The quadlet does not say where QM lives.</exception>
    /// <exception cref="NodeFileException">A file of it cannot be read, or QM is not there.</exception>
    public AgentConf QmAgentConf => field ??= AgentConfEvidence.ReadQm(root, Paths, new(root));

    /// <summary>What the BlueChi controller of this node starts with.</summary>
    /// <exception cref="NodeFileException">A file of it cannot be read.</exception>
    public ControllerConf ControllerConf => field ??= ReadController();

    /// <summary>QM's init on the host.</summary>
    /// <exception cref="FactMissingException">QM does not run.</exception>
    public int Init => report.Oom.QmInitPid is > 0 and var pid ? pid : throw new FactMissingException("QM does not run, so its kernel side cannot be looked at.");

    /// <summary>A file's text; null when there is none.</summary>
    public string? Text(string path) => root.ReadText(path, FileBytesMax);

    /// <summary>A file's text.</summary>
    /// <exception cref="FactMissingException">There is none.</exception>
    public string Need(string path) => Text(path) ?? throw new FactMissingException($"There is no {path}.");

    /// <summary>A key of QM's [Container] section that takes one value.</summary>
    public string Container(string key) => Quadlet.Last("Container", key)?.Value ?? "";

    /// <summary>A key of QM's [Container] section that takes a list.</summary>
    public IReadOnlyList<string> Containers(string key) => [.. Quadlet.All("Container", key).Select(entry => entry.Value)];

    /// <summary>QM's OOM score as the quadlet in force says it; systemd's 0 when nothing does.</summary>
    /// <exception cref="FactMissingException">It is not a number.</exception>
    public int WantedScore => Quadlet.Last("Service", "OOMScoreAdjust")?.Value is not { } text ? 0
        : int.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var score) ? score
        : throw new FactMissingException($"OOMScoreAdjust={text} in the quadlet is not a number.");

    /// <summary>The mounts that a process sees.</summary>
    public MountTable Mounts(int pid) => MountTable.Parse(Need($"/proc/{pid}/mountinfo"));

    /// <summary>A directory of QM as a root of its own, so that nothing planted inside leads out of it.</summary>
    /// <exception cref="FactMissingException">There is none.</exception>
    public NodeRoot Within(string path)
    {
        try
        {
            return root.Within(path);
        }
        catch (NodeFileException e) when (e.IsMissing)
        {
            throw new FactMissingException($"There is no directory {path}.");
        }
    }

    private ControllerConf ReadController()
    {
        using var etc = Within("/etc");
        return ControllerConf.Merge(
            ConfFiles.Read(root, "", ControllerConf.VendorPath), ConfFiles.Read(etc, "/etc", ControllerConf.MainPath), ConfFiles.DropIns(etc, "/etc", ControllerConf.DropInDirectory));
    }

    private static QuadletSources ReadSources(NodeRoot root)
    {
        try
        {
            return QuadletSources.Read(root);
        }
        catch (CommandRefusedException e)
        {
            throw new FactMissingException(e.Message);
        }
    }

    private QmPaths ReadPaths()
    {
        try
        {
            return QmPaths.From(Sources);
        }
        catch (CommandRefusedException e)
        {
            throw new FactMissingException(e.Message);
        }
    }
}

/// <summary>Something a check needs is not on the node, so its answer is unknown.</summary>
/// <param name="message">What, as a sentence.</param>
internal sealed class FactMissingException(string message) : Exception(message);
