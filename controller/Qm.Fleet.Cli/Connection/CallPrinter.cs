using Grpc.Core;
using Grpc.Core.Interceptors;

namespace Qm.Fleet.Cli.Connection;

/// <summary>Shows every call with its duration and end, for -v.</summary>
internal sealed class CallPrinter(CliContext context) : Interceptor
{
    public override AsyncUnaryCall<TResponse> AsyncUnaryCall<TRequest, TResponse>(
        TRequest request, ClientInterceptorContext<TRequest, TResponse> call, AsyncUnaryCallContinuation<TRequest, TResponse> continuation)
    {
        var started = context.Time.GetTimestamp();
        var inner = continuation(request, call);
        return new(ShowAsync(), inner.ResponseHeadersAsync, inner.GetStatus, inner.GetTrailers, inner.Dispose);

        async Task<TResponse> ShowAsync()
        {
            var end = StatusCode.OK;
            try
            {
                return await inner.ResponseAsync;
            }
            catch (RpcException e)
            {
                end = e.StatusCode;
                throw;
            }
            finally
            {
                await context.Error.WriteLineAsync($"{call.Method.FullName} {end} {context.Time.GetElapsedTime(started).TotalMilliseconds:0} ms");
            }
        }
    }

    public override AsyncServerStreamingCall<TResponse> AsyncServerStreamingCall<TRequest, TResponse>(
        TRequest request, ClientInterceptorContext<TRequest, TResponse> call, AsyncServerStreamingCallContinuation<TRequest, TResponse> continuation)
    {
        context.Error.WriteLine($"{call.Method.FullName} stream");
        return continuation(request, call);
    }
}
