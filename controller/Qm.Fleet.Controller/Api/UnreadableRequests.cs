using Grpc.AspNetCore.Server;
using Grpc.Core;
using Microsoft.AspNetCore.Grpc.JsonTranscoding;
using Qm.Fleet.Controller.Rest;
using Qm.Fleet.Controller.Security;
using Qm.Fleet.Controller.Security.Limits;

namespace Qm.Fleet.Controller.Api;

/// <summary>
/// Answers INVALID_ARGUMENT to a gRPC request that is no message of its method, such as one with a string that is no UTF-8. The framework reads it before any
/// interceptor and answers UNKNOWN, which is for defects of the server. And ends a call whose one message does not come, which the framework waits for forever.
/// </summary>
internal sealed class UnreadableRequests(RequestDelegate next, LimitTrail trail, TimeProvider time)
{
    /// <summary>A message that is not there within this is not waited for: 30 seconds, as a body of REST.</summary>
    public static readonly TimeSpan Patience = RestGuard.Patience;

    private const string Unknown = "2";

    /// <summary>Takes note that a call came as far as its method.</summary>
    public static void Read(ServerCallContext context) => context.GetHttpContext().Features.Get<Arrival>()?.Come();

    /// <summary>Hands the request on, and mends the answer.</summary>
    public async Task InvokeAsync(HttpContext context)
    {
        if (context.GetEndpoint() is not { } endpoint || endpoint.Metadata.GetMetadata<GrpcMethodMetadata>() is not { } method)
        {
            await next(context).ConfigureAwait(false);
            return;
        }
        var arrival = new Arrival();
        context.Features.Set(arrival);
        var isOne = method.Method.Type is MethodType.Unary or MethodType.ServerStreaming && endpoint.Metadata.GetMetadata<GrpcJsonTranscodingMetadata>() is null;
        using (isOne ? time.CreateTimer(_ => End(context, arrival), null, Patience, Timeout.InfiniteTimeSpan) : null)
        {
            await next(context).ConfigureAwait(false);
        }
        if (context.Response is { HasStarted: false } response && response.Headers["grpc-status"] == Unknown && !arrival.HasCome)
        {
            await Refusal.AnswerAsync(context, Failures.Invalid("", $"the request does not read as one of {method.Method.FullName}")).ConfigureAwait(false);
        }
    }

    // A client that is honest is not slow by half a minute; it is told nothing, since what it is told it does not read.
    private void End(HttpContext context, Arrival arrival)
    {
        if (!arrival.HasCome)
        {
            _ = trail.NoteAsync(context.Features.Get<CallerIdentity>()?.Actor ?? "", LimitNames.Body, $"A message was not there within {Patience.TotalSeconds:0} seconds.");
            context.Abort();
        }
    }

    /// <summary>Whether a call came as far as its method.</summary>
    private sealed class Arrival
    {
        private volatile bool _hasCome;

        public bool HasCome => _hasCome;

        public void Come() => _hasCome = true;
    }
}
