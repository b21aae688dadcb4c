using System.Collections.Immutable;
using Qm.Fleet.Core.Reconcile;
using Qm.Fleet.Core.Resources;
using Qm.Fleet.Core.Revisions;

namespace Qm.Fleet.Core.Tests.Reconcile;

/// <summary>A node in a few fields: what is on disk, what systemd has read, and what the kernel does.</summary>
internal sealed class ModelNode
{
    private static readonly MachineFacts Machine = new(8L << 30, 32768);

    private long _clock = 1_000;
    private RenderedRevision? _staged;
    private RenderedRevision? _committed;
    private int _systemdScore = 500;
    private readonly Dictionary<OwnedFileId, FileEvidence> _files = [];
    private readonly Dictionary<string, string> _kernel = new(StringComparer.Ordinal) { ["memory.high"] = "max", ["cpu.idle"] = "0", ["cpu.weight"] = "100" };
    private readonly HashSet<string> _retired = [];
    private readonly HashSet<string> _retiredProperties = [];
    private readonly HashSet<string> _retiredSafetyUnits = [];

    // What systemd read of drop-ins that are gone by now.
    private readonly HashSet<string> _stale = [];
    private readonly Dictionary<string, (string State, long StartedAt, int Score)> _inside = [];

    internal bool Confirmed { get; private set; }

    internal bool QmRuns { get; set; }

    internal long QmStartedAt { get; private set; }

    internal int QmScore { get; private set; } = 500;

    internal int Pid { get; private set; }

    internal bool Reachable { get; set; } = true;

    /// <summary>Whether BlueChi has lost the host while the agent extension's link holds.</summary>
    internal bool CutOff { get; private set; }

    /// <summary>Whether the host's BlueChi agent loses its controller when it next reads its configuration.</summary>
    internal bool CutsOff { get; set; }

    internal TimeSpan ConfirmWithin { get; private set; }

    private RevertedRevision? _reverted;
    private long _hostAgentStartedAt;
    private long _hostAgentConfChangedAt;

    internal List<string> Acts { get; } = [];

    internal string? Revision => _committed?.Name;

    internal NodeView View(RenderedRevision? desired, NodeMemory memory, bool mayMove = true) => new()
    {
        Name = "ecu1",
        Desired = desired,
        MayMove = mayMove,
        Host = Reachable && !CutOff ? Presence.Online : Presence.Offline,
        Qm = Reachable && QmRuns ? Presence.Online : Presence.Offline,
        Evidence = Reachable ? Evidence() : null,
        QmUnit = new("loaded", QmRuns ? "active" : "inactive", QmRuns ? "running" : "dead", "success", $"{Pid:x32}", QmStartedAt, _systemdScore, 0),
        QmUnits = Inside(desired),
        HostUnits = ImmutableSortedDictionary<string, UnitReading>.Empty.Add(QmNode.AgentUnit, Reading("active", _hostAgentStartedAt))
            .AddRange(_retiredSafetyUnits.Select(unit => KeyValuePair.Create(unit, Reading("active", 1) with { NeedsReload = _stale.Contains(unit) }))),
        Memory = memory.For(desired?.Name ?? "", DateTimeOffset.UnixEpoch),
    };

    // systemd answers for a unit it does not know, too.
    private ImmutableSortedDictionary<string, UnitReading> Inside(RenderedRevision? desired) =>
        _inside.ToImmutableSortedDictionary(unit => unit.Key, unit => Reading(unit.Value.State, unit.Value.StartedAt)).AddRange(
            (desired?.Environment.Workloads ?? []).Select(workload => workload.Name).Concat(_retired).Distinct().Select(name => name + ".service").Where(unit => !_inside.ContainsKey(unit))
                .Select(unit => KeyValuePair.Create(unit, new UnitReading("not-found", "inactive", "dead", "success", "", 0, null, 0))));

    internal void Apply(NodeStep.Act act, RenderedRevision desired)
    {
        Acts.Add(act.Name);
        _clock += 1_000;
        switch (act)
        {
            case NodeStep.Stage stage: _staged = stage.Revision; break;
            case NodeStep.Commit commit: ConfirmWithin = commit.ConfirmWithin; Commit(); break;
            case NodeStep.RestartHostAgent: (_hostAgentStartedAt, CutOff) = (_clock, CutsOff); break;
            case NodeStep.Confirm: Confirmed = true; _retired.Clear(); _retiredProperties.Clear(); _retiredSafetyUnits.Clear(); break;
            case NodeStep.SetLimits limits: SetLimits(limits); break;
            case NodeStep.ReloadHost: Reload(); break;
            case NodeStep.StartQm or NodeStep.RestartQm: Reload(); StartQm(desired); break;
            case NodeStep.RestartQmAgent: _inside[QmNode.AgentUnit] = ("active", _clock, QmScore); break;
            case NodeStep.StopWorkload stop: _inside.Remove(stop.Unit); break;
            case NodeStep.RunWorkload run: _inside[run.Unit] = ("active", _clock, NestedScore(run.Unit, desired)); break;
            default: throw new InvalidOperationException($"the model does not know {act.Name}");
        }
    }

    /// <summary>Somebody changes, or removes, an owned file behind our back.</summary>
    internal void Edit(OwnedFileKind kind, string name = "", bool remove = false)
    {
        var id = new OwnedFileId(kind, name);
        if (remove)
        {
            _files.Remove(id);
        }
        else
        {
            _files[id] = _files[id] with { Sha256 = new('e', 64) };
        }
    }

