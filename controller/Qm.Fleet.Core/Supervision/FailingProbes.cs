using System.Collections.Immutable;

namespace Qm.Fleet.Core.Supervision;

/// <summary>
/// The workloads of a node whose probe fails, as far as was heard last. That a probe turns is what is told of it: thresholds decide when, and neither a
/// container that was restarted nor a link that was lost makes a workload well of which nobody has heard that it works.
/// </summary>
public static class FailingProbes
{
    /// <summary>None fails.</summary>
    public static ImmutableSortedDictionary<string, ProbeReading> None { get; } = ImmutableSortedDictionary.Create<string, ProbeReading>(StringComparer.Ordinal);

    /// <summary>Those that fail now, by unit, each with what its probe said when it turned.</summary>
    /// <param name="before">Those that failed at the last look.</param>
    /// <param name="now">What the probes say; one of which nobody knows is absent, or says so.</param>
    /// <param name="probed">The units that are probed; null while nobody knows.</param>
    public static ImmutableSortedDictionary<string, ProbeReading> Follow(
        ImmutableSortedDictionary<string, ProbeReading> before, IEnumerable<ProbeReading> now, IReadOnlyCollection<string>? probed)
    {
        var failing = before.ToBuilder();
        foreach (var reading in now.Where(reading => probed?.Contains(reading.Unit) != false))
        {
            if (reading.IsHealthy == true)
            {
                failing.Remove(reading.Unit);
            }
            else if (reading.IsHealthy == false && !failing.ContainsKey(reading.Unit))
            {
                failing[reading.Unit] = reading;
            }
        }

        failing.RemoveRange(before.Keys.Where(unit => probed?.Contains(unit) == false));
        return failing.ToImmutable();
    }

    /// <summary>What changed between two looks: each unit whose probe began to fail, or is good again.</summary>
    /// <param name="before">Those that failed at the last look.</param>
    /// <param name="after">Those that fail now.</param>
    /// <param name="now">What the probes say.</param>
    /// <param name="probes">What each unit's probe does, in words; one without words is only called its probe.</param>
    public static IEnumerable<SupervisionNotice> Notices(
        ImmutableSortedDictionary<string, ProbeReading> before, ImmutableSortedDictionary<string, ProbeReading> after, IEnumerable<ProbeReading> now, Func<string, string> probes)
    {
        foreach (var (unit, reading) in after.Where(probe => !before.ContainsKey(probe.Key)))
        {
            yield return new("ProbeFailed", NoticeSeverity.Warning, unit, FormattableString.Invariant($"{unit}: {Words(unit)} failed {reading.Failures} times in a row: {reading.Message}"));
        }

        foreach (var reading in now.Where(reading => reading.IsHealthy == true && before.ContainsKey(reading.Unit) && !after.ContainsKey(reading.Unit)))
        {
            yield return new("ProbeSucceeded", NoticeSeverity.Info, reading.Unit, $"{reading.Unit}: {Words(reading.Unit)} succeeds again");
        }

        string Words(string unit) => probes(unit) is { Length: > 0 } words ? $"its probe {words}" : "its probe";
    }
}
