namespace Qm.Fleet.Core.OutOfMemory;

/// <summary>
/// Holds what systemd says of a node's units that ended for memory (Result=oom-kill) against the kills that its agent extension tells. Both tell of the same
/// kill, either may come first, and either may be missing: one kill is one event. Not safe for concurrent use.
/// </summary>
/// <remarks>
/// A result is news only where the unit was seen without it: what a controller finds when it starts was told to the one before. A unit that systemd started
/// again between two looks shows nothing.
/// </remarks>
public sealed class OomResults
{
    /// <summary>The word of systemd for a unit that ended for memory.</summary>
    public const string Word = "oom-kill";

    // The kernel's word takes two rounds of the agent extension, and a link that may have to be made anew.
    private static readonly TimeSpan Grace = TimeSpan.FromSeconds(10);

    // What belongs together is told within this time, or is something else.
    private static readonly TimeSpan Memory = TimeSpan.FromMinutes(2);

    // Units come and go with revisions; a node has a dozen.
    private const int UnitsMax = 1000;
    private const int KillsMax = OomCorrelator.KillsMax;

    private readonly Dictionary<string, (string Invocation, bool IsKilled)> _seen = new(StringComparer.Ordinal);
    private readonly Dictionary<string, (OomPlace Place, DateTimeOffset At)> _waiting = new(StringComparer.Ordinal);
    private readonly List<(OomKill Kill, OomKill? Told, DateTimeOffset At)> _kills = [];
    private readonly Dictionary<string, DateTimeOffset> _told = new(StringComparer.Ordinal);

    /// <summary>Takes a unit as it was read.</summary>
    /// <param name="unit">Its name.</param>
    /// <param name="place">Where it runs.</param>
    /// <param name="invocation">Its InvocationID.</param>
    /// <param name="result">Its Result.</param>
    /// <param name="now">The time.</param>
    public void Look(string unit, OomPlace place, string invocation, string result, DateTimeOffset now)
    {
        var isKilled = result == Word;
        if (_seen.Count >= UnitsMax && !_seen.ContainsKey(unit))
        {
            _seen.Clear();
        }

        var isKnown = _seen.TryGetValue(unit, out var before);
        _seen[unit] = (invocation, isKilled);
        if (!isKilled || !isKnown || (before.IsKilled && before.Invocation == invocation))
        {
            return;
        }

        Forget(now);
        if (!_kills.Exists(kill => Explains(kill.Kill, unit)))
        {
            _waiting.TryAdd(unit, (place, now));
        }
    }

    /// <summary>Takes a kill that the node told, as often as it tells it.</summary>
    /// <param name="kill">The kill.</param>
    /// <param name="now">The time.</param>
    /// <returns>The same, with its unit where systemd said what the node could not tell; null when it is an event already, by what systemd said.</returns>
    public OomKill? Take(OomKill kill, DateTimeOffset now)
    {
        Forget(now);
        if (_kills.FindIndex(known => known.Kill.Record == kill.Record) is >= 0 and var known)
        {
            return _kills[known].Told;
        }

        string[] explained = [.. _waiting.Keys.Where(unit => Explains(kill, unit))];
        string[] inside = [.. explained.Where(static unit => unit != Revisions.QmNode.Unit)];
        var told = _told.Remove(kill.Unit) ? null
            : IsVague(kill) && inside is [var only] ? kill with { Place = _waiting[only].Place, Unit = only, NotKnown = $"{kill.NotKnown}; systemd says that it was {only}" }
            : kill;
        foreach (var unit in explained)
        {
            _waiting.Remove(unit);
        }

        if (_kills.Count == KillsMax)
        {
            _kills.RemoveAt(0);
        }

        _kills.Add((kill, told, now));
        return told;
    }

    /// <summary>Kills that nobody but systemd tells of, once that has been waited for.</summary>
    /// <param name="isHeard">Whether the agent extension is heard; one that is not will tell later what it has to tell.</param>
    /// <param name="now">The time.</param>
    public IReadOnlyList<OomKill> Due(bool isHeard, DateTimeOffset now)
    {
        var kills = new List<OomKill>();
        foreach (var (unit, (place, at)) in _waiting.OrderBy(static result => result.Key, StringComparer.Ordinal).ToArray())
        {
            if (!isHeard)
            {
                _waiting[unit] = (place, now);
            }
            else if (now - at >= Grace)
            {
                _waiting.Remove(unit);
                _told[unit] = now;
                kills.Add(new()
                {
                    Record = $"result:{unit}",
                    Place = place,
                    Unit = unit,
                    NotKnown = $"systemd says so of {unit} (Result={Word}), and neither the kernel log nor memory.events tells of it",
                });
            }
        }

        return kills;
    }

    // QM ends for whatever is killed in it; where nobody could tell whose process it was, it may have been any unit's.
    private static bool Explains(OomKill kill, string unit) =>
        kill.Unit == unit || IsVague(kill) || (unit == Revisions.QmNode.Unit && kill.Place is OomPlace.Qm or OomPlace.Nested);

    private static bool IsVague(OomKill kill) => kill.Unit.Length == 0 || (kill is { Unit: Revisions.QmNode.Unit, NotKnown.Length: > 0, Comm.Length: 0 });

    private void Forget(DateTimeOffset now)
    {
        _kills.RemoveAll(kill => now - kill.At >= Memory);
        foreach (var (unit, _) in _told.Where(told => now - told.Value >= Memory).ToArray())
        {
            _told.Remove(unit);
        }
    }
}
