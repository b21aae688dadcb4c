using System.Text.Json;
using Qm.Fleet.Agent.Files;
using Qm.Fleet.Agent.Revisions;
using Qm.Fleet.Agent.Rootfs;
using Qm.Fleet.Core.Revisions;
using Qm.Fleet.V1;
using StaticChecks = Qm.Fleet.Agent.Checks.StaticChecks;

namespace Qm.Fleet.Agent.Evidence;

/// <summary>
/// Looks at the node and says what is there. What cannot be read becomes a sentence in the report, never a value, and never an exception.
/// Not safe for concurrent use; the caller holds the node's gate.
/// </summary>
/// <param name="root">The node.</param>
/// <param name="revisions">What was committed on it.</param>
/// <param name="checks">Its static checks; null to leave them out.</param>
internal sealed class NodeReporter(NodeRoot root, NodeRevisions revisions, StaticChecks? checks = null)
{
    private static readonly string[] CgroupFiles =
    [
        "cpu.weight", "cpu.idle", "cpu.max", "cpuset.cpus", "memory.min", "memory.low", "memory.high", "memory.max", "memory.swap.max",
        "io.weight", "pids.max", "memory.current", "memory.events",
    ];

    /// <summary>Reads everything anew.</summary>
    public NodeReport Read()
    {
        var findings = new Findings(root);
        var report = new NodeReport { Machine = MachineEvidence.Read(findings) };
        var state = ReadState(report, findings);
        var sources = ReadQuadlet(report, findings);
        foreach (var name in CgroupFiles)
        {
            if (findings.Text($"/sys/fs/cgroup/qm.service/{name}") is { } content)
            {
                report.Cgroup[name] = content;
            }
        }

        var paths = ReadPaths(sources, findings);
        var etc = paths?.Etc;
        report.HostNodeName = AgentConfEvidence.HostNodeName(root, findings);
        report.QmNodeName = paths is null ? "" : AgentConfEvidence.QmNodeName(root, paths.Rootfs, paths.Etc, findings);
        report.Files.AddRange(OwnedFiles(state, etc, findings));
        report.Oom = OomEvidence.Read(findings,
            report.Files.Where(file => file.Kind == V1.OwnedFile.Types.Kind.AsilDropIn).Select(file => file.Name),
            etc is null ? null : NestedDefault.Read(root, etc, findings));
        ReadRootfs(report, state, findings);
        report.Problems.AddRange(findings.Problems);
        report.Checks = checks?.Read(report, [.. state.Files.Select(file => file.Path.Full).Except(report.Files.Select(file => file.Path))]);
        return report;
    }

    private NodeState ReadState(NodeReport report, Findings findings)
    {
        try
        {
            var state = revisions.State;
            (report.Revision, report.Confirmed, report.StagedRevision) = (state.Revision, state.Confirmed, revisions.StagedRevision);
            report.RetiredWorkloads.AddRange(state.RetiredWorkloads);
            report.RetiredProperties.AddRange(state.RetiredProperties);
            if (revisions.Deadline is { } deadline)
            {
                report.ConfirmDueUs = deadline.Due.Microseconds;
            }

            if (state.Reverted is { } reverted)
            {
                report.Reverted = new() { Revision = reverted.Revision, Reason = reverted.Reason };
            }

            report.HostAgentConfChangedAtUs = revisions.HostAgentConfChangedAt;
            if (revisions.Owed is { } owed)
            {
                findings.Add($"bluechi-agent.service {(owed.Host ? "of the host" : "inside QM")} still runs with files that were taken back; the agent restarts it.");
            }

            if (revisions.Unfinished is { } unfinished)
            {
                findings.Add(unfinished);
            }

            return state;
        }
        catch (NodeFileException e)
        {
            findings.Add($"The agent {e.Message}, so what it committed is unknown.");
        }
        catch (JsonException e)
        {
            findings.Add($"The agent's state directory is damaged, so what it committed is unknown: {e.Message}");
        }

        return NodeState.Empty;
    }

