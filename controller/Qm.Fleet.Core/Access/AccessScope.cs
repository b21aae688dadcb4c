using System.Collections.Immutable;
using Qm.Fleet.Core.Selectors;

namespace Qm.Fleet.Core.Access;

/// <summary>What a rule is about; a part that is empty is about everything.</summary>
/// <param name="Sites">Names of sites, with * and ?.</param>
/// <param name="Fleets">Names of fleets, with * and ?.</param>
/// <param name="Nodes">Names of nodes, with * and ?.</param>
/// <param name="Labels">Labels of the node, or of the fleet where no node is concerned; null for any.</param>
/// <param name="Units">Names of units, with * and ?.</param>
public sealed record AccessScope(
    ImmutableArray<string> Sites, ImmutableArray<string> Fleets, ImmutableArray<string> Nodes, LabelSelector? Labels, ImmutableArray<string> Units)
{
    /// <summary>Everything.</summary>
    public static AccessScope Everything { get; } = new([], [], [], null, []);

    /// <summary>Whether nothing is left out.</summary>
    public bool IsEverything => Sites.IsEmpty && Fleets.IsEmpty && Nodes.IsEmpty && Units.IsEmpty && Labels is null or { Requirements.IsEmpty: true };

    /// <summary>Whether a target lies in it. A target that has no such part, as a fleet has no unit, does not lie in a scope that names one.</summary>
    public bool Contains(AccessTarget target) =>
        Has(Sites, target.Site) && Has(Fleets, target.Fleet) && Has(Nodes, target.Node) && Has(Units, target.Unit)
        && (Labels is null or { Requirements.IsEmpty: true } || (target.Labels is { } labels && Labels.Matches(labels)));

    private static bool Has(ImmutableArray<string> patterns, string name) =>
        patterns.IsEmpty || (name.Length > 0 && patterns.Any(pattern => Glob.Matches(pattern, name)));

    /// <inheritdoc/>
    public bool Equals(AccessScope? other) => other is not null && Sites.SequenceEqual(other.Sites) && Fleets.SequenceEqual(other.Fleets)
        && Nodes.SequenceEqual(other.Nodes) && Equals(Labels, other.Labels) && Units.SequenceEqual(other.Units);

    /// <inheritdoc/>
    public override int GetHashCode() => HashCode.Combine(Sites.Length, Fleets.Length, Nodes.Length, Labels, Units.Length);
}

/// <summary>What a call is about; a part is empty where the call concerns none.</summary>
/// <param name="Site">The site's name.</param>
/// <param name="Fleet">The fleet's name; for a node, that of the fleet that has it.</param>
/// <param name="Node">The node's name.</param>
/// <param name="Labels">Labels of the node, or of the fleet where no node is concerned; null when neither is.</param>
/// <param name="Unit">The unit's name.</param>
public sealed record AccessTarget(string Site = "", string Fleet = "", string Node = "", IReadOnlyDictionary<string, string>? Labels = null, string Unit = "")
{
    /// <summary>How a refusal names it; empty for a target with no parts.</summary>
    public override string ToString() => string.Join(" ", new[] { Part("site", Site), Part("fleet", Fleet), Part("node", Node), Part("unit", Unit) }.Where(static part => part.Length > 0));

    private static string Part(string kind, string name) => name.Length == 0 ? "" : $"{kind}/{name}";
}
