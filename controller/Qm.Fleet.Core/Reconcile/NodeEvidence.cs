using System.Collections.Immutable;
using Qm.Fleet.Core.Resources;
using Qm.Fleet.Core.Revisions;

namespace Qm.Fleet.Core.Reconcile;

/// <summary>What the agent extension read on a node, all of it as found.</summary>
public sealed record NodeEvidence
{
    /// <summary>The revision that waits to be committed; empty when none does.</summary>
    public required string StagedRevision { get; init; }

    /// <summary>The revision whose files are in place; empty when none.</summary>
    public required string Revision { get; init; }

    /// <summary>Whether that revision is confirmed.</summary>
    public required bool Confirmed { get; init; }

    /// <summary>Owned files that exist.</summary>
    public required IReadOnlyDictionary<OwnedFileId, FileEvidence> Files { get; init; }

    /// <summary>Resource control of qm.service after merging its quadlet and drop-ins; keys at systemd's default are absent.</summary>
    public required IReadOnlyDictionary<string, string> Effective { get; init; }

    /// <summary>Cgroup file name to content, trimmed; files that do not exist are absent.</summary>
    public required IReadOnlyDictionary<string, string> Cgroup { get; init; }

    /// <summary>
    /// Settings of qm.service for systemd-oomd, by property: what the host's systemd says of them through BlueChi, and how the cgroup is marked; absent what is not known.
    /// </summary>
    public IReadOnlyDictionary<string, string> ManagedOom { get; init; } = ImmutableDictionary<string, string>.Empty;

    /// <summary>OOM scores in /proc.</summary>
    public required OomEvidence Oom { get; init; }

    /// <summary>What limits refer to.</summary>
    public required MachineFacts Machine { get; init; }

    /// <summary>Workloads whose files were removed and whose units may still run.</summary>
    public required IReadOnlyList<string> RetiredWorkloads { get; init; }

    /// <summary>Safety units whose drop-ins were removed, and whose scores systemd may still know.</summary>
    public IReadOnlyList<string> RetiredSafetyUnits { get; init; } = [];

    /// <summary>Resource control keys no longer set, whose old limits may still be in the kernel; <c>KEY=PATH</c> for each device that a key no longer limits.</summary>
    public required IReadOnlyList<string> RetiredProperties { get; init; }

    /// <summary>Whether the agent extension goes back by itself unless the revision is confirmed.</summary>
    public bool AwaitsConfirmation { get; init; }

    /// <summary>The revision the agent extension went back from by itself last; null when there is none.</summary>
    public RevertedRevision? Reverted { get; init; }

    /// <summary>The name that QM's BlueChi agent starts with, by its files; empty when they set none or were not read.</summary>
    public string QmNodeName { get; init; } = "";

    /// <summary>CLOCK_MONOTONIC in microseconds when the configuration of the host's BlueChi agent was changed or removed; 0 when in an earlier boot.</summary>
    public long HostAgentConfChangedAt { get; init; }

    /// <summary>The name that the host's BlueChi agent starts with next, by its files; empty when they were not read.</summary>
    public string HostNodeName { get; init; } = "";

    /// <summary>What the quadlet in force puts where in QM, against what is there; empty when it could not be read.</summary>
    public IReadOnlyList<MountEvidence> Mounts { get; init; } = [];

    /// <summary>SELinux labels of QM; null when the node has no SELinux or QM does not run.</summary>
    public LabelEvidence? Labels { get; init; }

    /// <summary>Paths of owned files that are not as they were committed, each with what became of it.</summary>
    public IReadOnlyList<string> Drift { get; init; } = [];

    /// <summary>Root file systems of QM.</summary>
    public RootfsEvidence Rootfs { get; init; } = RootfsEvidence.None;

    /// <summary>The same with what the host's systemd says of qm.service; null when it was not asked.</summary>
    public NodeEvidence With(UnitReading? qm) => qm is null || qm.ManagedOom.IsEmpty ? this : this with { ManagedOom = qm.ManagedOom.SetItems(ManagedOom) };

    /// <summary>Whether an owned file was committed after a unit had started, so that the unit has not read it.</summary>
    internal bool IsNewer(OwnedFileId file, UnitReading unit) => Files.GetValueOrDefault(file) is { } found && found.CommittedAt > unit.StartedAt;
}

/// <summary>A revision that the agent extension went back from by itself.</summary>
/// <param name="Revision">Its name.</param>
/// <param name="Reason">What it says of it.</param>
public sealed record RevertedRevision(string Revision, string Reason);

/// <summary>Root file systems of QM on a node.</summary>
/// <param name="Slots">SHA-256 of the archive of every complete slot.</param>
/// <param name="Running">What QM runs from, a path within its file system; empty when unknown.</param>
/// <param name="Fetch">A fetch that is under way or has failed; null when there is none.</param>
public sealed record RootfsEvidence(IReadOnlyList<string> Slots, string Running, RootfsFetch? Fetch)
{
    /// <summary>Nothing is known.</summary>
    public static RootfsEvidence None { get; } = new([], "", null);
}

