namespace Qm.Fleet.Core.Limits;

/// <summary>How often one node's agent extension may say something.</summary>
/// <param name="Messages">Of whatever kind.</param>
/// <param name="Reports">What is looked at, judged and kept, and was not asked for.</param>
public readonly record struct AgentPaces(Pace Messages, Pace Reports);

/// <summary>
/// What a node's agent extension has said, as far as that bounds what is read of it next. It is held to its pace, which an honest one meets for moments; one that is
/// held without end is none, and is not read at all for a while, each time for longer.
/// </summary>
public sealed record AgentPace
{
    /// <summary>Who has been held for so long is cut off: one minute.</summary>
    public static readonly TimeSpan Patience = TimeSpan.FromMinutes(1);

    /// <summary>For how long, the first time: 30 seconds.</summary>
    public static readonly TimeSpan FirstRest = TimeSpan.FromSeconds(30);

    /// <summary>For how long at most: 10 minutes.</summary>
    public static readonly TimeSpan LongestRest = TimeSpan.FromMinutes(10);

    /// <summary>Who was not cut off for so long after a rest begins anew: an hour.</summary>
    public static readonly TimeSpan Forgiven = TimeSpan.FromHours(1);

    private TimeSpan _messagesPaid;
    private TimeSpan _reportsPaid;
    private TimeSpan? _heldSince;
    private TimeSpan _restsUntil;
    private TimeSpan _rest;

    /// <summary>Nothing was said yet.</summary>
    public static AgentPace None { get; } = new();

    /// <summary>How long nothing is read of it any more; zero when it may come.</summary>
    /// <param name="now">The time, by a clock that nobody sets.</param>
    public TimeSpan RestLeft(TimeSpan now) => _restsUntil > now ? _restsUntil - now : TimeSpan.Zero;

    /// <summary>Counts what was just read.</summary>
    /// <param name="paces">How often it may.</param>
    /// <param name="said">What it was.</param>
    /// <param name="now">The time, by a clock that nobody sets.</param>
    /// <returns>What is remembered now, and what follows from it.</returns>
    public (AgentPace Next, AgentTurn Turn) Take(AgentPaces paces, AgentSaid said, TimeSpan now)
    {
        var message = paces.Messages.Take(_messagesPaid, now, TimeSpan.MaxValue, said.Messages);
        var report = said.Reports > 0 ? paces.Reports.Take(_reportsPaid, now, TimeSpan.MaxValue, said.Reports) : new PaceTurn(true, TimeSpan.Zero, _reportsPaid);
        var (wait, isForReports) = report.Wait >= message.Wait && report.Wait > TimeSpan.Zero ? (report.Wait, true) : (message.Wait > TimeSpan.Zero ? message.Wait : TimeSpan.Zero, false);
        var next = new AgentPace { _messagesPaid = message.PaidAt, _reportsPaid = report.PaidAt, _heldSince = _heldSince, _rest = _rest, _restsUntil = _restsUntil };
        next._heldSince = wait > TimeSpan.Zero ? said.IsAsked ? _heldSince : _heldSince ?? now
            // What it says between its reports does not tell that these have become fewer.
            : said.Reports > 0 || _reportsPaid <= now ? null : _heldSince;
        var held = next._heldSince is { } since ? now - since : TimeSpan.Zero;
        if (held < Patience || wait == TimeSpan.Zero || said.IsAsked)
        {
            return (next, new(wait, held, isForReports, TimeSpan.Zero));
        }
        var rest = _rest == TimeSpan.Zero || now - _restsUntil > Forgiven ? FirstRest : _rest * 2 < LongestRest ? _rest * 2 : LongestRest;
        return (new() { _rest = rest, _restsUntil = now + rest }, new(wait, held, isForReports, rest));
    }
}

/// <summary>Something that an agent extension said.</summary>
/// <param name="Messages">How many messages it counts as.</param>
/// <param name="Reports">How many reports it counts as; 0 for what is none.</param>
/// <param name="IsAsked">Whether the controller asked for it. Then it is held to the pace as well, and not cut off for it.</param>
public readonly record struct AgentSaid(double Messages, double Reports, bool IsAsked);

/// <summary>What follows from what an agent extension said.</summary>
/// <param name="Wait">How long until the next of it may be read; zero for at once.</param>
/// <param name="Held">For how long it has had to wait, one time after the other.</param>
/// <param name="IsForReports">Whether it waits for its reports, or for all it says.</param>
/// <param name="Rest">How long it is cut off; zero when it is not.</param>
public readonly record struct AgentTurn(TimeSpan Wait, TimeSpan Held, bool IsForReports, TimeSpan Rest);
