using System.Collections.Immutable;
using Google.Protobuf.WellKnownTypes;
using Qm.Fleet.Core.Environments;
using Qm.Fleet.Core.LoadShedding;
using Qm.Fleet.Core.Resources;
using Qm.Fleet.Core.Rollouts;
using Qm.Fleet.Core.Supervision;
using Qm.Fleet.Shared;

namespace Qm.Fleet.Controller.Wire;

/// <summary>Wire messages as Core's manifests: field for field, judging nothing that Core judges.</summary>
internal static class Manifests
{
    /// <summary>A fleet's manifest, with what the wire can say and a manifest cannot.</summary>
    /// <returns>Everything that is wrong with it, Core's findings included, or the checked spec.</returns>
    public static Parsed<FleetSpec> Parse(V1.Metadata metadata, V1.FleetSpec? spec)
    {
        var problems = new List<Problem>();
        var parsed = FleetParser.Parse(new FleetManifest
        {
            Name = metadata.Name,
            Labels = metadata.Labels,
            Selector = spec?.Selector ?? "",
            Environment = spec?.Environment is { } environment ? Environment(environment, problems) : null,
            Rollout = spec?.Rollout is { } rollout ? Rollout(rollout) : new(),
            Supervision = spec?.Supervision is { } supervision ? Supervision(supervision) : new(),
            AsilReserve = spec?.AsilReserve is { } reserve ? new(reserve.Memory, reserve.Cpus, reserve.Tasks) : null,
            OnDelete = spec?.OnDelete ?? "",
            RevisionHistoryLimit = spec?.RevisionHistoryLimit ?? 0,
        });
        return new Parsed<FleetSpec>(parsed.Draft, [.. problems, .. parsed.Problems]);
    }

    /// <summary>A node, checked; without a spec it is of the default site and not cordoned.</summary>
    public static Parsed<NodeSpec> Parse(V1.Metadata metadata, V1.NodeSpec? spec) => NodeParser.Parse(new NodeManifest
    {
        Name = metadata.Name,
        Labels = metadata.Labels,
        Site = spec?.Site ?? "",
        Cordoned = spec?.Cordoned ?? false,
        Maintenance = spec?.Maintenance ?? false,
    });

    private static EnvironmentManifest Environment(V1.Environment environment, List<Problem> problems) => new()
    {
        RootfsPreinstalled = environment.Rootfs?.SourceCase is V1.Rootfs.SourceOneofCase.Preinstalled,
        RootfsArchive = environment.Rootfs?.Archive is { } archive ? new(archive.Url, archive.Sha256) : null,
        Resources = Resources(environment.Resources),
        DeviceResources = environment.Resources is { } devices ? DeviceResources(devices) : ImmutableDictionary<string, IReadOnlyList<string>>.Empty,
        OomQm = environment.Oom is { HasQm: true } qm ? qm.Qm : null,
        OomNested = environment.Oom is { HasNested: true } nested ? nested.Nested : null,
        OomAsil = environment.Oom is { } oom ? oom.Asil : ImmutableDictionary<string, int>.Empty,
        HostAgent = environment.Bluechi is { } agents ? agents.Host : ImmutableDictionary<string, string>.Empty,
        QmAgent = environment.Bluechi is { } bluechi ? bluechi.Qm : ImmutableDictionary<string, string>.Empty,
        Drift = environment.Drift,
        Workloads = [.. environment.Workloads.Select((workload, index) => Workload(workload, index, problems))],
    };

    private static RolloutManifest Rollout(V1.RolloutPolicy rollout) => new()
    {
        Batches = [.. rollout.Batches.Select(static batch => (batch.Select, batch.Limit))],
        Soak = rollout.Soak,
        MaxUnavailable = rollout.MaxUnavailable,
        BudgetPer = rollout.BudgetPer,
        SuccessThreshold = rollout.SuccessThreshold,
        OnFailure = rollout.OnFailure,
        Deadline = rollout.Deadline,
        MaxRestarts = rollout.MaxRestarts,
        MaxPressure = rollout.MaxPressure,
        Windows = [.. rollout.Windows],
        Preconditions = [.. rollout.Preconditions.Select(static condition => (condition.Node, condition.Unit, condition.State))],
    };

