using System.Collections.Immutable;
using Qm.Fleet.Core.Environments;
using Qm.Fleet.Core.Selectors;
using Qm.Fleet.Core.Units;

namespace Qm.Fleet.Core.Rollouts;

/// <summary>Checks rollout policies.</summary>
internal static class RolloutParser
{
    private const string Path = "spec.rollout";
    private const int MaxBatches = 100;
    private static readonly string[] States = ["active", "inactive", "failed"];

    /// <summary>Checks a policy; all problems at once.</summary>
    internal static RolloutPolicy Parse(RolloutManifest manifest, ProblemList problems)
    {
        var policy = RolloutPolicy.Default with
        {
            Soak = problems.Read<TimeSpan>($"{Path}.soak", manifest.Soak, TimeSpan.Zero, Durations.TryParse),
            Deadline = problems.Read<TimeSpan>($"{Path}.deadline", manifest.Deadline, RolloutPolicy.Default.Deadline, Durations.TryParse),
            MaxUnavailable = problems.Read<Amount>($"{Path}.maxUnavailable", manifest.MaxUnavailable, RolloutPolicy.Default.MaxUnavailable, Amount.TryParse),
            BudgetPer = manifest.BudgetPer,
            SuccessThreshold = problems.Read<int>($"{Path}.successThreshold", manifest.SuccessThreshold, 100, Amount.TryParsePercent),
            MaxPressure = manifest.MaxPressure.Length == 0 ? null : problems.Read<int>($"{Path}.maxPressure", manifest.MaxPressure, 100, Amount.TryParsePercent),
            MaxRestarts = manifest.MaxRestarts,
            OnFailure = manifest.OnFailure switch { "rollback" => OnFailure.Rollback, "rollback-batch" => OnFailure.RollbackBatch, _ => OnFailure.Pause },
            Batches = Batches(manifest.Batches, problems),
            Windows = [.. manifest.Windows.Select((text, index) => Window(text, index, problems)).OfType<MaintenanceWindow>()],
            Preconditions = [.. manifest.Preconditions.Select((condition, index) => Condition(condition, index, problems))],
        };
        problems.Check($"{Path}.onFailure", manifest.OnFailure is "" or "pause" or "rollback" or "rollback-batch" ? null
            : $"\"{manifest.OnFailure}\" is not known; expected pause, rollback-batch or rollback");
        problems.Check($"{Path}.budgetPer", manifest.BudgetPer.Length == 0 || Labels.IsKey(manifest.BudgetPer, out var problem) ? null : problem);
        problems.Check($"{Path}.maxRestarts", manifest.MaxRestarts < 0 ? $"{manifest.MaxRestarts} is below 0" : null);
        problems.Check($"{Path}.maxUnavailable", policy.MaxUnavailable.Value == 0 ? $"{policy.MaxUnavailable} lets no node ever go down, so none could move; expected at least 1 or 1%" : null);
        problems.Check($"{Path}.deadline", policy.Deadline == TimeSpan.Zero ? "no node is Ready at once; expected such as 10m" : null);
        RolloutContradictions.Check(policy, manifest, Path, problems);
        return policy;
    }

    private static ImmutableArray<RolloutBatch> Batches(IReadOnlyList<(string Select, string Limit)> declared, ProblemList problems)
    {
        if (declared.Count == 0)
        {
            return RolloutPolicy.Default.Batches;
        }

        problems.Check($"{Path}.batches", declared.Count > MaxBatches ? $"{declared.Count} batches are more than {MaxBatches}" : null);
        var batches = declared.Select((batch, index) => new RolloutBatch(Select(batch.Select, index, problems), problems.Read<Amount>($"{Path}.batches[{index}].limit", batch.Limit, Amount.All, Amount.TryParse))).ToImmutableArray();
        foreach (var (batch, index) in batches.Select((batch, index) => (batch, index)))
        {
            problems.Check($"{Path}.batches[{index}].limit", batch.Limit.Value == 0 ? $"{batch.Limit} takes no node" : null);
        }

        problems.Check($"{Path}.batches", batches is [.., { Select: null, Limit: { IsPercent: true, Value: 100 } }] ? null
            : "the batches need not take every node, and the others would never move; end them with {limit: 100%}");
        problems.Check($"{Path}.batches", batches.SkipLast(1).Any(batch => batch is { Select: null, Limit: { IsPercent: true, Value: 100 } })
            ? "a batch takes every node, so none is left for those after it" : null);
        return batches;
    }

    private static LabelSelector? Select(string text, int index, ProblemList problems)
    {
        if (text.Length == 0)
        {
            return null;
        }

        if (!LabelSelector.TryParse(text, out var selector, out var found))
        {
            foreach (var problem in found)
            {
                problems.Add($"{Path}.batches[{index}].select", problem);
            }
        }

        return selector;
    }

    private static MaintenanceWindow? Window(string text, int index, ProblemList problems)
    {
        if (!MaintenanceWindow.TryParse(text, out var window, out var problem))
        {
            problems.Add($"{Path}.windows[{index}]", problem);
        }

        return window;
    }

    private static Precondition Condition((string Node, string Unit, string State) declared, int index, ProblemList problems)
    {
        var path = $"{Path}.preconditions[{index}]";
        problems.Check($"{path}.unit", UnitName.IsValid(declared.Unit, out var problem) ? null : problem);
        problems.Check($"{path}.state", declared.State.Length == 0 || States.Contains(declared.State) ? null : $"\"{declared.State}\" is not a state that lasts; expected {string.Join(", ", States)}");
        return new(declared.Node, declared.Unit, declared.State.Length == 0 ? "active" : declared.State);
    }
}
