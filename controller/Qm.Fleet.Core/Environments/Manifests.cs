using System.Collections.Immutable;
using Qm.Fleet.Core.Rollouts;
using Qm.Fleet.Core.Supervision;

namespace Qm.Fleet.Core.Environments;

/// <summary>A Fleet as it was received; nothing is checked.</summary>
public sealed record FleetManifest
{
    /// <summary>metadata.name.</summary>
    public string Name { get; init; } = "";

    /// <summary>metadata.labels.</summary>
    public IReadOnlyDictionary<string, string> Labels { get; init; } = ImmutableDictionary<string, string>.Empty;

    /// <summary>spec.selector.</summary>
    public string Selector { get; init; } = "";

    /// <summary>spec.environment; null when absent.</summary>
    public EnvironmentManifest? Environment { get; init; }

    /// <summary>spec.rollout; empty for the default.</summary>
    public RolloutManifest Rollout { get; init; } = new();

    /// <summary>spec.supervision; empty for the default.</summary>
    public SupervisionManifest Supervision { get; init; } = new();

    /// <summary>spec.asilReserve; null when absent.</summary>
    public AsilReserveManifest? AsilReserve { get; init; }

    /// <summary>spec.onDelete; empty means remove.</summary>
    public string OnDelete { get; init; } = "";

    /// <summary>spec.revisionHistoryLimit; 0 for the default.</summary>
    public int RevisionHistoryLimit { get; init; }
}

/// <summary>What is kept for safety software as it was received; nothing is checked, what is empty was not given.</summary>
/// <param name="Memory">memory.</param>
/// <param name="Cpus">cpus.</param>
/// <param name="Tasks">tasks.</param>
public sealed record AsilReserveManifest(string Memory, string Cpus, string Tasks);

/// <summary>An environment as it was received; nothing is checked.</summary>
public sealed record EnvironmentManifest
{
    /// <summary>Whether rootfs.preinstalled is given.</summary>
    public bool RootfsPreinstalled { get; init; }

    /// <summary>rootfs.archive; null when absent.</summary>
    public RootfsArchive? RootfsArchive { get; init; }

    /// <summary>resources, by systemd's name.</summary>
    public IReadOnlyDictionary<string, string> Resources { get; init; } = ImmutableDictionary<string, string>.Empty;

    /// <summary>resources that hold for each device by itself, by systemd's name: path and limit of each.</summary>
    public IReadOnlyDictionary<string, IReadOnlyList<string>> DeviceResources { get; init; } = ImmutableDictionary<string, IReadOnlyList<string>>.Empty;

    /// <summary>oom.qm; null when absent.</summary>
    public int? OomQm { get; init; }

    /// <summary>oom.nested; null when absent.</summary>
    public int? OomNested { get; init; }

    /// <summary>oom.asil, unit to score.</summary>
    public IReadOnlyDictionary<string, int> OomAsil { get; init; } = ImmutableDictionary<string, int>.Empty;

    /// <summary>bluechi.host, keys of agent.conf.</summary>
    public IReadOnlyDictionary<string, string> HostAgent { get; init; } = ImmutableDictionary<string, string>.Empty;

    /// <summary>bluechi.qm, keys of agent.conf.</summary>
    public IReadOnlyDictionary<string, string> QmAgent { get; init; } = ImmutableDictionary<string, string>.Empty;

    /// <summary>workloads.</summary>
    public IReadOnlyList<WorkloadManifest> Workloads { get; init; } = [];

    /// <summary>drift; empty means heal.</summary>
    public string Drift { get; init; } = "";
}

/// <summary>A workload as it was received; nothing is checked.</summary>
public sealed record WorkloadManifest
{
    /// <summary>name.</summary>
    public string Name { get; init; } = "";

    /// <summary>quadlet: section to key to values.</summary>
    public IReadOnlyDictionary<string, IReadOnlyDictionary<string, IReadOnlyList<string>>> Quadlet { get; init; } =
        ImmutableDictionary<string, IReadOnlyDictionary<string, IReadOnlyList<string>>>.Empty;

    /// <summary>oomScoreAdjust; null when absent.</summary>
    public int? OomScoreAdjust { get; init; }

    /// <summary>livenessProbe; null when absent.</summary>
    public LivenessProbeManifest? LivenessProbe { get; init; }
}

/// <summary>A Node as it was received; nothing is checked.</summary>
public sealed record NodeManifest
{
    /// <summary>metadata.name.</summary>
    public string Name { get; init; } = "";

    /// <summary>metadata.labels.</summary>
    public IReadOnlyDictionary<string, string> Labels { get; init; } = ImmutableDictionary<string, string>.Empty;

    /// <summary>spec.site; empty means local.</summary>
    public string Site { get; init; } = "";

    /// <summary>spec.cordoned.</summary>
    public bool Cordoned { get; init; }

    /// <summary>spec.maintenance.</summary>
    public bool Maintenance { get; init; }
}
