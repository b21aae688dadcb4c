using System.Net;
using Grpc.AspNetCore.Server;
using Grpc.Core;
using Microsoft.Extensions.Options;
using Qm.Fleet.Controller.Options;
using Qm.Fleet.Controller.Security.Limits;
using Qm.Fleet.Core.Limits;

namespace Qm.Fleet.Controller.Security;

/// <summary>
/// Bounds what one identity has running at once, over all its connections, streams and single calls apart, so that one who watches too much can still ask; and how
/// often it begins either. Who asks one thing after the other is held to the pace and not refused. A request without an identity counts for its address.
/// </summary>
internal sealed class CallerQuota(RequestDelegate next, IOptions<ControllerOptions> options, LimitRefusal refusal, TimeProvider time)
{
    private static readonly TimeSpan Later = TimeSpan.FromSeconds(1);

    private readonly Shares<(string Actor, bool IsStream)> _running = new();
    private readonly Paces<string> _paces = new(time);

    /// <summary>Answers for the request, or hands it on when its turn has come.</summary>
    public async Task InvokeAsync(HttpContext context)
    {
        var caller = context.Features.Get<CallerIdentity>() ?? CallerIdentity.Nobody(context.Connection.RemoteIpAddress is { } address ? new IPEndPoint(address, 0) : null);
        var limits = CallerLimits.Of(caller, options.Value.Limits);
        var key = (caller.Actor, IsStream: IsStream(context.GetEndpoint()));
        var most = key.IsStream ? limits.Streams : limits.Calls;
        if (!_running.TryTake(key, most))
        {
            await refusal.AnswerAsync(
                context, key.Actor, key.IsStream ? LimitNames.Streams : LimitNames.Calls, "TOO_MANY_CALLS",
                $"{key.Actor} has {most} {(key.IsStream ? "streams" : "calls")} running already, which is the most. End some of them.", Later).ConfigureAwait(false);
            return;
        }
        PaceTurn turn;
        try
        {
            turn = _paces.Take(key.Actor, limits.Requests, CallerLimits.Patience, key.IsStream ? CallerLimits.StreamCost : 1);
            // Whoever asks again at once is not answered at once: it holds its place meanwhile, of which there are so many.
            var wait = turn.IsGiven ? turn.Wait : Later;
            if (wait > TimeSpan.Zero)
            {
                await Task.Delay(wait, time, context.RequestAborted).ConfigureAwait(false);
            }
            if (turn.IsGiven)
            {
                await next(context).ConfigureAwait(false);
                return;
            }
        }
        finally
        {
            _running.GiveBack(key);
        }
        await refusal.AnswerAsync(
            context, key.Actor, LimitNames.Requests, "TOO_MANY_REQUESTS",
            $"{key.Actor} asked for more than {limits.Requests.PerSecond:0} things a second. Ask more slowly.", turn.Wait).ConfigureAwait(false);
    }

    private static bool IsStream(Endpoint? endpoint) => endpoint?.Metadata.GetMetadata<GrpcMethodMetadata>()?.Method.Type is not (null or MethodType.Unary);
}
