namespace Qm.Fleet.Core.OutOfMemory;

/// <summary>
/// Makes one <see cref="OomKill"/> of everything that tells of a kill: several lines of the kernel log, each of which may be missing, and the
/// counters of QM's cgroup. Fed in rounds: <see cref="Count"/>, every <see cref="Feed"/>, then <see cref="EndRound"/>.
/// </summary>
/// <remarks>
/// The kernel kills one after another under one lock, so lines of two kills never mix; but it explains no more than ten kills in five seconds, so
/// the line with the cgroup may be missing, and the ring buffer may have lost any. A record is used once, by its sequence number.
/// Not safe for concurrent use.
/// </remarks>
public sealed class OomCorrelator
{
    /// <summary>Most kills that are told in one round; more are counted only.</summary>
    public const int KillsMax = 256;

    // Between two lines of one kill; the slowest console takes a tenth of that for one.
    private const long PauseMax = 100_000;

    private readonly List<OomKill> _finished = [];
    private readonly OomTally _tally = new();
    private OomPieces? _open;
    private string _begun = "";
    private long? _limit;
    private long _next = -1;
    private bool _isCut;
    private bool _isQuiet = true;

    /// <summary>Records of the kernel log that were overwritten before they were read, since the last round.</summary>
    public long LostRecords { get; private set; }

    /// <summary>Kills that are counted only, since the last round.</summary>
    public int LeftOut { get; private set; }

    /// <summary>Takes the counters, read before the log of this round is; null while QM does not run or they cannot be read.</summary>
    public void Count(OomCounters? counters) => _tally.Count(counters);

    /// <summary>Takes a record of the kernel log, in the log's order; one that was taken before is passed over.</summary>
    public void Feed(KmsgRecord record)
    {
        if (record.Sequence < _next)
        {
            return;
        }

        NoteGap(record);
        _next = record.Sequence + 1;
        if (!record.IsKernels)
        {
            return;
        }

        if (record.Continues)
        {
            if (_begun.Length > 0)
            {
                Begin(_begun + record.Text);
            }

            return;
        }

        if (OomLine.IsBegun(record.Text))
        {
            EndBegun();
            Begin(record.Text);
        }
        else if (OomLine.Parse(record.Text) is { } line)
        {
            EndBegun();
            Take(line, record);
        }
        else
        {
            _isCut = false;
        }
    }

    /// <summary>Ends the round and takes the kills that are complete: nothing more of them came in this round.</summary>
    public OomRound EndRound()
    {
        if (_isQuiet)
        {
            EndBegun();
            Close();
        }

        foreach (var kill in _tally.Settle(isQuiet: _isQuiet && _open is null))
        {
            Finish(kill);
        }

        var round = new OomRound([.. _finished], LeftOut, LostRecords);
        _finished.Clear();
        (_isQuiet, LeftOut, LostRecords) = (true, 0, 0);
        return round;
    }

    private void NoteGap(KmsgRecord record)
    {
        if (_next < 0)
        {
            _isCut = record.Sequence > 0;
        }
        else if (record.Sequence > _next)
        {
            LostRecords += record.Sequence - _next;
            _begun = "";
            Close();
            _isCut = true;
        }
    }

    // A line that the kernel writes in pieces, which other lines may come between.
    private void Begin(string text)
    {
        _isQuiet = false;
        _begun = text.Length > KmsgRecord.TextMax ? text[..KmsgRecord.TextMax] : text;
        if (OomLine.IsWhole(_begun))
        {
            EndBegun();
        }
    }

    private void EndBegun()
    {
        var line = _begun.Length > 0 ? OomLine.Parse(_begun) : null;
        _begun = "";
        switch (line)
        {
            case OomLine.Chosen chosen:
                Close();
                _isCut = false;
                _open = new(chosen, _limit);
                break;
            case OomLine.Group group when _open is { HasVictim: true }:
                _open.Group = group.Cgroup;
                break;
        }
    }

    private void Take(OomLine line, KmsgRecord record)
    {
        switch (line)
        {
            case OomLine.Invoked:
                _isQuiet = false;
                Close();
                (_limit, _isCut) = (null, false);
                break;
            case OomLine.Limit limit:
                _limit ??= limit.LimitBytes;
                break;
            // What is left of a kill whose beginning is lost would be told as another kill.
            case OomLine.Killed when _isCut:
                break;
            case OomLine.Killed killed:
                _isQuiet = false;
                if (_open is null || !_open.Takes(killed, record.Microseconds, PauseMax))
                {
                    Close();
                    _open = new(null, null);
                }

                _open.Add(killed, record);
                break;
        }
    }

    private void Close()
    {
        if (_open?.ToKill() is { } kill && _tally.Place(kill, _open.Lines) is { } placed)
        {
            Finish(placed);
        }

        _open = null;
    }

    private void Finish(OomKill kill)
    {
        if (_finished.Count < KillsMax)
        {
            _finished.Add(kill);
        }
        else
        {
            LeftOut++;
        }
    }
}

/// <summary>What a round of <see cref="OomCorrelator"/> found.</summary>
/// <param name="Kills">In the order they happened.</param>
/// <param name="LeftOut">How many more there were.</param>
/// <param name="LostRecords">How many records the kernel log lost before they were read; kills may have been among them.</param>
public sealed record OomRound(IReadOnlyList<OomKill> Kills, int LeftOut, long LostRecords);
