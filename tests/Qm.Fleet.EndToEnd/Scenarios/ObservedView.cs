using System.Collections.Immutable;
using System.Globalization;
using Qm.Fleet.Core.Environments;
using Qm.Fleet.Core.Plans;
using Qm.Fleet.Core.Reconcile;
using Qm.Fleet.Core.Resources;
using Qm.Fleet.Core.Revisions;
using Qm.Fleet.Core.Rollouts;

namespace Qm.Fleet.EndToEnd.Scenarios;

/// <summary>A node of a scenario as the controller would see it.</summary>
internal static class ObservedView
{
    private const long Started = 1_000_000;

    internal static PlannedNode Of(ObservedNodes seen, string name, FleetSpec fleet, string to, (string Name, FleetEnvironment Environment)? before)
    {
        var has = seen.Has == "before" && before is { } known ? RevisionRenderer.Render(known.Name, known.Environment, name) : null;
        var machine = new MachineFacts(seen.Memory << 30, 32_768, CpuSet.TryParse($"0-{seen.Cpus - 1}", out var cpus) ? cpus : null);
        var isReachable = seen.Host == "online";
        var view = new NodeView
        {
            Name = name,
            Desired = RevisionRenderer.Render(to, fleet.Environment, name),
            Cordoned = seen.Cordoned,
            KnownBad = seen.KnownBad.Length == 0 ? null : seen.KnownBad,
            Host = Enum.Parse<Presence>(seen.Host, ignoreCase: true),
            Qm = isReachable && seen.Qm ? Presence.Online : Presence.Offline,
            Evidence = isReachable && seen.Extension ? Evidence(seen, has, machine) : null,
            QmUnit = isReachable ? Unit(seen.Qm ? "active" : "inactive") with { OomScoreAdjust = has?.Environment.Oom.Qm ?? 500 } : null,
            HostUnits = isReachable ? seen.Units.ToImmutableSortedDictionary(unit => unit.Key, unit => Unit(unit.Value), StringComparer.Ordinal) : ImmutableSortedDictionary<string, UnitReading>.Empty,
            QmUnits = isReachable && seen.Qm
                ? (has?.Environment.Workloads.Select(workload => workload.Name + ".service") ?? []).Append(QmNode.AgentUnit).ToImmutableSortedDictionary(unit => unit, _ => Unit("active"), StringComparer.Ordinal)
                : ImmutableSortedDictionary<string, UnitReading>.Empty,
            Memory = new(),
        };
        return new(view, Rollout(seen, fleet, name, view), has, [.. seen.Others]);
    }

    private static RolloutNode Rollout(ObservedNodes seen, FleetSpec fleet, string name, NodeView view) => new()
    {
        Labels = seen.Labels,
        Cordoned = seen.Cordoned,
        Availability = view switch
        {
            { Host: Presence.Unknown } => Availability.Unheard,
            { Host: Presence.Offline } or { Evidence: null } => Availability.Away,
            { Qm: Presence.Online } => Availability.Serving,
            _ => Availability.Down,
        },
        Reason = NodeReconciler.Decide(view, DateTimeOffset.UnixEpoch).Reason,
        Revision = view.Evidence?.Revision ?? "",
        KnownBad = view.KnownBad,
        Blocked = fleet.Rollout.Preconditions.Where(condition => condition.Node.Length == 0 && view.HostUnits.GetValueOrDefault(condition.Unit)?.ActiveState != condition.State)
            .Select(condition => new UnmetPrecondition($"{condition.Unit} of {name} is {view.HostUnits.GetValueOrDefault(condition.Unit)?.ActiveState ?? "not known"}, and has to be {condition.State}", false)).FirstOrDefault(),
    };

