using System.Collections.Immutable;
using System.Globalization;
using Qm.Fleet.Controller.Gateway;
using Qm.Fleet.Controller.Storage;
using Qm.Fleet.Core.Reconcile;
using Qm.Fleet.Core.Revisions;
using Qm.Fleet.Core.Rollouts;
using Qm.Fleet.Core.Supervision;

namespace Qm.Fleet.Controller.Reconcile;

/// <summary>What is wanted of a node, as far as the store says.</summary>
/// <param name="Site">The site the node belongs to.</param>
/// <param name="Fleet">The one fleet that selects it; null when none or several do.</param>
/// <param name="NotDesiredBecause">Why <paramref name="Fleet"/> is null.</param>
/// <param name="Cordoned">Whether it is to be left alone.</param>
internal sealed record NodeAssignment(string Site, DesiredFleet? Fleet, string NotDesiredBecause, bool Cordoned)
{
    /// <summary>The node's labels.</summary>
    internal IReadOnlyDictionary<string, string> Labels { get; init; } = ImmutableDictionary<string, string>.Empty;

    /// <summary>Units of the host whose state a rollout asks for before it disrupts a node.</summary>
    internal IReadOnlyList<string> Preconditions { get; init; } = [];

    /// <summary>Whether people work on it: nothing on it is healed.</summary>
    internal bool Maintenance { get; init; }
}

/// <summary>One aspect of a node, with since when.</summary>
/// <param name="Type">Such as Ready.</param>
/// <param name="Holds">Whether it holds; null when unknown.</param>
/// <param name="Reason">A CamelCase word.</param>
/// <param name="Message">A sentence.</param>
/// <param name="Since">When <paramref name="Holds"/> last changed.</param>
internal sealed record LiveCondition(string Type, bool? Holds, string Reason, string Message, DateTimeOffset Since);

/// <summary>A node as it was last looked at.</summary>
internal sealed record NodeLive
{
    internal required string Name { get; init; }

    internal required NodeAssignment Assignment { get; init; }

    internal required NodeView View { get; init; }

    /// <summary>The step as people see it.</summary>
    internal required NodeStep Step { get; init; }

    /// <summary>The step towards the revision that it was told; Ready with an earlier one is no step that people would call so.</summary>
    internal required NodeStep Decided { get; init; }

    internal required DateTimeOffset StepSince { get; init; }

    internal required ImmutableArray<LiveCondition> Conditions { get; init; }

    internal ImmutableArray<NodeCheck> Checks { get; init; } = [];

    /// <summary>How it is, all signals together.</summary>
    internal required NodePhaseState Phase { get; init; }

    /// <summary>What is known of its units over time.</summary>
    internal NodeSupervision Supervision { get; init; } = NodeSupervision.New;

    /// <summary>Rules whose load is shed, each with since when.</summary>
    internal ImmutableArray<(string Rule, DateTimeOffset Since)> Shed { get; init; } = [];

    /// <summary>Why it shall go back to the revision it had before; null when it shall not.</summary>
    internal string? Revert { get; init; }

    /// <summary>How it is healed.</summary>
    internal SupervisionPolicy Policy => Assignment.Fleet?.Supervision ?? SupervisionPolicy.Default;

    /// <summary>What stands wrong in the OOM order.</summary>
    internal ImmutableArray<OomInversion> OomInversions { get; init; } = [];

    /// <summary>What kept it from being disrupted when it was asked right before; null when nothing did.</summary>
    internal NodeStep.Wait? Held { get; init; }

    /// <summary>The last report, also of an agent extension that is gone.</summary>
    internal AgentReport? Report { get; init; }

    /// <summary>What its probes say, by unit; empty while nobody knows.</summary>
    internal ImmutableArray<ProbeReading> Probes { get; init; } = [];

    /// <summary>Those of them that fail, by unit, as far as was heard last.</summary>
    internal ImmutableSortedDictionary<string, ProbeReading> FailingProbes { get; init; } = Core.Supervision.FailingProbes.None;

    /// <summary>From the acceptance of the rollout to Ready; null until that was seen.</summary>
    internal TimeSpan? ConvergedAfter { get; init; }

    /// <summary>Counters of what happened to it.</summary>
    internal HealthMark Health => field ??= new(OomKills(View.Evidence), Restarts(View));

    /// <summary>Whether people and rollouts would see a difference; usage figures alone are none.</summary>
    internal bool DiffersFrom(NodeLive? other) =>
        other is null || Step.Name != other.Step.Name || Step.Reason != other.Step.Reason || Decided.Name != other.Decided.Name || View.Desired?.Name != other.View.Desired?.Name || Assignment != other.Assignment
        || Phase != other.Phase || Revert != other.Revert || !Shed.SequenceEqual(other.Shed) || !ReferenceEquals(Supervision, other.Supervision) || !Conditions.SequenceEqual(other.Conditions) || !Checks.SequenceEqual(other.Checks) || !Probes.SequenceEqual(other.Probes)
        || View.Evidence?.StagedRevision != other.View.Evidence?.StagedRevision
        || ConvergedAfter != other.ConvergedAfter || Held?.Reason != other.Held?.Reason || Report?.Report.Revision != other.Report?.Report.Revision
        || !Equals(Report?.Report.Oom, other.Report?.Report.Oom) || !Equals(Report?.Report.Facts, other.Report?.Report.Facts);

    private static ImmutableSortedDictionary<string, long> Restarts(NodeView view)
    {
        var restarts = HealthMark.None.Restarts.AddRange(view.QmUnits.Select(unit => KeyValuePair.Create(unit.Key, unit.Value.Restarts)));
        return view.QmUnit is { } qm ? restarts.SetItem(QmNode.Unit, qm.Restarts) : restarts;
    }

    private static long OomKills(NodeEvidence? evidence) =>
        evidence?.Cgroup.GetValueOrDefault("memory.events")?.Split('\n').Select(line => line.Split(' ')).FirstOrDefault(line => line is ["oom_kill", _]) is [_, var count]
            && long.TryParse(count, NumberStyles.None, CultureInfo.InvariantCulture, out var kills) ? kills : 0;
}