    private void ReadRootfs(NodeReport report, NodeState state, Findings findings)
    {
        report.Rootfs = RunningRootfs.Read(findings, report.Oom.QmInitPid);
        report.RootfsFetch = revisions.Rootfs.Status?.ToWire();
        report.EtcDifferences.AddRange(state.EtcDifferences.Paths);
        report.EtcDifferenceCount = state.EtcDifferences.Count;
        try
        {
            report.RootfsSlots.AddRange(revisions.Rootfs.Slots);
        }
        catch (NodeFileException e)
        {
            findings.Add($"The agent {e.Message}, so the rootfs slots are unknown.");
        }
    }

    private QuadletSources? ReadQuadlet(NodeReport report, Findings findings)
    {
        try
        {
            var sources = QuadletSources.Read(root);
            foreach (var (key, value) in ResourceControl.Effective(sources.Merge()))
            {
                report.Effective[key] = value;
            }

            return sources;
        }
        catch (CommandRefusedException e)
        {
            findings.Add(e.Message);
        }
        catch (NodeFileException e)
        {
            findings.Add($"The agent {e.Message}, so the quadlet in force is unknown.");
        }

        return null;
    }

    private static QmPaths? ReadPaths(QuadletSources? sources, Findings findings)
    {
        try
        {
            return sources is null ? null : QmPaths.From(sources);
        }
        catch (CommandRefusedException e)
        {
            findings.Add(e.Message);
            return null;
        }
    }

    // What was written, and what has one of our fixed names all the same: the state directory may have been lost.
    private IEnumerable<FileState> OwnedFiles(NodeState state, string? etc, Findings findings)
    {
        var known = state.Files.ToDictionary(file => file.Path);
        using var trees = new OwnedTrees(root);
        List<(OwnedFileKind Kind, string Name, OwnedPath Path)> fixedPlaces =
        [
            (OwnedFileKind.QmContainerDropIn, "", AllowList.QmContainerDropIn),
            (OwnedFileKind.HostBlueChiAgentConf, "", AllowList.HostBlueChiAgentConf),
        ];
        if (etc is not null)
        {
            fixedPlaces.Add((OwnedFileKind.QmContainersConf, "", AllowList.Locate(OwnedFileKind.QmContainersConf, "", etc)));
            fixedPlaces.Add((OwnedFileKind.QmBlueChiAgentConf, "", AllowList.Locate(OwnedFileKind.QmBlueChiAgentConf, "", etc)));
        }

        fixedPlaces.AddRange(
            from directory in findings.Names($"/{AllowList.AsilDirectory}")
            where directory.EndsWith(".d", StringComparison.Ordinal)
            let unit = directory[..^2]
            where AllowList.Problem(OwnedFileKind.AsilDropIn, unit) is null
            select (OwnedFileKind.AsilDropIn, unit, AllowList.Locate(OwnedFileKind.AsilDropIn, unit, "")));
        var boot = new Lazy<string>(() => findings.Text("/proc/sys/kernel/random/boot_id") ?? "");
        foreach (var (kind, name, path) in known.Values.Select(file => (file.Kind, file.Name, file.Path)).Union(fixedPlaces))
        {
            if (Digest(trees, path, findings) is { } digest)
            {
                yield return new FileState
                {
                    Kind = (V1.OwnedFile.Types.Kind)kind,
                    Name = name,
                    Path = path.Full,
                    Sha256 = digest,
                    CommittedAtUs = known.GetValueOrDefault(path) is { } file && file.BootId == boot.Value ? file.CommittedAtMicroseconds : 0,
                };
            }
        }
    }

    private static string? Digest(OwnedTrees trees, OwnedPath path, Findings findings)
    {
        try
        {
            return trees.Digest(path);
        }
        catch (NodeFileException e)
        {
            findings.Add($"The agent {e.Message}.");
            return null;
        }
    }
}
