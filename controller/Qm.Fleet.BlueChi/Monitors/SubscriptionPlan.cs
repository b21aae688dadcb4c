using System.Collections.Immutable;

namespace Qm.Fleet.BlueChi.Monitors;

/// <summary>Units of a node, either of which may be <c>*</c>.</summary>
internal readonly record struct Pattern(string Node, string Unit)
{
    internal const string All = "*";

    internal bool Covers(Pattern other) => (Node == All || Node == other.Node) && (Unit == All || Unit == other.Unit);

    internal bool Overlaps(Pattern other) => (Node == All || other.Node == All || Node == other.Node) && (Unit == All || other.Unit == All || Unit == other.Unit);
}

/// <summary>Keeps what is subscribed disjoint while it tells of everything that is wanted.</summary>
internal static class SubscriptionPlan
{
    /// <summary>The fewest disjoint patterns that cover what is wanted, nodes taken from the list where two of them only overlap.</summary>
    /// <param name="wanted">Everything that somebody wants.</param>
    /// <param name="nodes">Every node there is.</param>
    internal static ImmutableHashSet<Pattern> Disjoint(IEnumerable<Pattern> wanted, IReadOnlyCollection<string> nodes)
    {
        var all = wanted.ToHashSet();
        var widest = all.Where(pattern => !all.Any(other => other != pattern && other.Covers(pattern))).ToArray();
        var split = widest.SelectMany(pattern => pattern.Node == Pattern.All && widest.Any(other => other != pattern && other.Overlaps(pattern))
            ? nodes.Select(node => pattern with { Node = node })
            : [pattern]).ToHashSet();
        return [.. split.Where(pattern => !split.Any(other => other != pattern && other.Covers(pattern)))];
    }
}