    private static SupervisionManifest Supervision(V1.SupervisionPolicy supervision) => new()
    {
        Initial = supervision.Restart?.Initial ?? "",
        Max = supervision.Restart?.Max ?? "",
        Factor = supervision.Restart?.Factor ?? "",
        Jitter = supervision.Restart?.Jitter ?? "",
        Budget = supervision.Restart?.Budget ?? "",
        ResetAfter = supervision.Restart?.ResetAfter ?? "",
        QmBudget = supervision.RestartQm?.Budget ?? "",
        FleetBudget = supervision.Fleet?.Budget ?? "",
        Correlated = supervision.Fleet?.Correlated ?? "",
        Within = supervision.Fleet?.Within ?? "",
        Escalation = [.. supervision.Escalation],
        Pending = supervision.Pending,
        LoadShedding = [.. supervision.LoadShedding.Select(static rule => new SheddingManifest
        {
            Name = rule.Name,
            Pressure = rule.When?.Pressure ?? "",
            MemoryEvents = rule.When?.MemoryEvents ?? "",
            Above = rule.When?.Above ?? "",
            For = rule.When?.For ?? "",
            Below = rule.Until?.Below ?? "",
            CalmFor = rule.Until?.For ?? "",
            Freeze = [.. rule.Freeze],
            Limits = rule.Limits,
        })],
    };

    private static Dictionary<string, string> Resources(V1.Resources? resources)
    {
        var set = new Dictionary<string, string>(StringComparer.Ordinal);
        if (resources is not null)
        {
            foreach (var (property, value) in new (ResourceProperty Property, string Value)[]
            {
                (ResourceProperty.CPUWeight, resources.CpuWeight),
                (ResourceProperty.CPUQuota, resources.CpuQuota),
                (ResourceProperty.AllowedCPUs, resources.AllowedCpus),
                (ResourceProperty.MemoryMin, resources.MemoryMin),
                (ResourceProperty.MemoryLow, resources.MemoryLow),
                (ResourceProperty.MemoryHigh, resources.MemoryHigh),
                (ResourceProperty.MemoryMax, resources.MemoryMax),
                (ResourceProperty.MemorySwapMax, resources.MemorySwapMax),
                (ResourceProperty.IOWeight, resources.IoWeight),
                (ResourceProperty.TasksMax, resources.TasksMax),
                (ResourceProperty.ManagedOOMSwap, resources.ManagedOomSwap),
                (ResourceProperty.ManagedOOMMemoryPressure, resources.ManagedOomMemoryPressure),
                (ResourceProperty.ManagedOOMMemoryPressureLimit, resources.ManagedOomMemoryPressureLimit),
                (ResourceProperty.ManagedOOMPreference, resources.ManagedOomPreference),
            })
            {
                if (value.Length > 0)
                {
                    set.Add(property.ToString(), value);
                }
            }
        }
        return set;
    }

    private static Dictionary<string, IReadOnlyList<string>> DeviceResources(V1.Resources resources) => new(StringComparer.Ordinal)
    {
        [nameof(ResourceProperty.IOReadBandwidthMax)] = resources.IoReadBandwidthMax,
        [nameof(ResourceProperty.IOWriteBandwidthMax)] = resources.IoWriteBandwidthMax,
        [nameof(ResourceProperty.IOReadIOPSMax)] = resources.IoReadIopsMax,
        [nameof(ResourceProperty.IOWriteIOPSMax)] = resources.IoWriteIopsMax,
    };

    private static WorkloadManifest Workload(V1.Workload workload, int index, List<Problem> problems)
    {
        var path = $"spec.environment.workloads[{(workload.Name.Length > 0 ? workload.Name : index)}].quadlet";
        var quadlet = new Dictionary<string, IReadOnlyDictionary<string, IReadOnlyList<string>>>(StringComparer.Ordinal);
        foreach (var (section, value) in workload.Quadlet?.Fields ?? [])
        {
            if (value.KindCase is not Value.KindOneofCase.StructValue)
            {
                problems.Add(new Problem($"{path}.{section}", "a section holds keys and values, such as Container: {Image: ...}"));
                continue;
            }
            quadlet[section] = value.StructValue.Fields.ToImmutableDictionary(
                static entry => entry.Key, entry => QuadletValue.Texts($"{path}.{section}.{entry.Key}", entry.Value, problems));
        }
        return new WorkloadManifest
        {
            Name = workload.Name,
            Quadlet = quadlet,
            OomScoreAdjust = workload.HasOomScoreAdjust ? workload.OomScoreAdjust : null,
            LivenessProbe = workload.LivenessProbe?.ToManifest(),
        };
    }
}
