using System.Collections.Immutable;
using Qm.Fleet.Core.Reconcile;
using Qm.Fleet.Core.Resources;
using Qm.Fleet.Core.Revisions;

namespace Qm.Fleet.Core.Plans;

/// <summary>A node as it would be after acts that do what they are meant to.</summary>
internal sealed class Prediction
{
    private readonly RenderedRevision _desired;
    private readonly RenderedRevision? _before;
    private long _clock;

    internal Prediction(NodeView view, RenderedRevision desired, RenderedRevision? before)
    {
        (_desired, _before) = (desired, before);
        _clock = view.HostUnits.Values.Concat(view.QmUnits.Values).Append(view.QmUnit).Max(unit => unit?.StartedAt ?? 0);
        _clock = Math.Max(_clock, Math.Max(view.Evidence?.HostAgentConfChangedAt ?? 0, view.Evidence?.Files.Values.Select(file => file.CommittedAt).DefaultIfEmpty().Max() ?? 0));
        // What nobody has read yet is a unit that systemd does not know yet.
        View = view with
        {
            QmUnits = view.QmUnits.AddRange(desired.Environment.Workloads.Select(workload => UnitOf(workload.Name)).Where(unit => !view.QmUnits.ContainsKey(unit))
                .Select(unit => KeyValuePair.Create(unit, new UnitReading("not-found", "inactive", "dead", "success", "", 0, null, 0)))),
        };
    }

    /// <summary>The node now.</summary>
    internal NodeView View { get; private set; }

    private NodeEvidence Evidence => View.Evidence ?? throw new InvalidOperationException("an act was decided for a node that nothing is known of");

    /// <summary>Its rollout lets it move.</summary>
    internal void Allow() => View = View with { MayMove = true };

    /// <summary>Something was done.</summary>
    internal void After(NodeStep.Act act)
    {
        _clock++;
        View = act switch
        {
            NodeStep.Stage => View with { Evidence = Staged() },
            NodeStep.Commit => Committed(),
            NodeStep.RestartHostAgent => View with { HostUnits = View.HostUnits.SetItem(QmNode.AgentUnit, Started(View.HostUnits.GetValueOrDefault(QmNode.AgentUnit))) },
            NodeStep.SetLimits => View with { Evidence = Limited(Evidence) },
            NodeStep.ReloadHost => Reloaded(View),
            NodeStep.StartQm or NodeStep.RestartQm => QmStarted(Reloaded(View)),
            NodeStep.RestartQmAgent => Inside(QmNode.AgentUnit, Started),
            NodeStep.StopWorkload stop => Inside(stop.Unit, unit => Started(unit) with { ActiveState = "inactive", SubState = "dead" }),
            NodeStep.RunWorkload run => Inside(run.Unit, Started) with { Evidence = Evidence with { Oom = WithoutScoresOf(run.Unit) } },
            NodeStep.Confirm => View with { Evidence = Evidence with { Confirmed = true, AwaitsConfirmation = false, RetiredWorkloads = [], RetiredSafetyUnits = [], RetiredProperties = [] } },
            _ => throw new ArgumentOutOfRangeException(nameof(act), act.Name, "an act of unknown effect"),
        };
    }

    private static string UnitOf(string workload) => workload + ".service";

    private NodeEvidence Staged() => Evidence with
    {
        StagedRevision = _desired.Name,
        // Staged again, it is a new try.
        Reverted = Evidence.Reverted?.Revision == _desired.Name ? null : Evidence.Reverted,
        Rootfs = _desired.Environment.RootfsArchive is { } archive
            ? Evidence.Rootfs with { Slots = [.. Evidence.Rootfs.Slots.Append(archive.Sha256).Distinct()], Fetch = null }
            : Evidence.Rootfs,
    };

    private NodeView Committed()
    {
        var changed = Drift.Files(_desired, Evidence);
        var hostConf = changed.Any(file => file.Kind == OwnedFileKind.HostBlueChiAgentConf);
        var unscored = changed.Where(file => file.Kind == OwnedFileKind.AsilDropIn && _desired.Find(file) is null).Select(file => file.Name).ToArray();
        var evidence = Evidence with
        {
            Revision = _desired.Name,
            StagedRevision = "",
            Confirmed = false,
            AwaitsConfirmation = true,
            Reverted = null,
            Files = _desired.Files.ToDictionary(
                file => file.Id,
                file => Evidence.Files.GetValueOrDefault(file.Id) is { } found && found.Sha256 == file.Sha256 ? found : new FileEvidence("", file.Sha256, _clock)),
            RetiredWorkloads = [.. Evidence.RetiredWorkloads.Concat(changed.Where(file => file.Kind == OwnedFileKind.Workload && _desired.Find(file) is null).Select(file => file.Name)).Distinct()],
            RetiredSafetyUnits = [.. Evidence.RetiredSafetyUnits.Concat(unscored).Distinct()],
            RetiredProperties = [.. Evidence.RetiredProperties.Concat(Dropped()).Distinct()],
            Effective = Evidence.Effective.Select(value => KeyValuePair.Create(value.Key, Own(value.Key, value.Value))).Where(value => value.Value.Length > 0).ToDictionary(),
            Machine = Evidence.Machine with { Disks = Disks() },
            HostAgentConfChangedAt = hostConf ? _clock : Evidence.HostAgentConfChangedAt,
            QmNodeName = Evidence.QmNodeName.Length > 0 ? _desired.QmNodeName ?? "" : "",
            Oom = Evidence.Oom with { NestedDefault = _desired.Environment.Oom.Nested ?? Evidence.Oom.NestedDefault },
        };
        // It is read from now on, and runs: its link is what the way comes over.
        var hostUnits = hostConf && !View.HostUnits.ContainsKey(QmNode.AgentUnit)
            ? View.HostUnits.Add(QmNode.AgentUnit, Started(null) with { StartedAt = 0 })
            : View.HostUnits;
        // A safety unit that loses its drop-in is read from now on, too, and systemd says that it has not read so.
        return View with
        {
            Evidence = evidence,
            HostUnits = hostUnits.SetItems(unscored.Select(name => KeyValuePair.Create(
                name, (View.HostUnits.GetValueOrDefault(name) ?? Started(null) with { StartedAt = 0 }) with { NeedsReload = true }))),
        };
    }

