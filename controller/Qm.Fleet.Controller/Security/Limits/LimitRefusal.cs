using Google.Protobuf.WellKnownTypes;
using Google.Rpc;
using Qm.Fleet.Controller.Api;
using Qm.Fleet.Core.Limits;

namespace Qm.Fleet.Controller.Security.Limits;

/// <summary>
/// Answers requests that met a limit. Each answer costs the controller more than the request cost the client, so after a burst each waits for its turn, which holds a
/// place on the client's own connection and costs no processor; who asks for more than may wait is told without details, and then loses the connection.
/// </summary>
internal sealed class LimitRefusal(LimitTrail trail, TimeProvider time)
{
    /// <summary>How many refusals of one client are answered: so many at once, and what is more at this rate.</summary>
    public static readonly Pace Heard = new(PerSecond: 500, Burst: 2000);

    /// <summary>How long a refusal waits for its turn: with the rate, 10,000 of one client wait at once.</summary>
    public static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);

    /// <summary>Refusals that wait, of all who are known together, and of all who are not: each holds some KiB.</summary>
    public const int MostWaiting = 10_000;

    private readonly Paces<string> _refused = new(time);
    private readonly Shares<bool> _waiting = new();

    /// <summary>How many refusals of those who are known, or of those who are not, wait for their turn.</summary>
    internal int Waiting(bool known) => _waiting.Held(known);

    /// <summary>Refuses a request.</summary>
    /// <param name="context">The request.</param>
    /// <param name="actor">Whose it is.</param>
    /// <param name="limit">Which limit it met, of <see cref="LimitNames"/>.</param>
    /// <param name="reason">A word in UPPER_SNAKE_CASE that a program can compare.</param>
    /// <param name="message">Why, and what to do.</param>
    /// <param name="retryAfter">When asking again can help.</param>
    public async Task AnswerAsync(HttpContext context, string actor, string limit, string reason, string message, TimeSpan retryAfter)
    {
        await trail.NoteAsync(actor, limit, message).ConfigureAwait(false);
        if (!await WaitAsync(context, actor).ConfigureAwait(false) && Farewell.IsGivenUp(context))
        {
            return;
        }
        await Refusal.AnswerAsync(
            context,
            Failures.Make(Code.ResourceExhausted, reason, message, new Dictionary<string, string> { ["limit"] = limit }, new RetryInfo { RetryDelay = Duration.FromTimeSpan(retryAfter) })).ConfigureAwait(false);
    }

    // Whether its turn has come; where too many wait already, it has none.
    private async Task<bool> WaitAsync(HttpContext context, string actor)
    {
        var turn = _refused.Take(actor, Heard, Patience);
        if (!turn.IsGiven || turn.Wait <= TimeSpan.Zero)
        {
            return turn.IsGiven;
        }
        var isKnown = context.Features.Get<CallerIdentity>() is { IsNobody: false };
        if (!_waiting.TryTake(isKnown, MostWaiting))
        {
            return false;
        }
        try
        {
            await Task.Delay(turn.Wait, time, context.RequestAborted).ConfigureAwait(false);
            return true;
        }
        finally
        {
            _waiting.GiveBack(isKnown);
        }
    }
}
