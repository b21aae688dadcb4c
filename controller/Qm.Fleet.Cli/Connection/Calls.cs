using Grpc.Core;
using Grpc.Core.Interceptors;

namespace Qm.Fleet.Cli.Connection;

/// <summary>Gives every call that has one answer a deadline, and shows with -v how each call ended and after how long.</summary>
/// <param name="context">Where to show, and the time.</param>
/// <param name="answer">Longest time for an answer; streams may last.</param>
/// <param name="verbose">Whether to show.</param>
internal sealed class Calls(CliContext context, TimeSpan answer, bool verbose) : Interceptor
{
    public override AsyncUnaryCall<TResponse> AsyncUnaryCall<TRequest, TResponse>(
        TRequest request, ClientInterceptorContext<TRequest, TResponse> call, AsyncUnaryCallContinuation<TRequest, TResponse> continuation)
    {
        var started = context.Time.GetTimestamp();
        var deadline = (context.Time.GetUtcNow() + answer).UtcDateTime;
        var inner = continuation(request, new(call.Method, call.Host, call.Options.WithDeadline(deadline)));
        return verbose ? new(ShowAsync(), inner.ResponseHeadersAsync, inner.GetStatus, inner.GetTrailers, inner.Dispose) : inner;

        async Task<TResponse> ShowAsync()
        {
            try
            {
                var response = await inner.ResponseAsync;
                Show(call.Method, StatusCode.OK, started);
                return response;
            }
            catch (RpcException e)
            {
                Show(call.Method, e.StatusCode, started);
                throw;
            }
        }
    }

    public override AsyncServerStreamingCall<TResponse> AsyncServerStreamingCall<TRequest, TResponse>(
        TRequest request, ClientInterceptorContext<TRequest, TResponse> call, AsyncServerStreamingCallContinuation<TRequest, TResponse> continuation)
    {
        var inner = continuation(request, call);
        if (!verbose)
        {
            return inner;
        }

        var started = context.Time.GetTimestamp();
        var reader = new ShownReader<TResponse>(inner.ResponseStream, end => Show(call.Method, end, started));
        return new(reader, inner.ResponseHeadersAsync, inner.GetStatus, inner.GetTrailers, () =>
        {
            reader.End(StatusCode.Cancelled);
            inner.Dispose();
        });
    }

    private void Show(IMethod method, StatusCode end, long started) =>
        context.Error.WriteLine(FormattableString.Invariant($"{method.FullName}  {end}  {context.Time.GetElapsedTime(started).TotalMilliseconds:0} ms"));

    private sealed class ShownReader<T>(IAsyncStreamReader<T> inner, Action<StatusCode> show) : IAsyncStreamReader<T>
    {
        private bool _ended;

        public T Current => inner.Current;

        public async Task<bool> MoveNext(CancellationToken cancellationToken)
        {
            try
            {
                var more = await inner.MoveNext(cancellationToken);
                if (!more)
                {
                    End(StatusCode.OK);
                }

                return more;
            }
            catch (RpcException e)
            {
                End(e.StatusCode);
                throw;
            }
        }

        internal void End(StatusCode end)
        {
            if (!_ended)
            {
                _ended = true;
                show(end);
            }
        }
    }
}
