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
        var qm = declared.OomQm ?? OomScore.QmDefault;
        var nested = declared.OomNested ?? OomScore.NestedDefault;
        if (qm is <= OomScore.Host or >= OomScore.Highest)
        {
            problems.Add($"{path}.qm", $"{qm} is not between 1 and 999; QM must be killed after its containers and before the host", Rules.OomOrder);
        }
        else if (nested <= qm && declared.OomNested is null)
        {
            problems.Add(
                $"{path}.qm",
                $"{qm} is not below the nested default ({nested}); nested containers must be killed before QM, set oom.nested above it",
                Rules.OomOrder);
        }
        else if (nested <= qm)
        {
            var than = declared.OomQm is null ? $"QM's own default ({qm})" : $"oom.qm ({qm})";
            problems.Add(
                $"{path}.nested", $"{nested} is {(nested < qm ? "below" : "not above")} {than}; nested containers must be killed before QM", Rules.OomOrder);
        }

        if (nested > OomScore.Highest)
        {
            problems.Add($"{path}.nested", $"{nested} is above {OomScore.Highest}, the highest score there is", Rules.OomOrder);
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

    private static string? UnitProblem(string unit) =>
        !UnitName.IsValid(unit, out var problem) ? problem
        : !unit.EndsWith(".service", StringComparison.Ordinal) ? $"\"{unit}\" is not a service; only services have an OOM score"
        : UnitName.IsTemplate(unit) ? $"\"{unit}\" is a template, which never runs itself; name its instances"
        : unit == QmNode.Unit ? "qm.service is QM itself; its score is oom.qm"
        : unit.StartsWith("bluechi-", StringComparison.Ordinal) ? $"{unit} is part of BlueChi, not a safety unit"
        : null;
}
