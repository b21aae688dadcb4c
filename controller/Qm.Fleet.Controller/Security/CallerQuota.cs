using System.Net;
using Grpc.AspNetCore.Server;
using Grpc.Core;
using Microsoft.Extensions.Options;
using Qm.Fleet.Controller.Options;
using Qm.Fleet.Controller.Security.Limits;

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
        try
        {
            var turn = _paces.Take(key.Actor, limits.Requests, CallerLimits.Patience, key.IsStream ? CallerLimits.StreamCost : 1);
            if (!turn.IsGiven)
            {
                // Whoever asks again at once is not answered at once: it holds its place meanwhile, of which there are so many.
                await Task.Delay(Later, time, context.RequestAborted).ConfigureAwait(false);
                await refusal.AnswerAsync(
                    context, key.Actor, LimitNames.Requests, "TOO_MANY_REQUESTS",
                    $"{key.Actor} asked for more than {limits.Requests.PerSecond:0} things a second. Ask more slowly.", turn.Wait).ConfigureAwait(false);
                return;
            }
            if (turn.Wait > TimeSpan.Zero)
            {
                await Task.Delay(turn.Wait, time, context.RequestAborted).ConfigureAwait(false);
            }
            await next(context).ConfigureAwait(false);
        }
        finally
        {
            _running.GiveBack(key);
        }
    }

    private static bool IsStream(Endpoint? endpoint) => endpoint?.Metadata.GetMetadata<GrpcMethodMetadata>()?.Method.Type is not (null or MethodType.Unary);
}
