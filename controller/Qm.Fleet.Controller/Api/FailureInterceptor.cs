using Google.Rpc;
using Grpc.Core;
using Grpc.Core.Interceptors;
using Qm.Fleet.Controller.Storage;

namespace Qm.Fleet.Controller.Api;

/// <summary>The one place where what went wrong inside becomes a gRPC status.</summary>
internal sealed partial class FailureInterceptor(IHostApplicationLifetime lifetime, ILogger<FailureInterceptor> logger) : Interceptor
{
    /// <inheritdoc/>
    public override async Task<TResponse> UnaryServerHandler<TRequest, TResponse>(
        TRequest request, ServerCallContext context, UnaryServerMethod<TRequest, TResponse> continuation)
    {
        try
        {
            return await continuation(request, context).ConfigureAwait(false);
        }
        catch (Exception e) when (Explain(e, context) is { } failure)
        {
            throw failure;
        }
    }

    /// <inheritdoc/>
    public override async Task<TResponse> ClientStreamingServerHandler<TRequest, TResponse>(
        IAsyncStreamReader<TRequest> requestStream, ServerCallContext context, ClientStreamingServerMethod<TRequest, TResponse> continuation)
    {
        try
        {
            return await continuation(requestStream, context).ConfigureAwait(false);
        }
        catch (Exception e) when (Explain(e, context) is { } failure)
        {
            throw failure;
        }
    }

    /// <inheritdoc/>
    public override async Task ServerStreamingServerHandler<TRequest, TResponse>(
        TRequest request, IServerStreamWriter<TResponse> responseStream, ServerCallContext context,
        ServerStreamingServerMethod<TRequest, TResponse> continuation)
    {
        try
        {
            await continuation(request, responseStream, context).ConfigureAwait(false);
        }
        catch (Exception e) when (Explain(e, context) is { } failure)
        {
            throw failure;
        }
    }

    /// <inheritdoc/>
    public override async Task DuplexStreamingServerHandler<TRequest, TResponse>(
        IAsyncStreamReader<TRequest> requestStream, IServerStreamWriter<TResponse> responseStream, ServerCallContext context,
        DuplexStreamingServerMethod<TRequest, TResponse> continuation)
    {
        try
        {
            await continuation(requestStream, responseStream, context).ConfigureAwait(false);
        }
        catch (Exception e) when (Explain(e, context) is { } failure)
        {
            throw failure;
        }
    }

    /// <summary>The status of a failure; null for what is a status already, or a defect that the framework reports as UNKNOWN.</summary>
    private RpcException? Explain(Exception failure, ServerCallContext context)
    {
        switch (failure)
        {
            case CorruptRowException corrupt:
                Log.StoreFailed(logger, context.Method, corrupt);
                return Failures.Make(Code.DataLoss, "CORRUPT_ROW", corrupt.Message);
            case StoreException { IsTransient: true } busy:
                Log.StoreFailed(logger, context.Method, busy);
                return Failures.Make(Code.Unavailable, "STORE_BUSY", busy.Message);
            case StoreException broken:
                Log.StoreFailed(logger, context.Method, broken);
                return Failures.Make(Code.Internal, "STORE_FAILED", broken.Message);
            case MissingArtifactException missing:
                return Failures.Precondition(missing.Message);
            case OperationCanceledException when lifetime.ApplicationStopping.IsCancellationRequested:
                return Failures.Make(Code.Unavailable, "STOPPING", "The controller is stopping. Connect again in a moment.");
            case OperationCanceledException when context.CancellationToken.IsCancellationRequested:
                return Failures.Make(Code.Cancelled, "CANCELLED", "The client ended the call.");
            default:
                return null;
        }
    }

    private static partial class Log
    {
        [LoggerMessage(1210, LogLevel.Error, "{Method} failed in the store", EventName = nameof(StoreFailed))]
        public static partial void StoreFailed(ILogger logger, string method, Exception failure);
    }
}
