using Qm.Fleet.Core.Limits;

namespace Qm.Fleet.Controller.Security.Limits;

/// <summary>Keeps the pace of each of many. What is kept is bounded: 20,000 of them, those that owe nothing forgotten first.</summary>
internal sealed class Paces<TKey>(TimeProvider time)
    where TKey : notnull
{
    private const int MostKept = 20_000;

    private readonly Lock _gate = new();
    private readonly Dictionary<TKey, TimeSpan> _paidAt = [];
    private readonly long _start = time.GetTimestamp();
    private TimeSpan _sweepAt;

    /// <summary>How many are kept.</summary>
    internal int Count
    {
        get
        {
            lock (_gate)
            {
                return _paidAt.Count;
            }
        }
    }

    /// <summary>Asks for a turn.</summary>
    /// <param name="key">Whose.</param>
    /// <param name="pace">How often they may.</param>
    /// <param name="patience">How long a turn may be waited for.</param>
    /// <param name="cost">How much of the rate it takes.</param>
    public PaceTurn Take(TKey key, Pace pace, TimeSpan patience, double cost = 1)
    {
        lock (_gate)
        {
            var now = time.GetElapsedTime(_start);
            var turn = pace.Take(_paidAt.GetValueOrDefault(key), now, patience, cost);
            if (turn.IsGiven)
            {
                _paidAt[key] = turn.PaidAt;
                Sweep(now);
            }
            return turn;
        }
    }

    /// <summary>Gives a turn back that was taken.</summary>
    /// <param name="key">Whose it was.</param>
    /// <param name="pace">The pace that it was taken at.</param>
    public void GiveBack(TKey key, Pace pace)
    {
        lock (_gate)
        {
            if (_paidAt.TryGetValue(key, out var paidAt))
            {
                _paidAt[key] = pace.GiveBack(paidAt);
            }
        }
    }

    // Who owes nothing is as one who was never there. Where too many owe something, all begin anew: to refuse whoever is new would do the attacker's work.
    private void Sweep(TimeSpan now)
    {
        if (_paidAt.Count <= MostKept && now < _sweepAt)
        {
            return;
        }
        _sweepAt = now + TimeSpan.FromMinutes(1);
        foreach (var (key, _) in _paidAt.Where(kept => kept.Value <= now).ToList())
        {
            _paidAt.Remove(key);
        }
        if (_paidAt.Count > MostKept)
        {
            _paidAt.Clear();
        }
    }
}
