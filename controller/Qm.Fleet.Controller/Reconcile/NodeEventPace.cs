using System.Globalization;
using Qm.Fleet.Controller.Storage;
using Qm.Fleet.Core.Limits;

namespace Qm.Fleet.Controller.Reconcile;

/// <summary>
/// Holds what is told of one node, or of the kills for memory on it, to a pace, so that one which is never twice the same does not fill the log that all share. What is left out is counted, and the next
/// event says how many. For one caller at a time.
/// </summary>
internal sealed class NodeEventPace(string node)
{
    /// <summary>The event that tells what was left out.</summary>
    public const string Reason = "NodeEventsLeftOut";

    /// <summary>One a second, and 500 at once after a rest: a node that breaks down altogether has so much to tell.</summary>
    public static readonly Pace Most = new(PerSecond: 1, Burst: 500);

    private TimeSpan _paidAt;
    private int _left;
    private DateTimeOffset _leftSince;

    /// <summary>Those that are told.</summary>
    /// <param name="drafts">What there is to tell, in its order.</param>
    /// <param name="now">The time, by a clock that nobody sets.</param>
    public IEnumerable<EventDraft> Admit(IEnumerable<EventDraft> drafts, DateTimeOffset now)
    {
        foreach (var draft in drafts)
        {
            var turn = Most.Take(_paidAt, now - DateTimeOffset.UnixEpoch, TimeSpan.Zero);
            _paidAt = turn.PaidAt;
            if (!turn.IsGiven)
            {
                _leftSince = _left++ == 0 ? now : _leftSince;
                continue;
            }

            if (_left > 0)
            {
                yield return new(Reason, EventSeverity.Warning, draft.Actor, draft.Fleet, node, "", string.Create(CultureInfo.InvariantCulture,
                    $"{_left} events of {node} since {_leftSince:u} were left out: more than {Most.PerSecond:0} a second happens there, so somebody makes it up or something is broken"));
                _left = 0;
            }

            yield return draft;
        }
    }
}