    private IEnumerable<string> Dropped() => NamesOf(_before).Except(NamesOf(_desired));

    private static IEnumerable<string> NamesOf(RenderedRevision? revision) => revision is null ? [] : revision.Environment.Resources.SelectMany(limit =>
        limit.Value is ResourceValue.Devices devices ? devices.Limits.ByPath.Keys.Select(path => ResourceProperties.NameOf(limit.Key.ToString(), path)) : [limit.Key.ToString()]);

    // Of a key that limits each device by itself, the devices that are no longer named go, and the others stay.
    private string Own(string key, string text)
    {
        var dropped = Dropped().ToArray();
        return dropped.Contains(key) ? ""
            : string.Join(", ", text.Split(", ").Where(entry => !dropped.Contains(ResourceProperties.NameOf(key, entry.Split(' ')[0]))));
    }

    // Which disk it is only the node can say, and it refuses to stage what is none; here it is enough that no other is it.
    private Dictionary<string, string> Disks() => _desired.Environment.Resources.Values.OfType<ResourceValue.Devices>().SelectMany(devices => devices.Limits.ByPath.Keys).Distinct()
        .Where(path => Evidence.Machine.Disks.GetValueOrDefault(path) is null or "").Select(path => KeyValuePair.Create(path, path)).Concat(Evidence.Machine.Disks.Where(disk => disk.Value.Length > 0)).ToDictionary();

    // What systemd writes there exactly is its business; that it is what was wanted is what the act is for.
    private NodeEvidence Limited(NodeEvidence evidence)
    {
        while (NodeChecks.LimitsToSet(_desired, evidence).ToArray() is { Length: > 0 } limits)
        {
            var files = limits.Select(limit => LimitChecks.Compare(limit.Key, limit.Value, evidence).Source).ToHashSet(StringComparer.Ordinal);
            evidence = evidence with
            {
                Cgroup = evidence.Cgroup.Where(file => !files.Contains(file.Key)).ToDictionary(),
                ManagedOom = limits.Where(limit => limit.Key.IsManagedOom()).Aggregate(
                    evidence.ManagedOom.ToImmutableDictionary(), (said, limit) => said.SetItem(limit.Key.ToString(), limit.Value.ToString())),
            };
        }

        return evidence;
    }

    private NodeView Reloaded(NodeView view) => view with
    {
        QmUnit = view.QmUnit is { } unit ? unit with { LoadState = "loaded", OomScoreAdjust = _desired.Environment.Oom.Qm ?? unit.OomScoreAdjust } : null,
        HostUnits = view.HostUnits.ToImmutableSortedDictionary(
            unit => unit.Key,
            unit => unit.Value with { NeedsReload = false, OomScoreAdjust = _desired.Environment.Oom.Asil.TryGetValue(unit.Key, out var score) ? score : unit.Value.OomScoreAdjust },
            StringComparer.Ordinal),
    };

    private NodeView QmStarted(NodeView view)
    {
        var oom = _desired.Environment.Oom;
        var running = _desired.Environment.RootfsArchive is { } archive ? RootfsSlot.PathOf(archive.Sha256)
            : _desired.Environment.RootfsPreinstalled ? "" : Evidence.Rootfs.Running;
        return view with
        {
            QmUnit = Started(view.QmUnit),
            Qm = Presence.Online,
            QmUnits = view.QmUnits.SetItem(QmNode.AgentUnit, Started(null)).SetItems(_desired.Environment.Workloads.Select(workload =>
                KeyValuePair.Create(UnitOf(workload.Name), StartsByItself(workload) ? Started(null) : Started(null) with { ActiveState = "inactive", SubState = "dead", StartedAt = 0 }))),
            Evidence = Limited(Evidence) with
            {
                Oom = Evidence.Oom with { Qm = oom.Qm ?? Evidence.Oom.Qm, QmInit = Math.Max(Evidence.Oom.QmInit, 1), Nested = [], Processes = [] },
                Rootfs = Evidence.Rootfs with { Running = running },
                Mounts = [],
                RetiredWorkloads = [],
            },
        };
    }

    private static bool StartsByItself(Environments.Workload workload) =>
        workload.Quadlet.GetValueOrDefault("Install") is { } install && (install.ContainsKey("WantedBy") || install.ContainsKey("RequiredBy") || install.ContainsKey("UpheldBy"));

    private NodeView Inside(string unit, Func<UnitReading?, UnitReading> become) =>
        View with { QmUnits = View.QmUnits.SetItem(unit, become(View.QmUnits.GetValueOrDefault(unit))) };

    private OomEvidence WithoutScoresOf(string unit) => Evidence.Oom with { Nested = [.. Evidence.Oom.Nested.Where(process => process.Unit != unit)] };

    private UnitReading Started(UnitReading? unit) =>
        new("loaded", "active", "running", "success", unit?.InvocationId ?? "", _clock, unit?.OomScoreAdjust, 0);
}
