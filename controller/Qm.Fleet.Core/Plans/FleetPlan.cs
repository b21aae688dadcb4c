using System.Collections.Immutable;
using Qm.Fleet.Core.Capacity;
using Qm.Fleet.Core.Reconcile;
using Qm.Fleet.Core.Revisions;
using Qm.Fleet.Core.Rollouts;

namespace Qm.Fleet.Core.Plans;

/// <summary>Everything that applying a fleet would do, before anything is done.</summary>
/// <param name="From">The revision it has; empty for a new fleet.</param>
/// <param name="To">The revision it would have.</param>
/// <param name="Changes">What differs between the two, by field.</param>
/// <param name="Rollout">How its nodes would move.</param>
/// <param name="Nodes">What would be done on them; nodes on which the same would be done stand together.</param>
/// <param name="Findings">What is wrong or risky, the worst first.</param>
public sealed record FleetPlan(
    string From, string To, ImmutableArray<FieldChange> Changes, RolloutForecast Rollout, ImmutableArray<NodePlan> Nodes, ImmutableArray<Finding> Findings)
{
    /// <summary>What its limits let QM take of the nodes; nodes that are alike stand together.</summary>
    public ImmutableArray<(ImmutableArray<string> Nodes, NodeCapacity Capacity)> Capacity { get; init; } = [];
}

/// <summary>What would be done on a node.</summary>
/// <param name="Nodes">The node, first, and those on which the same would be done, but for their names.</param>
/// <param name="Files">Owned files that would change.</param>
/// <param name="Steps">In order.</param>
/// <param name="End">Where that leads.</param>
public sealed record NodePlan(ImmutableArray<string> Nodes, ImmutableArray<FilePlan> Files, ImmutableArray<PlannedStep> Steps, NodeStep End)
{
    /// <summary>The most that is disrupted.</summary>
    public Disruption Disrupts => Steps.Select(step => step.Disrupts).Append(Disruption.None).Max();
}

/// <summary>One act and its calls.</summary>
/// <param name="Act">Its name.</param>
/// <param name="Reason">Why.</param>
/// <param name="Disrupts">What it disrupts.</param>
/// <param name="Calls">In order.</param>
public sealed record PlannedStep(string Act, string Reason, Disruption Disrupts, ImmutableArray<NodeCall> Calls);

/// <summary>An owned file that would change.</summary>
/// <param name="Id">Which.</param>
/// <param name="Path">Where it is, or usually is.</param>
/// <param name="Before">Its content; empty when it does not exist, null when it was changed by somebody else, so that nobody here knows it.</param>
/// <param name="After">What it would be; null when it is removed.</param>
public sealed record FilePlan(OwnedFileId Id, string Path, string? Before, string? After);

/// <summary>A node that a plan is made for.</summary>
/// <param name="View">The node as it is, with the revision it would have.</param>
/// <param name="Rollout">The same as the rollout sees it.</param>
/// <param name="Before">The revision it has; null when there is none or nobody here knows it.</param>
/// <param name="Others">Other fleets that want the node.</param>
public sealed record PlannedNode(NodeView View, RolloutNode Rollout, RenderedRevision? Before, ImmutableArray<string> Others);
