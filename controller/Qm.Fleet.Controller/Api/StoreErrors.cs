using Grpc.Core;
using Grpc.Core.Interceptors;
using Qm.Fleet.Controller.Storage;

namespace Qm.Fleet.Controller.Api;

/// <summary>Turns what the store could not do into the API's errors, in one place.</summary>
internal sealed partial class StoreErrors(ILogger<StoreErrors> logger) : Interceptor
{
    public override async Task<TResponse> UnaryServerHandler<TRequest, TResponse>(
        TRequest request, ServerCallContext context, UnaryServerMethod<TRequest, TResponse> continuation)
    {
        try
        {
            return await continuation(request, context);
        }
        catch (StoreException e)
        {
            throw Explain(e, context);
        }
    }

    public override async Task ServerStreamingServerHandler<TRequest, TResponse>(
        TRequest request, IServerStreamWriter<TResponse> responseStream, ServerCallContext context, ServerStreamingServerMethod<TRequest, TResponse> continuation)
    {
        try
        {
            await continuation(request, responseStream, context);
        }
        catch (StoreException e)
        {
            throw Explain(e, context);
        }
    }

    private RpcException Explain(StoreException e, ServerCallContext context)
    {
        Log.StoreFailed(logger, context.Method, e);
        return e.IsTransient ? Errors.Unavailable(e.Message) : Errors.Internal(e.Message);
    }

    private static partial class Log
    {
        [LoggerMessage(1210, LogLevel.Error, "{Method} failed at the store", EventName = nameof(StoreFailed))]
        internal static partial void StoreFailed(ILogger logger, string method, Exception exception);
    }
}
