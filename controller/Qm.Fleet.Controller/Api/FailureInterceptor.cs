using Google.Protobuf;
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
        UnreadableRequests.Read(context);
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
        UnreadableRequests.Read(context);
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
        UnreadableRequests.Read(context);
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
        UnreadableRequests.Read(context);
        try
        {
            await continuation(requestStream, responseStream, context).ConfigureAwait(false);
        }
        catch (IOException)
        {
            // Nothing but the stream itself is read there: the client reset it.
            throw Ended();
        }
        catch (Exception e) when (Explain(e, context) is { } failure)
        {
            throw failure;
        }
    }

    /// <summary>The status of a failure; null for what is a status already, or a defect, which is logged and reported by the framework as UNKNOWN.</summary>
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
            case InvalidProtocolBufferException unreadable:
                return Failures.Invalid("", $"a message of the stream does not read: {unreadable.Message}");
            case OperationCanceledException when lifetime.ApplicationStopping.IsCancellationRequested:
                return Failures.Make(Code.Unavailable, "STOPPING", "The controller is stopping. Connect again in a moment.");
            case OperationCanceledException or IOException or InvalidOperationException when context.CancellationToken.IsCancellationRequested:
                // What is written to or read from a call that is over fails in several ways.
                return Ended();
            case RpcException:
                return null;
            default:
                Log.Defect(logger, context.Method, failure);
                return null;
        }
    }

    private static RpcException Ended() => Failures.Make(Code.Cancelled, "CANCELLED", "The client ended the call.");

    private static partial class Log
    {
        [LoggerMessage(1210, LogLevel.Error, "{Method} failed in the store", EventName = nameof(StoreFailed))]
        public static partial void StoreFailed(ILogger logger, string method, Exception failure);

        [LoggerMessage(1211, LogLevel.Error, "{Method} failed; this is a defect", EventName = nameof(Defect))]
        public static partial void Defect(ILogger logger, string method, Exception failure);
    }
}
