using System.Collections.Immutable;

namespace Qm.Fleet.Core.Access;

/// <summary>Who an agent extension's stream comes from, as far as it can be told: the node's own does not change without a reason.</summary>
/// <param name="Peer">The address.</param>
/// <param name="BootId">The boot it says it is of.</param>
public sealed record LinkSession(string Peer, string BootId);

/// <summary>
/// Whether two have the key of one node: each dials in and takes the other's place, again and again. A node that was restarted or got another address takes its
/// own place once, and never goes back to an earlier boot; one that wavers between two networks comes back a few times.
/// </summary>
public sealed record LinkContest
{
    /// <summary>How long a stream is remembered: 10 minutes, in which two who dial in again at most every 30 seconds have met many times.</summary>
    public static readonly TimeSpan Window = TimeSpan.FromMinutes(10);

    /// <summary>How often somebody comes back in that time before it is a contest, within one boot.</summary>
    public const int Returns = 3;

    private const int MostKept = 32;

    private ImmutableArray<Opening> _openings = [];

    /// <summary>Nothing was seen yet.</summary>
    public static LinkContest None { get; } = new();

    /// <summary>A stream opened.</summary>
    /// <param name="session">Whose.</param>
    /// <param name="replaces">Whether another stream of the node was open.</param>
    /// <param name="now">When.</param>
    /// <returns>What is remembered now, and whether this shows a contest.</returns>
    public (LinkContest Next, bool IsContested) Open(LinkSession session, bool replaces, DateTimeOffset now)
    {
        var kept = _openings.Where(opening => now - opening.At < Window).TakeLast(MostKept - 1).ToImmutableArray();
        if (kept.LastOrDefault() is not { } last || last.Session == session)
        {
            return (new LinkContest { _openings = [.. kept.SkipLast(1), new(session, now, kept.LastOrDefault()?.IsReturn ?? false)] }, false);
        }
        var isReturn = replaces && kept.Any(opening => opening.Session == session);
        kept = kept.Add(new(session, now, isReturn));
        return (new LinkContest { _openings = kept }, isReturn && (last.Session.BootId != session.BootId || kept.Count(static opening => opening.IsReturn) >= Returns));
    }

    private sealed record Opening(LinkSession Session, DateTimeOffset At, bool IsReturn);
}
