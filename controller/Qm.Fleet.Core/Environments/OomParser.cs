using System.Collections.Immutable;
using Qm.Fleet.Core.Resources;
using Qm.Fleet.Core.Revisions;
using Qm.Fleet.Core.Units;

namespace Qm.Fleet.Core.Environments;

/// <summary>Checks OOM scores against the order that never bends: ASIL &lt; 0 &lt;= host &lt; QM &lt; nested.</summary>
internal static class OomParser
{
    internal static OomScores Parse(EnvironmentManifest declared, ProblemList problems, string path)
    {
        if (declared.OomQm is { } qm && qm is <= OomScore.Host or >= OomScore.Highest)
        {
            problems.Add($"{path}.qm", $"{qm} is not between 1 and 999; QM must be killed after its containers and before the host", Rules.OomOrder);
        }

        var effectiveQm = declared.OomQm ?? OomScore.QmDefault;
        var effectiveNested = declared.OomNested ?? OomScore.NestedDefault;
        var qmText = declared.OomQm is null ? $"QM's own default ({effectiveQm})" : $"oom.qm ({effectiveQm})";
        if (declared.OomNested is > OomScore.Highest)
        {
            problems.Add($"{path}.nested", $"{declared.OomNested} is above {OomScore.Highest}, the highest score there is", Rules.OomOrder);
        }
        else if (effectiveNested <= effectiveQm)
        {
            var (field, nestedText) = declared.OomNested is null ? ("qm", $"the nested default ({effectiveNested})") : ("nested", $"{effectiveNested}");
            problems.Add(
                $"{path}.{field}",
                field == "nested" ? $"{nestedText} is {Below(effectiveNested, effectiveQm)} {qmText}; nested containers must be killed before QM"
                    : $"{effectiveQm} is not below {nestedText}; nested containers must be killed before QM, set oom.nested above it",
                Rules.OomOrder);
        }

        foreach (var (unit, score) in declared.OomAsil.OrderBy(entry => entry.Key, StringComparer.Ordinal))
        {
            problems.Check($"{path}.asil[{unit}]", UnitProblem(unit));
            if (score is >= OomScore.Host or < OomScore.Lowest)
            {
                problems.Add($"{path}.asil[{unit}]", $"{score} is not between {OomScore.Lowest} and -1; a safety unit must be killed after everything else", Rules.OomOrder);
            }
        }

        return new(declared.OomQm, declared.OomNested, declared.OomAsil.ToImmutableSortedDictionary(StringComparer.Ordinal));
    }

    private static string Below(int left, int right) => left < right ? "below" : "not above";

    private static string? UnitProblem(string unit) =>
        !UnitName.IsValid(unit, out var problem) ? problem
        : !unit.EndsWith(".service", StringComparison.Ordinal) ? $"\"{unit}\" is not a service; only services have an OOM score"
        : unit == QmNode.Unit ? "qm.service is QM itself; its score is oom.qm"
        : null;
}
