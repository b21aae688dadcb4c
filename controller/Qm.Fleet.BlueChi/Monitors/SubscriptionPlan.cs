using System.Collections.Immutable;

namespace Qm.Fleet.BlueChi.Monitors;

/// <summary>Units of a node, either of which may be <c>*</c>.</summary>
internal readonly record struct Pattern(string Node, string Unit)
{
    internal const string All = "*";

    /// <summary>Every pattern that covers this one, itself among them.</summary>
    internal Pattern[] Wider() => [this, new(Node, All), new(All, Unit), new(All, All)];
}

/// <summary>Keeps what is subscribed disjoint while it tells of everything that is wanted.</summary>
internal static class SubscriptionPlan
{
    /// <summary>The fewest disjoint patterns that cover what is wanted, nodes taken from the list where two of them only overlap.</summary>
    /// <param name="wanted">Everything that somebody wants.</param>
    /// <param name="nodes">Every node there is.</param>
    internal static ImmutableHashSet<Pattern> Disjoint(IEnumerable<Pattern> wanted, IReadOnlyCollection<string> nodes)
    {
        var widest = Uncovered([.. wanted]);
        if (!widest.Any(pattern => pattern.Node != Pattern.All && pattern.Unit == Pattern.All))
        {
            return widest;
        }

        // One unit of all nodes and all units of one node overlap in one unit.
        return Uncovered([.. widest.SelectMany(pattern => pattern is { Node: Pattern.All, Unit: not Pattern.All }
            ? nodes.Select(node => pattern with { Node = node })
            : [pattern])]);
    }

    private static ImmutableHashSet<Pattern> Uncovered(ImmutableHashSet<Pattern> patterns) => patterns.Except(patterns.Where(pattern =>
        pattern.Wider().Any(wider => wider != pattern && patterns.Contains(wider))));
}
