using Grpc.AspNetCore.Server;
using Grpc.Core;
using Qm.Fleet.Controller.Security;

namespace Qm.Fleet.Controller.Api;

/// <summary>
/// Answers INVALID_ARGUMENT to a gRPC request that is no message of its method, such as one with a string that is no UTF-8. The framework reads it before any
/// interceptor and answers UNKNOWN, which is for defects of the server.
/// </summary>
internal sealed class UnreadableRequests(RequestDelegate next)
{
    private const string Unknown = "2";

    /// <summary>Takes note that a call came as far as its method.</summary>
    public static void Read(ServerCallContext context) => context.GetHttpContext().Features.Set(new WasRead());

    /// <summary>Hands the request on, and mends the answer.</summary>
    public async Task InvokeAsync(HttpContext context)
    {
        await next(context).ConfigureAwait(false);
        if (context.Response is { HasStarted: false } response && response.Headers["grpc-status"] == Unknown && context.Features.Get<WasRead>() is null
            && context.GetEndpoint()?.Metadata.GetMetadata<GrpcMethodMetadata>() is { } method)
        {
            await Refusal.AnswerAsync(context, Failures.Invalid("", $"the request does not read as one of {method.Method.FullName}")).ConfigureAwait(false);
        }
    }

    private sealed class WasRead;
}
