using System.Collections.Immutable;

namespace Qm.Fleet.Core.Rollouts;

/// <summary>Counters of a node's health; each begins anew when what it counts for is started by somebody.</summary>
/// <param name="OomKills">memory.events oom_kill of QM.</param>
/// <param name="Restarts">NRestarts of QM and of the units in it that the environment has, by unit; one that could not be read is absent.</param>
public sealed record HealthMark(long OomKills, ImmutableSortedDictionary<string, long> Restarts)
{
    /// <summary>Nothing was counted.</summary>
    public static HealthMark None { get; } = new(0, ImmutableSortedDictionary.Create<string, long>(StringComparer.Ordinal));

    /// <inheritdoc/>
    public bool Equals(HealthMark? other) => other is not null && OomKills == other.OomKills && Restarts.SequenceEqual(other.Restarts);

    /// <inheritdoc/>
    public override int GetHashCode() => HashCode.Combine(OomKills, Restarts.Count);

    /// <summary>How much came since an earlier mark; everything, where a counter began anew.</summary>
    public (long OomKills, long Restarts) Since(HealthMark earlier)
    {
        var restarts = 0L;
        foreach (var (unit, count) in Restarts)
        {
            restarts += Grown(count, earlier.Restarts.GetValueOrDefault(unit));
        }

        return (Grown(OomKills, earlier.OomKills), restarts);
    }

    /// <summary>This mark, with what began anew since it was taken and with what could not be read then.</summary>
    /// <param name="now">What is read now.</param>
    public HealthMark Renewed(HealthMark now) => new(
        Math.Min(OomKills, now.OomKills),
        Restarts.SetItems(now.Restarts.Where(unit => !Restarts.TryGetValue(unit.Key, out var known) || unit.Value < known)));

    private static long Grown(long now, long before) => now < before ? now : now - before;
}
