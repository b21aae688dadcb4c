using Qm.Fleet.Core.Environments;

namespace Qm.Fleet.Core.Rollouts;

/// <summary>Parts of a policy that are right each for itself, and cannot both be had.</summary>
internal static class RolloutContradictions
{
    /// <summary>Notes what of a policy contradicts itself.</summary>
    /// <param name="policy">As it was read.</param>
    /// <param name="manifest">As it was written.</param>
    /// <param name="path">Where it stands.</param>
    /// <param name="problems">Takes what is found.</param>
    internal static void Check(RolloutPolicy policy, RolloutManifest manifest, string path, ProblemList problems)
    {
        problems.Check($"{path}.successThreshold", policy.SuccessThreshold == 0 && manifest.OnFailure.Length > 0
            ? $"0% lets every node fail, so onFailure: {manifest.OnFailure} could never come to pass; expected 1% to 100%, or no onFailure" : null);
        for (var later = 1; later < policy.Batches.Length; later++)
        {
            var earlier = policy.Batches.Take(later).Select((batch, index) => (batch, index))
                .FirstOrDefault(before => before.batch is { Select: not null, Limit: { IsPercent: true, Value: 100 } } && $"{before.batch.Select}" == $"{policy.Batches[later].Select}");
            problems.Check($"{path}.batches[{later}].select", earlier.batch is null ? null : $"batches[{earlier.index}] takes every node with {earlier.batch.Select}, so none is left for this one");
        }

        for (var later = 1; later < policy.Preconditions.Length; later++)
        {
            var condition = policy.Preconditions[later];
            var earlier = policy.Preconditions.Take(later).Select((before, index) => (before, index))
                .FirstOrDefault(one => (one.before.Node, one.before.Unit) == (condition.Node, condition.Unit) && one.before.State != condition.State);
            problems.Check($"{path}.preconditions[{later}]", earlier.before is null ? null
                : $"{condition.Unit} has to be {condition.State} here and {earlier.before.State} in preconditions[{earlier.index}], which can never both be");
        }
    }
}
