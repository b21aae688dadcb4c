using System.Collections.Immutable;
using Qm.Fleet.Controller.Reconcile;
using Qm.Fleet.Controller.Storage;
using Qm.Fleet.Core.Environments;
using Qm.Fleet.Core.Plans;
using Qm.Fleet.Core.Reconcile;
using Qm.Fleet.Core.Revisions;
using Qm.Fleet.Core.Rollouts;

namespace Qm.Fleet.Controller.Plans;

/// <summary>Shows the planner what would be wanted and what is so.</summary>
internal sealed class FleetPlans(FleetStore fleets, LiveNodes live, RolloutNodes rollouts, BlueChiLink blueChi, TimeProvider time, ILogger<FleetPlans> logger)
{
    private const int ReadsAtOnce = 16;
    private static readonly ImmutableSortedDictionary<string, UnitReading> NoUnits = ImmutableSortedDictionary<string, UnitReading>.Empty;

    /// <summary>Makes a plan for each fleet, as if all of them were applied at once, after the nodes.</summary>
    /// <param name="nodes">Of different names and of sites that exist.</param>
    /// <param name="drafts">Of different names.</param>
    /// <param name="actor">Who asks.</param>
    /// <param name="ct">Ends the reading.</param>
    internal async Task<IReadOnlyList<(AppliedFleet After, FleetPlan Plan)>> MakeAsync(
        IReadOnlyList<NodeSpec> nodes, IReadOnlyList<FleetDraft> drafts, string actor, CancellationToken ct)
    {
        var preview = await fleets.PreviewAsync(nodes, drafts, actor, ct);
        var plans = new List<(AppliedFleet, FleetPlan)>();
        var all = preview.Desired.Fleets.ToDictionary(
            fleet => fleet.Name,
            fleet => new FleetNodes(fleet.Policy, [.. preview.Desired.Nodes.Where(node => !node.Leaves && fleet.Selector.Matches(node.Labels)).Select(node => node.Name)]), StringComparer.Ordinal);
        foreach (var (draft, before, after) in drafts.Zip(preview.Before, preview.After))
        {
            var fleet = preview.Desired.Fleets.Single(candidate => candidate.Name == draft.Spec.Name);
            var members = preview.Desired.Nodes.Where(node => !node.Leaves && fleet.Selector.Matches(node.Labels)).ToArray();
            var units = await UnitsAsync(fleet, members, ct);
            var planned = members.Select(node => Look(preview.Desired, fleet, node, units)).ToArray();
            var state = fleet.Rollout?.State ?? new RolloutState("", fleet.Revision, RolloutPhase.Progressing);
            plans.Add((after, FleetPlanner.Make(draft.Spec, before?.Revision ?? "", before?.Spec.Environment, state, planned, time.GetUtcNow(), PreconditionCycles.Of(fleet.Name, all))));
        }

        return plans;
    }

    private PlannedNode Look(DesiredState desired, DesiredFleet fleet, DesiredNode node, IReadOnlyDictionary<string, ImmutableSortedDictionary<string, UnitReading>> units)
    {
        var found = live.Find(node.Name);
        var view = found?.View ?? new() { Name = node.Name, Host = blueChi.PresenceOf(node.Name), Memory = new() };
        var revision = view.Evidence?.Revision ?? "";
        UnitReading? UnitOf(string host, string unit) => units.GetValueOrDefault(host, NoUnits).GetValueOrDefault(unit) ?? rollouts.UnitOf(host, unit);
        return new(
            view with
            {
                Desired = RevisionRenderer.Render(fleet.Revision, fleet.Environment, node.Name),
                Cordoned = node.Cordoned,
                KnownBad = fleet.Failures.GetValueOrDefault(node.Name),
                HostUnits = view.HostUnits.SetItems(units.GetValueOrDefault(node.Name, NoUnits)),
            },
            found is null ? rollouts.View(fleet, node.Name) with { Labels = node.Labels, Cordoned = node.Cordoned } : rollouts.Of(fleet, found, node.Labels, node.Cordoned, UnitOf),
            fleet.Environments.TryGetValue(revision, out var environment) ? RevisionRenderer.Render(revision, environment, node.Name) : null,
            [.. desired.ClaimsOf(node).Where(other => other.Name != fleet.Name).Select(other => other.Name)]);
    }

    // Units that nobody had a reason to look at before: those a safety score or a precondition names for the first time.
    private async Task<IReadOnlyDictionary<string, ImmutableSortedDictionary<string, UnitReading>>> UnitsAsync(DesiredFleet fleet, IReadOnlyCollection<DesiredNode> members, CancellationToken ct)
    {
        if (blueChi.Current is null)
        {
            return ImmutableDictionary<string, ImmutableSortedDictionary<string, UnitReading>>.Empty;
        }

        var wanted = members
            .SelectMany(node => fleet.Environment.Oom.Asil.Keys.Select(unit => (Node: node.Name, Unit: unit))
                .Concat(fleet.Policy.Preconditions.Select(condition => (Node: condition.Node.Length == 0 ? node.Name : condition.Node, condition.Unit))))
            .Distinct()
            .Where(unit => rollouts.UnitOf(unit.Node, unit.Unit) is null && blueChi.PresenceOf(unit.Node) == Presence.Online)
            .GroupBy(unit => unit.Node, unit => unit.Unit, StringComparer.Ordinal).ToArray();
        var readings = new ImmutableSortedDictionary<string, UnitReading>[wanted.Length];
        await Parallel.ForAsync(0, wanted.Length, new ParallelOptions { MaxDegreeOfParallelism = ReadsAtOnce, CancellationToken = ct },
            async (index, ct) => readings[index] = await UnitReader.ReadManyAsync(blueChi, wanted[index].Key, wanted[index], logger, ct));
        return wanted.Zip(readings).ToImmutableDictionary(pair => pair.First.Key, pair => pair.Second, StringComparer.Ordinal);
    }
}
