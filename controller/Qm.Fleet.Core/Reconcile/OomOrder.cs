using System.Collections.Immutable;
using Qm.Fleet.Core.Revisions;

namespace Qm.Fleet.Core.Reconcile;

/// <summary>A process that stands wrong in the OOM order: every safety unit below 0, at most the host, below QM, below the containers inside QM.</summary>
/// <param name="Subject">What is wrong, the same while it is: a unit and where it runs.</param>
/// <param name="Unit">Its unit.</param>
/// <param name="Message">A sentence: the process, its score, what it should be, and the file that sets it.</param>
public sealed record OomInversion(string Subject, string Unit, string Message);

/// <summary>Holds the scores found in /proc against the order in which the kernel shall kill.</summary>
public static class OomOrder
{
    private const string Safety = "asil/";
    private const string Nested = "nested/";
    private const string Inside = "qm/";

    /// <summary>Most in QM that are told at once, and most outside of it: whoever makes up more of them has told enough.</summary>
    public const int MostTold = 100;

    /// <summary>What is wrong now: what was found, and what was wrong before and cannot be seen now, as while QM restarts.</summary>
    /// <param name="before">What was wrong at the last look.</param>
    /// <param name="found">The scores; null when nobody looked.</param>
    public static ImmutableArray<OomInversion> Follow(ImmutableArray<OomInversion> before, OomEvidence? found)
    {
        var earlier = before.IsDefault ? [] : before;
        if (found is null)
        {
            return earlier;
        }

        var seen = Subjects(found).ToHashSet(StringComparer.Ordinal);
        var told = earlier.Select(inversion => inversion.Subject).ToHashSet(StringComparer.Ordinal);
        OomInversion[] wrong = [.. Find(found), .. earlier.Where(inversion => !seen.Contains(inversion.Subject))];
        // What is told stays told while it is so; and nothing in QM takes the place of what is outside.
        return [.. Most(outside: true), .. Most(outside: false)];

        IEnumerable<OomInversion> Most(bool outside) => wrong.Where(inversion => IsOutside(inversion) == outside).OrderBy(inversion => !told.Contains(inversion.Subject)).Take(MostTold);
    }

    /// <summary>Everything that is wrong among what was found, one for each unit.</summary>
    public static IEnumerable<OomInversion> Find(OomEvidence found)
    {
        var sources = found.Sources.ToLookup(source => source.Unit, StringComparer.Ordinal);
        foreach (var process in found.Asil.Where(process => process.Score >= 0).DistinctBy(process => process.Unit))
        {
            yield return Wrong(sources, Safety, process.Unit, process.Pid, process.Score, "a safety unit has to be below 0");
        }

        if ((found.Qm, found.Host) is ({ } qm, { } host) && qm <= host)
        {
            yield return Wrong(sources, "", QmNode.Unit, found.QmInit, qm, $"QM has to be above the host, which has {host}");
        }

        foreach (var process in found.Processes.Where(process => process.Exception.Length == 0 && process.Score <= (found.Host ?? 0) && process.Score < (found.Qm ?? 0)).DistinctBy(process => process.Unit))
        {
            yield return Wrong(sources, Inside, process.Unit, process.Pid, process.Score, $"what runs in QM has to be above the host, which has {found.Host ?? 0}");
        }

        foreach (var process in found.Nested.Where(process => process.Score <= found.Qm).OrderBy(process => process.Score).DistinctBy(process => process.Unit))
        {
            yield return Wrong(sources, Nested, process.Unit, process.Pid, process.Score, $"a container inside QM has to be above QM, which has {found.Qm}");
        }
    }

    private static bool IsOutside(OomInversion inversion) => inversion.Subject == QmNode.Unit || inversion.Subject.StartsWith(Safety, StringComparison.Ordinal);

    private static IEnumerable<string> Subjects(OomEvidence found) =>
    [
        .. found.Asil.Select(process => Safety + process.Unit),
        .. found.Qm is null ? [] : (string[])[QmNode.Unit],
        .. found.Processes.Select(process => Inside + process.Unit),
        .. found.Qm is null ? [] : found.Nested.Select(process => Nested + process.Unit),
    ];

    private static OomInversion Wrong(ILookup<string, OomSource> sources, string where, string unit, int pid, int score, string rule)
    {
        var source = sources[unit].FirstOrDefault() switch
        {
            null => "no file sets it, so it was set at runtime or inherited",
            { } file when file.Score == score => $"set by {file.File}",
            { } file => $"set at runtime or before the last change, for {file.File} says {file.Score}",
        };
        return new(where + unit, unit, FormattableString.Invariant($"{unit} (pid {pid}) has oom_score_adj {score}, and {rule}; {source}"));
    }
}
