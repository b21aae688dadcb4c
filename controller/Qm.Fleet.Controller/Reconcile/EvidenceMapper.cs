using System.Collections.Immutable;
using Qm.Fleet.Core.Reconcile;
using Qm.Fleet.Core.Resources;
using Qm.Fleet.Core.Revisions;
using Qm.Fleet.Core.Secrets;
using Qm.Fleet.V1;

namespace Qm.Fleet.Controller.Reconcile;

/// <summary>Turns an agent extension's report into Core's evidence.</summary>
internal static class EvidenceMapper
{
    private const int MostOfMessage = 2000;

    internal static NodeEvidence ToEvidence(NodeReport report) => new()
    {
        StagedRevision = report.StagedRevision,
        Revision = report.Revision,
        Confirmed = report.Confirmed,
        Files = report.Files.ToDictionary(
            file => new OwnedFileId((OwnedFileKind)file.Kind, file.Name),
            file => new FileEvidence(file.Path, file.Sha256, file.CommittedAtUs)),
        Effective = new Dictionary<string, string>(report.Effective, StringComparer.Ordinal),
        Cgroup = new Dictionary<string, string>(report.Cgroup, StringComparer.Ordinal),
        Oom = ToEvidence(report.Oom ?? new()),
        Machine = ToMachine(report),
        ManagedOom = report.ManagedOomPreference.Length == 0 ? ImmutableDictionary<string, string>.Empty
            : ImmutableDictionary<string, string>.Empty.Add(nameof(ResourceProperty.ManagedOOMPreference), report.ManagedOomPreference),
        RetiredWorkloads = [.. report.RetiredWorkloads],
        RetiredSafetyUnits = [.. report.RetiredSafetyUnits],
        RetiredProperties = [.. report.RetiredProperties],
        AwaitsConfirmation = report.HasConfirmDueUs,
        Reverted = report.Reverted is { } reverted ? new(reverted.Revision, reverted.Reason) : null,
        QmNodeName = report.QmNodeName,
        HostNodeName = report.HostNodeName,
        Mounts = [.. report.Mounts.Select(mount => new MountEvidence(mount.Point, mount.Configured, mount.ConfiguredAt, mount.MountedAt))],
        Labels = report.Labels is { } labels
            ? new(labels.ConfiguredType, labels.Qm, labels.ConfiguredNested, [.. labels.Nested.Select(process => new UnitLabel(process.Unit, process.Pid, process.Label))])
            {
                Mislabelled = [.. labels.Mislabelled.Select(file => new Core.Reconcile.FileLabel(file.Path, file.Wanted, file.Found))],
            }
            : null,
        Drift = [.. report.Drift.Select(file => $"{file.Path} {DriftText.Tell(file.Change)}")],
        HostAgentConfChangedAt = report.HostAgentConfChangedAtUs,
        Rootfs = new([.. report.RootfsSlots], report.Rootfs, ToFetch(report.RootfsFetch)),
    };

    internal static MachineFacts ToMachine(NodeReport report) => new(
        report.Machine?.MemoryBytes ?? 0, report.Machine?.TasksMax ?? 0, CpuSet.TryParse(report.Machine?.Cpus ?? "", out var cpus) ? cpus : null)
    {
        Disks = new Dictionary<string, string>(report.Machine?.Disks ?? [], StringComparer.Ordinal),
    };

    private static Core.Reconcile.RootfsFetch? ToFetch(V1.RootfsFetch? fetch) => fetch is null ? null : new(
        fetch.Sha256,
        fetch.TotalBytes > 0 ? $"{fetch.Phase}, {100 * fetch.DoneBytes / fetch.TotalBytes} %" : $"{fetch.Phase}",
        fetch.Phase == V1.RootfsFetch.Types.Phase.Failed ? ForeignText.FitSentence($"{fetch.Reason}: {fetch.Message}", MostOfMessage) : "");

    private static OomEvidence ToEvidence(OomFindings oom) => new(
        oom.HasHost ? oom.Host : null,
        oom.HasQm ? oom.Qm : null,
        oom.QmInitPid,
        oom.HasNestedDefault ? oom.NestedDefault : null,
        [.. oom.Nested.Select(ToScore)],
        [.. oom.Asil.Select(ToScore)])
    {
        Sources = [.. oom.Sources.Select(source => new Core.Reconcile.OomSource(source.Unit, source.File, source.Score))],
        Processes = [.. oom.Processes.Select(found => new Core.Reconcile.QmProcesses(found.Unit, found.Pid, found.Score, found.Count, Explain(found.Exception)))],
    };

    private static string Explain(V1.QmProcesses.Types.Exception exception) => exception switch
    {
        V1.QmProcesses.Types.Exception.PodmanExec => "started by podman exec from the host, whose score it has; it ends with the command",
        V1.QmProcesses.Types.Exception.Conmon => "conmon of a container that podman exec started, whose score it has; the container itself has its own",
        _ => "",
    };

    private static UnitScore ToScore(UnitOom process) => new(process.Unit, process.Pid, process.Score);
}
