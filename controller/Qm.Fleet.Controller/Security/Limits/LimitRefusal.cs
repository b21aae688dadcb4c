using Google.Protobuf.WellKnownTypes;
using Google.Rpc;
using Microsoft.AspNetCore.Connections.Features;
using Qm.Fleet.Controller.Api;
using Qm.Fleet.Core.Limits;

namespace Qm.Fleet.Controller.Security.Limits;

/// <summary>Answers requests that met a limit. Each answer costs the controller more than the request cost the client, so whoever takes no heed of them loses the connection.</summary>
internal sealed class LimitRefusal(LimitTrail trail, TimeProvider time)
{
    /// <summary>How many refusals of one client are answered; for each one more, the connection it came on is closed.</summary>
    public static readonly Pace Heard = new(PerSecond: 100, Burst: 2000);

    private readonly Paces<string> _refused = new(time);

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
        if (!_refused.Take(actor, Heard, TimeSpan.Zero).IsGiven && context.Features.Get<IConnectionLifetimeFeature>() is { } connection)
        {
            connection.Abort();
            return;
        }
        await Refusal.AnswerAsync(context, Failures.Make(Code.ResourceExhausted, reason, message, new RetryInfo { RetryDelay = Duration.FromTimeSpan(retryAfter) })).ConfigureAwait(false);
    }
}
