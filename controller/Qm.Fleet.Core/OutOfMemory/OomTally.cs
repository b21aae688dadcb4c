namespace Qm.Fleet.Core.OutOfMemory;

/// <summary>
/// Holds what the kernel log told of QM against what the counters of QM's cgroup say: a kill of which the log does not say where gets its place,
/// and one of which the log says nothing is told all the same.
/// </summary>
internal sealed class OomTally
{
    // How many quiet rounds the log and the counters have for telling the same.
    private const int RoundsMax = 2;

    private readonly List<(OomKill Kill, int Lines)> _unplaced = [];
    private readonly Dictionary<string, long> _containers = new(StringComparer.Ordinal);
    private OomCounters? _counters;
    private string _payload = "";
    private long _accounted;
    private int _rounds;
    private bool _begins = true;
    private bool _isAnotherQm;

    /// <summary>Takes what the counters say now.</summary>
    public void Count(OomCounters? counters)
    {
        _counters = counters;
        _isAnotherQm |= counters?.Payload != _payload;
        if (counters is not null && counters.Payload != _payload)
        {
            (_payload, _accounted) = (counters.Payload, 0);
            _containers.Clear();
        }
    }

    /// <summary>Accounts for a kill that the log told with <paramref name="lines"/> lines; null when it waits for its place.</summary>
    public OomKill? Place(OomKill kill, int lines)
    {
        if (kill.Place == OomPlace.Unknown && !_begins && _unplaced.Count < OomCorrelator.KillsMax)
        {
            _unplaced.Add((kill, lines));
            return null;
        }

        _accounted += OomCgroup.Of(kill.Cgroup).Payload is { Length: > 0 } payload && payload == _payload ? lines : 0;
        return kill;
    }

    /// <summary>What the counters add at the end of a round.</summary>
    /// <param name="isQuiet">Whether the log told nothing new in this round.</param>
    public IEnumerable<OomKill> Settle(bool isQuiet)
    {
        if (_begins)
        {
            // What was counted before anybody looked is in the log, or past finding out.
            (_begins, _isAnotherQm, _accounted) = (!isQuiet, false, _counters?.Kills ?? 0);
            Remember();
            return [];
        }

        var surplus = (_counters?.Kills ?? _accounted) - _accounted;
        if (!isQuiet || (surplus <= 0 && _unplaced.Count == 0))
        {
            _rounds = 0;
            if (isQuiet)
            {
                (_isAnotherQm, _accounted) = (false, _counters?.Kills ?? _accounted);
                Remember();
            }

            return [];
        }

        if (++_rounds < RoundsMax)
        {
            return [];
        }

        OomKill[] settled = [.. Explain(surplus)];
        (_rounds, _isAnotherQm, _accounted) = (0, false, _counters?.Kills ?? _accounted);
        _unplaced.Clear();
        Remember();
        return settled;
    }

    private IEnumerable<OomKill> Explain(long surplus)
    {
        string[] grown = [.. (_counters?.Containers ?? new Dictionary<string, long>()).Where(container => container.Value > _containers.GetValueOrDefault(container.Key)).Select(container => container.Key)];
        var growth = grown.Sum(cgroup => _counters!.Containers[cgroup] - _containers.GetValueOrDefault(cgroup));
        // Only when everything that was killed was killed in the one container, it was the victim's.
        var cgroup = grown is [var only] && growth == surplus ? only : "";
        foreach (var (kill, lines) in _unplaced)
        {
            var isInQm = surplus >= lines;
            surplus -= isInQm ? lines : 0;
            yield return isInQm ? In(kill, cgroup) : _isAnotherQm || _counters is null ? kill : kill with { Place = OomPlace.Host };
        }

        if (surplus > 0)
        {
            yield return In(
                new OomKill
                {
                    Record = FormattableString.Invariant($"memory.events:{_payload}:{_counters!.Kills}"),
                    Killed = (int)Math.Min(surplus, int.MaxValue),
                    NotKnown = "the kernel log tells nothing of it, so neither the process nor what was short is known",
                },
                cgroup);
        }
    }

    private static OomKill In(OomKill kill, string cgroup) => cgroup.Length > 0
        ? kill with { Cgroup = cgroup, Place = OomCgroup.Of(cgroup).Place, Unit = OomCgroup.Of(cgroup).Unit }
        : kill with { Cgroup = "/qm.service", Place = OomPlace.Qm, Unit = "qm.service", NotKnown = $"{kill.NotKnown}; it was in QM or in a container of it" };

    private void Remember()
    {
        _containers.Clear();
        foreach (var (cgroup, kills) in _counters?.Containers ?? new Dictionary<string, long>())
        {
            _containers[cgroup] = kills;
        }
    }
}
