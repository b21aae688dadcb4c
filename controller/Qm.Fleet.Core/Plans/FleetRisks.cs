using System.Collections.Immutable;
using System.Globalization;
using Qm.Fleet.Core.Environments;
using Qm.Fleet.Core.Resources;
using Qm.Fleet.Core.Revisions;
using Qm.Fleet.Core.Rollouts;

namespace Qm.Fleet.Core.Plans;

/// <summary>What of a fleet is wrong or risky on the nodes it has.</summary>
public static class FleetRisks
{
    /// <summary>A budget that lets no node of a group go down, so that none could ever move.</summary>
    /// <param name="policy">How the nodes move.</param>
    /// <param name="nodes">Labels of every node of the fleet.</param>
    public static IEnumerable<Finding> Budget(RolloutPolicy policy, IReadOnlyDictionary<string, IReadOnlyDictionary<string, string>> nodes)
    {
        foreach (var group in nodes.GroupBy(node => policy.BudgetPer.Length == 0 ? "" : node.Value.GetValueOrDefault(policy.BudgetPer) ?? "", StringComparer.Ordinal).OrderBy(group => group.Key, StringComparer.Ordinal))
        {
            var names = group.Select(node => node.Key).Order(StringComparer.Ordinal).ToImmutableArray();
            if (policy.MaxUnavailable.AtMostOf(names.Length) == 0)
            {
                var where = policy.BudgetPer.Length == 0 ? "the fleet" : group.Key.Length == 0 ? $"those without the label {policy.BudgetPer}" : $"{policy.BudgetPer}={group.Key}";
                yield return new(Finding.BudgetNeverMet, Severity.Error, "spec.rollout.maxUnavailable", names, string.Create(CultureInfo.InvariantCulture,
                    $"{policy.MaxUnavailable} of the {names.Length} nodes of {where} is {policy.MaxUnavailable.Value * names.Length / 100.0:0.##}, rounded down 0, so none of them may ever go down; a number, or at least {Math.Ceiling(100.0 / names.Length):0}%, works"));
            }
        }
    }

    /// <summary>What can be told without a look at the nodes.</summary>
    /// <param name="fleet">The fleet.</param>
    /// <param name="nodes">Labels of every node that its selector takes.</param>
    public static IEnumerable<Finding> Declared(FleetSpec fleet, IReadOnlyDictionary<string, IReadOnlyDictionary<string, string>> nodes) =>
        EnvironmentRisks.Of(fleet.Environment)
            .Concat(nodes.Count > 0 ? [] : [new(Finding.NoNode, Severity.Warning, "spec.selector", [], "no node matches the selector, so nothing happens until one does")])
            .Concat(EmptyBatches(fleet.Rollout, nodes))
            .Concat(Budget(fleet.Rollout, nodes));

    internal static IEnumerable<Finding> Of(FleetSpec fleet, IReadOnlyCollection<PlannedNode> nodes)
    {
        foreach (var overlap in nodes.Where(node => !node.Others.IsEmpty).GroupBy(node => string.Join(", ", node.Others)))
        {
            yield return new(Finding.Overlap, Severity.Warning, "spec.selector", Names(overlap), $"also wanted by fleet {overlap.Key}, so left as it is until only one wants it");
        }

        foreach (var group in nodes.Where(node => node.Rollout.KnownBad is not null).GroupBy(node => node.Rollout.KnownBad))
        {
            yield return new(Finding.KnownBad, Severity.Warning, "spec.environment", Names(group), $"this revision failed there before, and is not tried again until somebody says retry: {group.Key}");
        }

        foreach (var finding in CapacityRisks.Of(fleet, nodes).Concat(Cpus(fleet, nodes)).Concat(Scores(fleet.Environment, nodes)))
        {
            yield return finding;
        }
    }

    internal static IEnumerable<Finding> Of(FleetSpec fleet, RolloutForecast rollout) =>
        from number in Enumerable.Range(0, fleet.Rollout.Batches.Length)
        where fleet.Rollout.Batches[number].Select is not null && rollout.Batches[number].IsEmpty && (rollout.Batches.Any(batch => !batch.IsEmpty) || !rollout.Left.IsEmpty)
        select new Finding(Finding.EmptyBatch, Severity.Warning, string.Create(CultureInfo.InvariantCulture, $"spec.rollout.batches[{number}]"), [], $"no node is left that {fleet.Rollout.Batches[number]} would take");

    private static IEnumerable<Finding> EmptyBatches(RolloutPolicy policy, IReadOnlyDictionary<string, IReadOnlyDictionary<string, string>> nodes) =>
        from number in Enumerable.Range(0, policy.Batches.Length)
        let batch = policy.Batches[number]
        where nodes.Count > 0 && batch.Select is { } selector && !nodes.Values.Any(selector.Matches)
        select new Finding(Finding.EmptyBatch, Severity.Warning, string.Create(CultureInfo.InvariantCulture, $"spec.rollout.batches[{number}]"), [], $"no node of the fleet is {batch.Select}, so the batch takes none");

    private static IEnumerable<Finding> Cpus(FleetSpec fleet, IReadOnlyCollection<PlannedNode> nodes)
    {
        if (fleet.Environment.Resources.GetValueOrDefault(ResourceProperty.AllowedCPUs) is not ResourceValue.Cpus { Set: var wanted })
        {
            yield break;
        }

        foreach (var group in nodes.Where(node => node.View.Evidence?.Machine.Cpus is { } online && !wanted.Indices.IsSubsetOf(online.Indices)).GroupBy(node => node.View.Evidence!.Machine.Cpus!.ToString(), StringComparer.Ordinal))
        {
            yield return new(Finding.MissingCpus, Severity.Warning, "spec.environment.resources.AllowedCPUs", Names(group), $"AllowedCPUs {wanted} names CPUs that the node does not have; it has {group.Key}");
        }
    }

    // What the environment says of QM's score it has been held against already; where it says nothing, QM keeps the one it has on the node.
    private static IEnumerable<Finding> Scores(FleetEnvironment environment, IReadOnlyCollection<PlannedNode> nodes) => environment.Oom.Qm is not null ? [] :
        from node in nodes
        let found = node.View.Evidence?.Oom
        where found?.Qm is not null
        let source = found.Sources.FirstOrDefault(source => source.Unit == QmNode.Unit && source.Score == found.Qm)
        from asked in environment.Workloads.Where(workload => workload.OomScoreAdjust is not null)
            .Select(workload => (Path: $"spec.environment.workloads[{workload.Name}].oomScoreAdjust", Who: $"workload {workload.Name}", Score: workload.OomScoreAdjust!.Value))
            .Concat(environment.Oom.Nested is { } nested ? [("spec.environment.oom.nested", "the default of containers inside QM", nested)] : [])
        from problem in InheritedScore.Problems(found.Qm!.Value, source?.File ?? "", [new(asked.Who, asked.Score)])
        group node by (asked.Path, problem) into same
        select new Finding(Finding.BelowInherited, Severity.Warning, same.Key.Path, Names(same), same.Key.problem);

    internal static ImmutableArray<string> Names(IEnumerable<PlannedNode> nodes) => [.. nodes.Select(node => node.View.Name).Order(StringComparer.Ordinal)];
}