    private static NodeEvidence Evidence(ObservedNodes seen, RenderedRevision? has, MachineFacts machine)
    {
        var environment = has?.Environment ?? new();
        return new()
        {
            StagedRevision = "",
            Revision = has?.Name ?? (seen.Has is "nothing" or "before" ? "" : seen.Has),
            Confirmed = has is not null,
            Files = has?.Files.ToDictionary(
                file => file.Id,
                file => new FileEvidence(file.Id.UsualPath, seen.Edited.Contains(file.Id.Kind.ToString()) ? new('e', 64) : file.Sha256, 0)) ?? [],
            Effective = new Dictionary<string, string>(),
            Cgroup = seen.Qm ? Cgroup(environment, machine) : new Dictionary<string, string>(),
            Oom = new(0, seen.Qm ? environment.Oom.Qm ?? 500 : null, seen.Qm ? 1204 : 0, environment.Oom.Nested ?? 750,
                [.. environment.Workloads.Select((workload, index) => new UnitScore(workload.Name + ".service", 2000 + index, workload.OomScoreAdjust ?? environment.Oom.Nested ?? 750))], []),
            Machine = machine with
            {
                Disks = environment.Resources.Values.OfType<ResourceValue.Devices>().SelectMany(devices => devices.Limits.ByPath.Keys).Distinct().ToDictionary(path => path, path => path),
            },
            ManagedOom = Enum.GetValues<ResourceProperty>().Where(property => property.IsManagedOom())
                .ToImmutableDictionary(property => property.ToString(), property => $"{environment.Resources.GetValueOrDefault(property, ResourceValues.DefaultOf(property))}"),
            RetiredWorkloads = [],
            RetiredProperties = [],
            Rootfs = environment.RootfsArchive is { } archive ? new([archive.Sha256], RootfsSlot.PathOf(archive.Sha256), null) : new([], seen.Qm ? "/usr/lib/qm/rootfs" : "", null),
        };
    }

    // The files of the kernel after the limits of an environment were set.
    private static Dictionary<string, string> Cgroup(FleetEnvironment environment, MachineFacts machine)
    {
        var files = new Dictionary<string, string>(StringComparer.Ordinal)
        {
            ["cpu.idle"] = "0",
            ["cpu.weight"] = "100",
            ["cpu.max"] = "max 100000",
            ["cpuset.cpus"] = "",
            ["memory.min"] = "0",
            ["memory.low"] = "0",
            ["memory.high"] = "max",
            ["memory.max"] = "max",
            ["memory.swap.max"] = "max",
            ["io.weight"] = "default 100",
            ["pids.max"] = "max",
            ["io.max"] = IoMax(environment),
        };
        foreach (var (property, value) in environment.Resources.Where(limit => !limit.Key.IsPerDevice() && !limit.Key.IsManagedOom()))
        {
            var number = LiveProperty.From(property, value, machine).Number;
            var text = number == ulong.MaxValue ? "max" : number.ToString(CultureInfo.InvariantCulture);
            (string File, string Content) set = property switch
            {
                ResourceProperty.CPUWeight when value is ResourceValue.Idle => ("cpu.idle", "1"),
                ResourceProperty.CPUWeight => ("cpu.weight", text),
                ResourceProperty.CPUQuota => ("cpu.max", text == "max" ? "max 100000" : string.Create(CultureInfo.InvariantCulture, $"{number / 10} 100000")),
                ResourceProperty.AllowedCPUs => ("cpuset.cpus", value.ToString()),
                ResourceProperty.MemoryMin => ("memory.min", text),
                ResourceProperty.MemoryLow => ("memory.low", text),
                ResourceProperty.MemoryHigh => ("memory.high", text),
                ResourceProperty.MemoryMax => ("memory.max", text),
                ResourceProperty.MemorySwapMax => ("memory.swap.max", text),
                ResourceProperty.IOWeight => ("io.weight", $"default {text}"),
                _ => ("pids.max", text),
            };
            files[set.File] = set.Content;
        }

        return files;
    }

    // A line for each disk, which is called by its path here.
    private static string IoMax(FleetEnvironment environment)
    {
        (ResourceProperty Property, string Name)[] keys =
            [(ResourceProperty.IOReadBandwidthMax, "rbps"), (ResourceProperty.IOWriteBandwidthMax, "wbps"), (ResourceProperty.IOReadIOPSMax, "riops"), (ResourceProperty.IOWriteIOPSMax, "wiops")];
        return string.Join('\n', environment.Resources.Values.OfType<ResourceValue.Devices>().SelectMany(devices => devices.Limits.ByPath.Keys).Distinct()
            .Select(path => $"{path} {string.Join(' ', keys.Select(key => $"{key.Name}={Limit(key.Property, path)}"))}"));

        string Limit(ResourceProperty property, string path) => environment.Resources.GetValueOrDefault(property) is ResourceValue.Devices devices
            && devices.Limits.ByPath.TryGetValue(path, out var limit) && limit != DeviceLimits.Infinity ? limit.ToString(CultureInfo.InvariantCulture) : "max";
    }

    private static UnitReading Unit(string state) => new("loaded", state, state == "active" ? "running" : "dead", "success", new('a', 32), Started, null, 0);
}
