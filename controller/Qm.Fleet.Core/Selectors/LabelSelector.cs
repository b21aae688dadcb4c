using System.Collections.Immutable;
using System.Diagnostics.CodeAnalysis;

namespace Qm.Fleet.Core.Selectors;

/// <summary>A Kubernetes label selector: conditions separated by commas, all of which must hold.</summary>
/// <remarks>Grammar: <c>key</c>, <c>!key</c>, <c>key=value</c>, <c>key==value</c>, <c>key!=value</c>, <c>key in (a,b)</c>, <c>key notin (a,b)</c>.</remarks>
/// <param name="Requirements">The conditions, sorted, each once; none matches everything.</param>
public sealed record LabelSelector(ImmutableArray<Requirement> Requirements)
{
    /// <summary>What matches everything.</summary>
    public static LabelSelector Everything { get; } = new([]);

    /// <summary>Reads a selector; an empty text matches everything.</summary>
    /// <param name="text">The selector.</param>
    /// <param name="selector">What was read; null when there are problems.</param>
    /// <param name="problems">Everything that is wrong, each with the character at which it stands, from 1.</param>
    public static bool TryParse(string text, [NotNullWhen(true)] out LabelSelector? selector, out IReadOnlyList<string> problems)
    {
        var found = new List<string>();
        var requirements = new List<Requirement>();
        if (!string.IsNullOrWhiteSpace(text))
        {
            foreach (var (part, position) in SelectorText.SplitTop(text))
            {
                if (SelectorText.TryRead(part, position, found) is { } requirement)
                {
                    requirements.Add(requirement);
                }
            }
        }

        problems = found;
        selector = found.Count == 0 ? new([.. requirements.Distinct().OrderBy(requirement => requirement.ToString(), StringComparer.Ordinal)]) : null;
        return selector is not null;
    }

    /// <summary>Whether labels meet every condition.</summary>
    public bool Matches(IReadOnlyDictionary<string, string> labels) => Requirements.All(requirement => requirement.Matches(labels));

    /// <summary>The selector in its shortest form, the same for the same conditions.</summary>
    public override string ToString() => string.Join(',', Requirements);

    /// <inheritdoc/>
    public bool Equals(LabelSelector? other) => other is not null && Requirements.SequenceEqual(other.Requirements);

    /// <inheritdoc/>
    public override int GetHashCode() => Requirements.Aggregate(17, HashCode.Combine);
}