    /// <summary>Somebody changes the score of QM's init behind our back.</summary>
    internal void DriftScore(int score) => QmScore = score;

    /// <summary>Somebody changes a limit behind our back.</summary>
    internal void Drift(string file, string value) => _kernel[file] = value;

    internal string Kernel(string file) => _kernel[file];

    /// <summary>The deadline passes without a confirmation.</summary>
    internal void GoBack(RenderedRevision previous)
    {
        _clock += 1_000;
        _reverted = new(_committed!.Name, "nobody confirmed it within 60 s of its commit");
        _staged = previous;
        Commit();
        (_hostAgentStartedAt, CutOff) = (_clock, false);
    }

    private void Commit()
    {
        var revision = _staged ?? throw new InvalidOperationException("commit without stage");
        var hostConf = new OwnedFileId(OwnedFileKind.HostBlueChiAgentConf, "");
        if (_files.GetValueOrDefault(hostConf)?.Sha256 != revision.Find(hostConf)?.Sha256)
        {
            _hostAgentConfChangedAt = _clock;
        }

        foreach (var gone in _files.Keys.Where(id => revision.Find(id) is null).ToArray())
        {
            _files.Remove(gone);
            if (gone.Kind == OwnedFileKind.Workload)
            {
                _retired.Add(gone.Name);
            }
            else if (gone.Kind == OwnedFileKind.AsilDropIn)
            {
                _retiredSafetyUnits.Add(gone.Name);
                _stale.Add(gone.Name);
            }
        }

        foreach (var file in revision.Files.Where(file => _files.GetValueOrDefault(file.Id)?.Sha256 != file.Sha256))
        {
            _files[file.Id] = new(file.Id.ToString(), file.Sha256, _clock);
        }

        _retiredProperties.UnionWith(_committed?.Environment.Resources.Keys.Select(property => property.ToString()) ?? []);
        _retiredProperties.ExceptWith(revision.Environment.Resources.Keys.Select(property => property.ToString()));
        (_committed, _staged, Confirmed) = (revision, null, false);
    }

    private void Reload()
    {
        _systemdScore = _committed?.Environment.Oom.Qm ?? 500;
        _stale.Clear();
    }

    private void StartQm(RenderedRevision desired)
    {
        (QmRuns, QmStartedAt, QmScore, Pid) = (true, _clock, _systemdScore, Pid + 1);
        foreach (var (property, value) in _committed?.Environment.Resources ?? ImmutableSortedDictionary<ResourceProperty, ResourceValue>.Empty)
        {
            SetKernel(LiveProperty.From(property, value, Machine));
        }

        _inside.Clear();
        _inside[QmNode.AgentUnit] = ("active", _clock, QmScore);
        foreach (var workload in _files.Keys.Where(id => id.Kind == OwnedFileKind.Workload))
        {
            _inside[workload.Name + ".service"] = ("active", _clock, NestedScore(workload.Name + ".service", desired));
        }
    }

    private static int NestedScore(string unit, RenderedRevision desired) =>
        NodeChecks.WantedScore(desired, unit[..^".service".Length]) ?? OomScore.NestedDefault;

    private void SetLimits(NodeStep.SetLimits limits)
    {
        foreach (var property in limits.Properties)
        {
            SetKernel(property);
        }
    }

    private void SetKernel(LiveProperty property)
    {
        if (property.Name == "MemoryHigh")
        {
            _kernel["memory.high"] = property.Number == ulong.MaxValue ? "max" : property.Number.ToString(System.Globalization.CultureInfo.InvariantCulture);
        }
        else if (property.Name == "CPUWeight")
        {
            (_kernel["cpu.idle"], _kernel["cpu.weight"]) = property.Number == 0 ? ("1", "1") : ("0", property.Number.ToString(System.Globalization.CultureInfo.InvariantCulture));
        }
        else
        {
            throw new InvalidOperationException($"the model has no kernel file for {property.Name}");
        }
    }

    private NodeEvidence Evidence() => new()
    {
        StagedRevision = _staged?.Name ?? "",
        Revision = _committed?.Name ?? "",
        Confirmed = Confirmed,
        Files = new Dictionary<OwnedFileId, FileEvidence>(_files),
        Effective = new Dictionary<string, string>(),
        Cgroup = QmRuns ? new Dictionary<string, string>(_kernel) : new Dictionary<string, string>(),
        Oom = new(0, QmRuns ? QmScore : null, QmRuns ? 100_000 + Pid : 0, _committed?.Environment.Oom.Nested ?? 750,
            [.. _inside.Where(unit => unit.Key != QmNode.AgentUnit).Select((unit, index) => new UnitScore(unit.Key, 200_000 + index, unit.Value.Score))], []),
        Machine = Machine,
        RetiredWorkloads = [.. _retired],
        RetiredSafetyUnits = [.. _retiredSafetyUnits],
        RetiredProperties = [.. _retiredProperties],
        Reverted = _reverted,
        AwaitsConfirmation = _committed is not null && !Confirmed,
        QmNodeName = _committed is null ? "" : "qm.ecu1",
        HostAgentConfChangedAt = _hostAgentConfChangedAt,
    };

    private static UnitReading Reading(string state, long startedAt) => new("loaded", state, "running", "success", "0", startedAt, null, 0);
}
