using System.Text.Json;
using Qm.Fleet.Agent.Drift;
using Qm.Fleet.Agent.Facts;
using Qm.Fleet.Agent.Files;
using Qm.Fleet.Agent.Revisions;
using Qm.Fleet.Agent.Rootfs;
using Qm.Fleet.V1;
using Selinux = Qm.Fleet.V1.Facts.Types.Selinux;
using StaticChecks = Qm.Fleet.Agent.Checks.StaticChecks;

namespace Qm.Fleet.Agent.Evidence;

/// <summary>
/// Looks at the node and says what is there. What cannot be read becomes a sentence in the report, never a value, and never an exception.
/// Not safe for concurrent use; the caller holds the node's gate.
/// </summary>
/// <param name="root">The node.</param>
/// <param name="revisions">What was committed on it.</param>
/// <param name="checks">Its static checks; null to leave them out.</param>
/// <param name="facts">What it is made of; null to leave that out.</param>
/// <param name="watch">Told where owned files lie; null when nobody watches them.</param>
internal sealed class NodeReporter(
    NodeRoot root, NodeRevisions revisions, StaticChecks? checks = null, FactsReader? facts = null, DriftWatch? watch = null)
{
    private const int DisksMax = 100;

    private static readonly string[] CgroupFiles =
    [
        "cpu.weight", "cpu.idle", "cpu.max", "cpuset.cpus", "memory.min", "memory.low", "memory.high", "memory.max", "memory.swap.max",
        "io.weight", "io.max", "pids.max", "memory.current", "memory.events",
    ];

    private QuadletSources? _sources;

    /// <summary>Reads everything anew.</summary>
    public NodeReport Read()
    {
        using var look = root.ForOneLook();
        var findings = new Findings(look);
        var report = new NodeReport { Machine = findings.Part("the machine", new Machine(), () => MachineEvidence.Read(findings)) };
        var state = findings.Part<NodeState?>("what was committed", null, () => ReadState(report, findings));
        var sources = findings.Part<QuadletSources?>("the quadlet in force", null, () => ReadQuadlet(look, report, findings));
        foreach (var name in CgroupFiles)
        {
            if (findings.Text($"/sys/fs/cgroup/qm.service/{name}") is { } content)
            {
                report.Cgroup[name] = content;
            }
        }

        report.ManagedOomPreference = findings.Part("what systemd-oomd is told", "", () => OomdMark.Read(look, findings));
        findings.Part("which disks limits name", () => ReadDisks(look, report, sources, findings));
        var paths = findings.Part<QmPaths?>("where QM lives", null, () => ReadPaths(sources, findings));
        report.HostNodeName = findings.Part("the host's name in BlueChi", "", () => AgentConfEvidence.HostNodeName(look, findings));
        report.QmNodeName = paths is null ? "" : findings.Part("QM's name in BlueChi", "", () => AgentConfEvidence.QmNodeName(look, paths, findings));
        var places = findings.Part<IReadOnlyList<OwnedPath>?>("what the files of the fleet hold", null, () => OwnedFileEvidence.Read(
            root, report, state ?? NodeState.Empty, isSettled: state is not null && revisions.Unfinished is null, paths?.Etc, findings));
        if (places is not null)
        {
            watch?.Follow(places);
        }

        ReadOom(look, report, sources, paths, findings);
        findings.Part("which rootfs there is", () => ReadRootfs(report, state ?? NodeState.Empty, findings));
        report.Facts = findings.Part<V1.Facts?>("what the node is made of", null, () => facts?.Read(look, sources, paths?.Rootfs));
        if (sources is not null && report.Oom.QmInitPid > 0)
        {
            var quadlet = sources.Merge();
            findings.Part("what QM has mounted", () => report.Mounts.AddRange(MountEvidence.Read(look, quadlet, report.Oom.QmInitPid, findings)));
            report.Labels = findings.Part<SecurityLabels?>("how QM is labelled", null, () => SelinuxMode.Read(findings) is Selinux.Enforcing or Selinux.Permissive
                ? LabelEvidence.Read(look, quadlet, paths?.Rootfs, report.Oom, revisions.Mislabelled, findings) : null);
        }

        report.Problems.AddRange(findings.Problems);
        report.Checks = checks?.Read(look, report, [.. (state ?? NodeState.Empty).Files.Select(file => file.Path.Full).Except(report.Files.Select(file => file.Path))]);
        return report;
    }

    private static void ReadOom(NodeRoot look, NodeReport report, QuadletSources? sources, QmPaths? paths, Findings findings)
    {
        var nestedDefault = paths is null ? null : findings.Part<(string File, int Score)?>("the default OOM score of containers inside QM", null, () => NestedDefault.Read(look, paths, findings));
        report.Oom = findings.Part("every OOM score", new OomFindings(), () => OomEvidence.Read(findings,
            report.Files.Where(file => file.Kind == V1.OwnedFile.Types.Kind.AsilDropIn).Select(file => file.Name), nestedDefault?.Score));
        findings.Part("what sets the OOM scores", () => report.Oom.Sources.AddRange(OomSources.Read(findings, sources, paths?.Etc, nestedDefault, report.Oom)));
    }

    // Null when it cannot be told.
    private NodeState? ReadState(NodeReport report, Findings findings)
    {
        try
        {
            var state = revisions.State;
            (report.Revision, report.Confirmed, report.StagedRevision) = (state.Revision, state.Confirmed, revisions.StagedRevision);
            report.RetiredWorkloads.AddRange(state.RetiredWorkloads);
            report.RetiredSafetyUnits.AddRange(state.RetiredSafetyUnits);
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

            foreach (var problem in new[] { revisions.Unfinished, revisions.Unlabelled }.OfType<string>())
            {
                findings.Add(problem);
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

        return null;
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

    private static void ReadDisks(NodeRoot look, NodeReport report, QuadletSources? sources, Findings findings)
    {
        var paths = (sources is null ? [] : ResourceControl.Devices(sources.Merge())).Union(report.RetiredProperties.Select(ResourceControl.DeviceOf).OfType<string>(), StringComparer.Ordinal);
        foreach (var path in paths.Take(DisksMax))
        {
            report.Machine.Disks[path] = Disk.Of(look, path, findings) ?? "";
        }
    }

    private QuadletSources? ReadQuadlet(NodeRoot look, NodeReport report, Findings findings)
    {
        try
        {
            // The same files mean the same: what was merged of them is kept.
            var sources = QuadletSources.Read(look) is var read && _sources?.IsSame(read) == true ? _sources : _sources = read;
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
}
