using Qm.Fleet.V1;

namespace Qm.Fleet.Agent.OutOfMemory;

/// <summary>Kills that the controller has not stored yet, oldest first; at most <see cref="KillsMax"/>, more are counted. Safe for any thread.</summary>
/// <remarks>
/// It is not on disk: an agent that is killed finds what happened in this boot in the kernel log again, and the controller stores none twice.
/// </remarks>
internal sealed class OomOutbox
{
    /// <summary>Most kills that wait.</summary>
    public const int KillsMax = 256;

    private readonly Lock _lock = new();
    private readonly List<(OomKill Kill, long? Microseconds)> _kills = [];
    private int _leftOut;
    private long _lostRecords;

    /// <summary>Something came in; raised on any thread, so handlers only wake somebody.</summary>
    public event Action? Filled;

    /// <summary>Adds what a round found.</summary>
    public void Add(Core.OutOfMemory.OomRound round)
    {
        if (round is { Kills.Count: 0, LeftOut: 0, LostRecords: 0 })
        {
            return;
        }

        lock (_lock)
        {
            foreach (var kill in round.Kills)
            {
                if (_kills.Count < KillsMax)
                {
                    _kills.Add((ToWire(kill), kill.Microseconds));
                }
                else
                {
                    _leftOut++;
                }
            }

            _leftOut += round.LeftOut;
            _lostRecords += round.LostRecords;
        }

        Filled?.Invoke();
    }

    /// <summary>Has what waits told again.</summary>
    public void Remind()
    {
        lock (_lock)
        {
            if (_kills.Count == 0 && _leftOut == 0 && _lostRecords == 0)
            {
                return;
            }
        }

        Filled?.Invoke();
    }

    /// <summary>Everything that waits, as it is told at a moment; null when nothing does.</summary>
    /// <param name="monotonicMicroseconds">The moment.</param>
    public OomKills? Tell(long monotonicMicroseconds)
    {
        lock (_lock)
        {
            if (_kills.Count == 0 && _leftOut == 0 && _lostRecords == 0)
            {
                return null;
            }

            var told = new OomKills { LeftOut = _leftOut, LostRecords = _lostRecords };
            foreach (var (kill, microseconds) in _kills)
            {
                var one = kill.Clone();
                if (microseconds is { } at)
                {
                    one.AgoMs = Math.Max(0, monotonicMicroseconds - at) / 1000;
                }

                told.Kills.Add(one);
            }

            return told;
        }
    }

    /// <summary>Forgets what the controller has stored.</summary>
    public void Taken(OomKillsTaken taken)
    {
        var records = taken.Records.ToHashSet(StringComparer.Ordinal);
        lock (_lock)
        {
            _kills.RemoveAll(kill => records.Contains(kill.Kill.Record));
            (_leftOut, _lostRecords) = (Math.Max(0, _leftOut - taken.LeftOut), Math.Max(0, _lostRecords - taken.LostRecords));
        }
    }

    private static OomKill ToWire(Core.OutOfMemory.OomKill kill)
    {
        var wire = new OomKill
        {
            Record = kill.Record,
            Place = (OomKill.Types.Place)kill.Place,
            Cgroup = kill.Cgroup,
            Unit = kill.Unit,
            Pid = kill.Pid,
            Comm = kill.Comm,
            Cause = (OomKill.Types.Cause)kill.Cause,
            LimitCgroup = kill.LimitCgroup,
            Killed = kill.Killed,
            GroupCgroup = kill.GroupCgroup,
            NotKnown = kill.NotKnown,
        };
        if (kill.ScoreAdjust is { } adjust)
        {
            wire.ScoreAdjust = adjust;
        }

        if (kill.Score is { } score)
        {
            wire.Score = score;
        }

        if (kill.AnonBytes is { } anon)
        {
            wire.AnonBytes = anon;
        }

        if (kill.LimitBytes is { } limit)
        {
            wire.LimitBytes = limit;
        }

        return wire;
    }
}
