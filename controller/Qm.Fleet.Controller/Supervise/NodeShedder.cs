using System.Collections.Immutable;
using Qm.Fleet.Controller.Reconcile;
using Qm.Fleet.Core.LoadShedding;
using Qm.Fleet.Core.Reconcile;
using Qm.Fleet.V1;

namespace Qm.Fleet.Controller.Supervise;

/// <summary>Sheds load of one node while its QM is under pressure, as its fleet's rules say.</summary>
internal sealed class NodeShedder(string name, EventSink events)
{
    private ImmutableSortedDictionary<string, SheddingState> _states = LoadShedder.None;
    private ImmutableArray<SheddingRule> _active = [];

    /// <summary>Rules whose load is shed, each with since when.</summary>
    internal ImmutableArray<(string Rule, DateTimeOffset Since)> Active { get; private set; } = [];

    /// <summary>When to look again without being told; null when only the node can change anything.</summary>
    internal DateTimeOffset? Wake { get; private set; }

    /// <summary>What is wanted of a node now: with other limits while load is shed.</summary>
    /// <param name="assignment">What is asked of it.</param>
    /// <param name="view">What is known of it.</param>
    /// <param name="usage">What it uses; null when that was never told.</param>
    /// <param name="now">The time.</param>
    /// <param name="ct">Ends the write of what happened.</param>
    internal async Task<NodeView> ShedAsync(NodeAssignment assignment, NodeView view, Usage? usage, DateTimeOffset now, CancellationToken ct)
    {
        var fleet = assignment.Fleet;
        var rules = fleet?.Supervision.LoadShedding ?? [];
        // A node that is on its way somewhere has all its load; what it does there is what its revision is judged by. So has one that people work on: they see it as its environment has it.
        var verdict = LoadShedder.Judge(view.IsSupervised && !assignment.Maintenance ? rules : [], _states, view.Evidence is null ? null : ToSample(usage), now);
        foreach (var notice in verdict.Notices)
        {
            await events.AddAsync(NodeHealer.ToEvent(notice, fleet?.Name ?? "", name), ct);
        }

        _states = verdict.States;
        Wake = LoadShedder.Wake(rules, _states, now);
        _active = [.. LoadShedder.Active(rules, _states)];
        Active = [.. _active.Select(rule => (rule.Name, _states[rule.Name].ActiveSince!.Value))];
        return _active.IsEmpty || view.Desired is not { } desired ? view : view with { Desired = LoadShedder.Overlay(desired, _active) };
    }

    /// <summary>The next workload to freeze or thaw, and those that are frozen by us then; see <see cref="LoadShedder.Next"/>.</summary>
    internal (NodeStep.Act? Act, ImmutableSortedSet<string> Frozen) Next(NodeView view, ImmutableSortedSet<string> frozen) => LoadShedder.Next(view.QmUnits, _active, frozen);

    private static PressureSample? ToSample(Usage? usage) => usage?.Qm is not { } qm ? null : new(
        ImmutableSortedDictionary.CreateRange(new (PressureKind Kind, Pressure? Pressure)[]
            { (PressureKind.Memory, qm.MemoryPressure), (PressureKind.Cpu, qm.CpuPressure), (PressureKind.Io, qm.IoPressure) }
            .Where(static one => one.Pressure?.Some is not null).Select(static one => KeyValuePair.Create(one.Kind, one.Pressure!.Some.Avg10))),
        qm.MemoryEvents.ToImmutableSortedDictionary(StringComparer.Ordinal));
}
