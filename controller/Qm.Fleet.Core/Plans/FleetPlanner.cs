using System.Collections.Immutable;
using Qm.Fleet.Core.Capacity;
using Qm.Fleet.Core.Environments;
using Qm.Fleet.Core.Reconcile;
using Qm.Fleet.Core.Rollouts;

namespace Qm.Fleet.Core.Plans;

/// <summary>Says what applying a fleet would do, by asking the code that would do it.</summary>
public static class FleetPlanner
{
    /// <summary>Makes a plan.</summary>
    /// <param name="fleet">The fleet as it would be.</param>
    /// <param name="from">The revision it has now; empty for a new fleet.</param>
    /// <param name="before">What that holds; null for a new fleet.</param>
    /// <param name="state">The rollout as it would begin, or goes on where the environment stays.</param>
    /// <param name="nodes">Every node that its selector takes, those included that other fleets want as well.</param>
    /// <param name="now">The time.</param>
    /// <param name="found">What is wrong or risky beside, such as <see cref="PreconditionCycles"/>.</param>
    public static FleetPlan Make(
        FleetSpec fleet, string from, FleetEnvironment? before, RolloutState state, IReadOnlyCollection<PlannedNode> nodes, DateTimeOffset now, params IEnumerable<Finding> found)
    {
        var ours = nodes.Where(node => node.Others.IsEmpty).OrderBy(node => node.View.Name, StringComparer.Ordinal).ToArray();
        var rollout = RolloutForecast.Of(state, fleet.Rollout, ours.ToDictionary(node => node.View.Name, node => node.Rollout, StringComparer.Ordinal), now);
        return new(
            from,
            state.To,
            RevisionDiff.Of(before, fleet.Environment),
            rollout,
            [.. ours.Select(node => Of(node, now)).GroupBy(plan => plan.Key, plan => plan.Plan, StringComparer.Ordinal).Select(group => group.First() with { Nodes = [.. group.SelectMany(plan => plan.Nodes)] })],
            [
                .. FleetRisks.Declared(fleet, ours.ToDictionary(node => node.View.Name, node => node.Rollout.Labels, StringComparer.Ordinal)).Concat(FleetRisks.Of(fleet, nodes)).Concat(FleetRisks.Of(fleet, rollout)).Concat(found)
                    .DistinctBy(finding => finding.Rule == Finding.EmptyBatch ? finding.Path : $"{finding}")
                    .OrderByDescending(finding => finding.Severity).ThenBy(finding => finding.Rule, StringComparer.Ordinal),
            ])
        {
            Capacity =
            [
                .. ours.GroupBy(node => NodeCapacity.Of(fleet.Environment, fleet.AsilReserve ?? AsilReserve.Default, node.View.Evidence?.Machine ?? new(0, 0)))
                    .Select(group => (FleetRisks.Names(group), group.Key)),
            ],
        };
    }

    // The key is all of the plan, with the node's name taken out.
    private static (string Key, NodePlan Plan) Of(PlannedNode node, DateTimeOffset now)
    {
        var name = node.View.Name;
        var forecast = NodeForecast.Of(node.View, node.Before, now);
        var plan = new NodePlan(
            [name],
            forecast.Acts.Any(act => act is NodeStep.Commit) ? Files(node) : [],
            [.. forecast.Acts.Select(act => new PlannedStep(act.Name, act.Reason, Disruptions.Of(act), NodeCall.Of(act, name)))],
            forecast.End);
        var key = string.Join('\n', plan.Files.Select(file => $"{file.Path}\0{file.Before}\0{file.After}")
            .Concat(plan.Steps.Select(step => $"{step.Reason}\0{string.Join('\0', step.Calls)}")).Append($"{plan.End.Name}\0{plan.End.Reason}"));
        return (key.Replace(name, "\0node\0", StringComparison.Ordinal), plan);
    }

    private static ImmutableArray<FilePlan> Files(PlannedNode node)
    {
        if (node.View is not { Desired: { } desired, Evidence: { } evidence })
        {
            return [];
        }

        return [.. Drift.Files(desired, evidence).Order().Select(id =>
        {
            var (found, known) = (evidence.Files.GetValueOrDefault(id), node.Before?.Find(id));
            return new FilePlan(id, found?.Path is { Length: > 0 } path ? path : id.UsualPath, found is null ? "" : known?.Sha256 == found.Sha256 ? known.Content : null, desired.Find(id)?.Content);
        })];
    }
}