/// <summary>How far a slot is.</summary>
/// <param name="Sha256">The archive's SHA-256.</param>
/// <param name="Progress">What is being done and how far it is, for a person.</param>
/// <param name="Failure">Why it ended without a slot; empty while it is under way.</param>
public sealed record RootfsFetch(string Sha256, string Progress, string Failure);

/// <summary>An owned file on a node.</summary>
/// <param name="Path">Where, from the node's root.</param>
/// <param name="Sha256">Of its content, 64 lower-case hex digits.</param>
/// <param name="CommittedAt">CLOCK_MONOTONIC in microseconds when the content was put in place; 0 when in an earlier boot.</param>
public sealed record FileEvidence(string Path, string Sha256, long CommittedAt);

/// <summary>OOM scores found in /proc; null where nothing could be read.</summary>
/// <param name="Host">The node's own init.</param>
/// <param name="Qm">QM's init, not conmon, which systemd calls the main process.</param>
/// <param name="QmInit">Process id of QM's init; 0 when QM does not run.</param>
/// <param name="NestedDefault">What the next container inside QM will get.</param>
/// <param name="Nested">Containers inside QM.</param>
/// <param name="Asil">Processes of safety units.</param>
public sealed record OomEvidence(
    int? Host, int? Qm, int QmInit, int? NestedDefault, IReadOnlyList<UnitScore> Nested, IReadOnlyList<UnitScore> Asil)
{
    /// <summary>Everything else in QM, one entry for each score of a unit.</summary>
    public IReadOnlyList<QmProcesses> Processes { get; init; } = [];

    /// <summary>The files that set scores.</summary>
    public IReadOnlyList<OomSource> Sources { get; init; } = [];
}

/// <summary>The file that sets a unit's OOM score.</summary>
/// <param name="Unit">qm.service, a container's unit inside QM, or a safety unit.</param>
/// <param name="File">From the node's root.</param>
/// <param name="Score">What it says.</param>
public sealed record OomSource(string Unit, string File, int Score);

/// <summary>Processes of one unit of QM that have the same score.</summary>
/// <param name="Unit">Their unit inside QM.</param>
/// <param name="Pid">The lowest of their process ids, on the host.</param>
/// <param name="Score">Their oom_score_adj.</param>
/// <param name="Count">How many there are.</param>
/// <param name="Exception">Why the score is in order though it is not QM's, as a sentence; empty when no reason is known.</param>
public sealed record QmProcesses(string Unit, int Pid, int Score, int Count, string Exception);

/// <summary>One mount of QM; places are told as device and path in the file system.</summary>
/// <param name="Point">Where, as QM sees it.</param>
/// <param name="Configured">The host's path that the quadlet in force puts there.</param>
/// <param name="ConfiguredAt">Where that path lies; empty when it could not be found out.</param>
/// <param name="MountedAt">What the running QM has there; empty when nothing is mounted.</param>
public sealed record MountEvidence(string Point, string Configured, string ConfiguredAt, string MountedAt);

/// <summary>SELinux labels of the processes of QM; empty where nothing could be read.</summary>
/// <param name="ConfiguredType">The type that the quadlet in force gives QM; empty when it gives none.</param>
/// <param name="Qm">Label of QM's init.</param>
/// <param name="ConfiguredNested">The label that Podman inside QM gives containers; empty when unknown.</param>
/// <param name="Nested">Label of the first process of each container.</param>
public sealed record LabelEvidence(string ConfiguredType, string Qm, string ConfiguredNested, IReadOnlyList<UnitLabel> Nested)
{
    /// <summary>Owned files that were found with another label than their place has.</summary>
    public IReadOnlyList<FileLabel> Mislabelled { get; init; } = [];
}

/// <summary>SELinux label of an owned file that was not the one of its place.</summary>
/// <param name="Path">Where it lies, from the node's root.</param>
/// <param name="Wanted">The label that the node's policy has for its place.</param>
/// <param name="Found">The label it was found with.</param>
public sealed record FileLabel(string Path, string Wanted, string Found);

/// <summary>SELinux label of a container's first process.</summary>
/// <param name="Unit">Its unit inside QM.</param>
/// <param name="Pid">Process id on the host.</param>
/// <param name="Label">Its label; empty when it could not be read.</param>
public sealed record UnitLabel(string Unit, int Pid, string Label);

/// <summary>OOM score of one process of a unit.</summary>
/// <param name="Unit">The unit; for a container inside QM its unit there.</param>
/// <param name="Pid">Process id on the host.</param>
/// <param name="Score">Its oom_score_adj.</param>
public sealed record UnitScore(string Unit, int Pid, int Score);
