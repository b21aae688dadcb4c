using Google.Protobuf.WellKnownTypes;
using Google.Rpc;
using Grpc.AspNetCore.Server;
using Grpc.Core;
using Microsoft.AspNetCore.Http.Features;
using Qm.Fleet.Controller.Api;

namespace Qm.Fleet.Controller.Security;

/// <summary>Bounds what one identity has running at once, over all its connections: streams and single calls apart, so that one who watches too much can still ask.</summary>
internal sealed class CallerQuota(RequestDelegate next)
{
    /// <summary>Streams of one identity at once.</summary>
    public const int MaxStreams = 1000;

    /// <summary>Single calls of one identity at once.</summary>
    public const int MaxCalls = 500;

    private static readonly Duration Later = Duration.FromTimeSpan(TimeSpan.FromSeconds(1));

    private readonly Shares<(string Actor, bool IsStream)> _running = new();

    /// <summary>Answers for the request, or hands it on.</summary>
    public async Task InvokeAsync(HttpContext context)
    {
        var key = (context.Features.GetRequiredFeature<CallerIdentity>().Actor, IsStream: IsStream(context.GetEndpoint()));
        var most = key.IsStream ? MaxStreams : MaxCalls;
        if (!_running.TryTake(key, most))
        {
            await Refusal.AnswerAsync(context, Failures.Make(
                Code.ResourceExhausted, "TOO_MANY_CALLS",
                $"{key.Actor} has {most} {(key.IsStream ? "streams" : "calls")} running already, which is the most. End some of them.", new RetryInfo { RetryDelay = Later })).ConfigureAwait(false);
            return;
        }
        try
        {
            await next(context).ConfigureAwait(false);
        }
        finally
        {
            _running.GiveBack(key);
        }
    }

    private static bool IsStream(Endpoint? endpoint) => endpoint?.Metadata.GetMetadata<GrpcMethodMetadata>()?.Method.Type is not (null or MethodType.Unary);
}
