using System.Collections.Immutable;
using Qm.Fleet.Core.Selectors;

namespace Qm.Fleet.Core.Environments;

/// <summary>Checks what every resource carries.</summary>
internal static class MetadataParser
{
    internal static ImmutableSortedDictionary<string, string> ParseLabels(IReadOnlyDictionary<string, string> labels, ProblemList problems)
    {
        foreach (var (key, value) in labels.OrderBy(label => label.Key, StringComparer.Ordinal))
        {
            var path = $"metadata.labels[{key}]";
            problems.Check(path, Labels.IsKey(key, out var problem) ? null : problem);
            problems.Check(path, Labels.IsValue(value, out problem) ? null : problem);
        }

        return labels.ToImmutableSortedDictionary(StringComparer.Ordinal);
    }
}
