using Google.Protobuf;
using Google.Rpc;
using Grpc.Core;
using Grpc.Core.Interceptors;
using Qm.Fleet.Controller.Api;

namespace Qm.Fleet.Controller.Security;

/// <summary>Judges a call by what its request names: the fleets, nodes and units have to lie where the caller may do this.</summary>
internal sealed partial class AccessInterceptor(AccessDesk desk, RefusalTrail trail, ILogger<AccessInterceptor> logger) : Interceptor
{
    /// <inheritdoc/>
    public override Task<TResponse> UnaryServerHandler<TRequest, TResponse>(TRequest request, ServerCallContext context, UnaryServerMethod<TRequest, TResponse> continuation) =>
        RunAsync(request as IMessage, context, () => continuation(request, context));

    /// <inheritdoc/>
    public override Task ServerStreamingServerHandler<TRequest, TResponse>(
        TRequest request, IServerStreamWriter<TResponse> responseStream, ServerCallContext context, ServerStreamingServerMethod<TRequest, TResponse> continuation) =>
        RunAsync(request as IMessage, context, () => DoneAsync(continuation(request, responseStream, context)));

    /// <inheritdoc/>
    public override Task<TResponse> ClientStreamingServerHandler<TRequest, TResponse>(
        IAsyncStreamReader<TRequest> requestStream, ServerCallContext context, ClientStreamingServerMethod<TRequest, TResponse> continuation) =>
        RunAsync(null, context, () => continuation(requestStream, context));

    /// <inheritdoc/>
    public override Task DuplexStreamingServerHandler<TRequest, TResponse>(
        IAsyncStreamReader<TRequest> requestStream, IServerStreamWriter<TResponse> responseStream, ServerCallContext context, DuplexStreamingServerMethod<TRequest, TResponse> continuation) =>
        RunAsync(null, context, () => DoneAsync(continuation(requestStream, responseStream, context)));

    private static async Task<bool> DoneAsync(Task call)
    {
        await call.ConfigureAwait(false);
        return true;
    }

    // Also what a method finds out of the caller's reach by itself passes here.
    private async Task<T> RunAsync<T>(IMessage? request, ServerCallContext context, Func<Task<T>> call)
    {
        try
        {
            Judge(request, context);
            return await call().ConfigureAwait(false);
        }
        catch (RpcException e) when (e.StatusCode == StatusCode.PermissionDenied)
        {
            if (await trail.NoteAsync(context.Caller().Actor, context.Method, e.Status.Detail).ConfigureAwait(false))
            {
                Log.Refused(logger, context.Caller().Actor, context.Method, e.Status.Detail);
            }
            throw;
        }
    }

    private void Judge(IMessage? request, ServerCallContext context)
    {
        var caller = context.Caller();
        if (!AccessRules.ByMethod.TryGetValue(context.Method, out var rule))
        {
            throw Failures.Make(Code.Unimplemented, "NOT_OFFERED", $"{context.Method} is not offered here.");
        }
        if (rule.IsWithinScope)
        {
            context.GetHttpContext().Features.Set(desk.View(caller, rule));
        }
        if (rule.IsForAnybody || desk.Refusal(caller, rule.Verb, rule.Resource, request is null ? null : rule.Targets?.Invoke(request), rule.IsWithinScope) is not { } refusal)
        {
            return;
        }
        throw Failures.Make(Code.PermissionDenied, "FORBIDDEN", refusal);
    }

    private static partial class Log
    {
        [LoggerMessage(1205, LogLevel.Warning, "Refused {Actor} at {Method}: {Refusal}", EventName = nameof(Refused))]
        public static partial void Refused(ILogger logger, string actor, string method, string refusal);
    }
}
