using System.Collections.Immutable;
using System.Globalization;
using Qm.Fleet.Core.Revisions;
using Qm.Fleet.Core.Rollouts;

namespace Qm.Fleet.Core.Plans;

/// <summary>A fleet as others wait for it.</summary>
/// <param name="Policy">How its nodes move.</param>
/// <param name="Nodes">Their names.</param>
public sealed record FleetNodes(RolloutPolicy Policy, ImmutableSortedSet<string> Nodes);

/// <summary>Rollouts that wait for QM of a node that waits for them.</summary>
/// <remarks>Only QM itself makes a circle: of all that a precondition can ask for, it is what rollouts take down and bring up.</remarks>
public static class PreconditionCycles
{
    /// <summary>Every precondition of a fleet from which a way leads back to it.</summary>
    /// <param name="fleet">Its name.</param>
    /// <param name="fleets">All fleets, by name, that one included.</param>
    public static IEnumerable<Finding> Of(string fleet, IReadOnlyDictionary<string, FleetNodes> fleets)
    {
        var (policy, own) = fleets[fleet];
        for (var index = 0; index < policy.Preconditions.Length; index++)
        {
            var condition = policy.Preconditions[index];
            if (condition is not { Unit: QmNode.Unit, State: "active" })
            {
                continue;
            }

            var path = string.Create(CultureInfo.InvariantCulture, $"spec.rollout.preconditions[{index}]");
            var what = $"{condition.Unit}{(condition.Node.Length > 0 ? $" of {condition.Node}" : "")} has to be active before a node of {fleet} moves, and ";
            if (condition.Node.Length == 0 || own.Contains(condition.Node))
            {
                var whose = condition.Node.Length == 0 ? "the node itself" : condition.Node;
                yield return new(Finding.PreconditionCycle, Severity.Error, path, [], $"{what}{fleet} is what moves {whose}: once its QM is down, no rollout could ever bring it up; ask for another unit");
            }
            else if (Way(fleet, condition.Node, fleets) is { } way)
            {
                yield return new(Finding.PreconditionCycle, Severity.Error, path, [], $"{what}{string.Join(", ", way)}: once both are down, neither could ever be brought up; take one of the preconditions away");
            }
        }
    }

    // Breadth first, so that the shortest is told; null when there is none.
    private static ImmutableArray<string>? Way(string home, string node, IReadOnlyDictionary<string, FleetNodes> fleets)
    {
        var (seen, queue) = (new HashSet<string>(StringComparer.Ordinal), new Queue<(string Fleet, ImmutableArray<string> Way)>());
        Look(node, []);
        while (queue.TryDequeue(out var at))
        {
            foreach (var condition in fleets[at.Fleet].Policy.Preconditions.Where(condition => condition is { Unit: QmNode.Unit, State: "active", Node.Length: > 0 }))
            {
                var way = at.Way.Add($"{at.Fleet} waits for {condition.Unit} of {condition.Node}");
                if (fleets[home].Nodes.Contains(condition.Node))
                {
                    return way.Add($"which {home} moves");
                }

                Look(condition.Node, way);
            }
        }

        return null;

        void Look(string name, ImmutableArray<string> way)
        {
            foreach (var (fleet, nodes) in fleets)
            {
                if (nodes.Nodes.Contains(name) && seen.Add(fleet))
                {
                    queue.Enqueue((fleet, way.Add($"{fleet} moves {name}")));
                }
            }
        }
    }
}
