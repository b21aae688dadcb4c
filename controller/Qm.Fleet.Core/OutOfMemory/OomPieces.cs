namespace Qm.Fleet.Core.OutOfMemory;

/// <summary>The lines of one kill, as far as they have come.</summary>
/// <param name="chosen">The line that explains the choice; null when there is none.</param>
/// <param name="limitBytes">The limit that was hit; null when unknown.</param>
internal sealed class OomPieces(OomLine.Chosen? chosen, long? limitBytes)
{
    private const int ProcessesMax = 10_000;
    private readonly HashSet<int> _processes = [];
    private OomLine.Killed? _victim;
    private KmsgRecord? _record;
    private long _last;

    /// <summary>Whether the line that names the victim as killed has come.</summary>
    public bool HasVictim => _victim is not null;

    /// <summary>How often the kernel said that it killed a process: it counts the victim of a group twice, in memory.events, too.</summary>
    public int Lines { get; private set; }

    /// <summary>The cgroup all of whose processes die; empty when only the victim does.</summary>
    public string Group { get; set; } = "";

    /// <summary>Whether a killed process belongs to this kill: it is the victim that was chosen, or one of the group, right after.</summary>
    public bool Takes(OomLine.Killed killed, long microseconds, long pauseMax) => _victim is null
        ? chosen is { Pid: null } || chosen?.Pid == killed.Pid || chosen?.Comm == killed.Comm
        : Group.Length > 0 && microseconds - _last <= pauseMax;

    /// <summary>Adds a killed process.</summary>
    public void Add(OomLine.Killed killed, KmsgRecord record)
    {
        (_victim, _record, _last) = (_victim ?? killed, _record ?? record, record.Microseconds);
        Lines++;
        if (_processes.Count < ProcessesMax)
        {
            _processes.Add(killed.Pid);
        }
    }

    /// <summary>The kill; null when nobody was killed after all.</summary>
    public OomKill? ToKill()
    {
        if (_victim is null || _record is null)
        {
            return null;
        }

        var cgroup = chosen is { Cgroup.Length: > 0 } ? chosen.Cgroup : Group;
        var where = OomCgroup.Of(cgroup);
        var limit = chosen?.Cause == OomCause.Limit ? limitBytes : null;
        return new()
        {
            Record = FormattableString.Invariant($"kmsg:{_record.Sequence}"),
            Microseconds = _record.Microseconds,
            Place = where.Place,
            Cgroup = cgroup,
            Unit = where.Unit,
            Pid = _victim.Pid,
            Comm = _victim.Comm,
            ScoreAdjust = _victim.ScoreAdjust,
            Score = limit is > 0 ? _victim.ScoreAdjust + (int)Math.Min(1000, 1000m * _victim.UsedBytes / limit.Value) : null,
            AnonBytes = _victim.AnonBytes,
            Cause = chosen?.Cause ?? (_victim.OfCgroup ? OomCause.Limit : OomCause.Machine),
            LimitCgroup = chosen?.LimitCgroup ?? "",
            LimitBytes = limit,
            Killed = _processes.Count < ProcessesMax ? _processes.Count : Lines,
            GroupCgroup = Group,
            NotKnown = chosen is null ? "the kernel log leaves out why it was chosen, as it does after ten kills in five seconds" : "",
        };
    }
}
