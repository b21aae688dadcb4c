using Google.Protobuf;
using Grpc.Core;
using Grpc.Core.Interceptors;

namespace Qm.Fleet.Cli.Connection;

/// <summary>
/// Gives every call that has one answer a deadline, and what changes something an id that makes it harmless to repeat; repeats it once when the
/// connection was lost, and shows with -v how each call ended and after how long.
/// </summary>
/// <param name="context">Where to show, and the time.</param>
/// <param name="answer">Longest time for an answer; streams may last.</param>
/// <param name="verbose">Whether to show.</param>
internal sealed class Calls(CliContext context, TimeSpan answer, bool verbose) : Interceptor
{
    public override AsyncUnaryCall<TResponse> AsyncUnaryCall<TRequest, TResponse>(
        TRequest request, ClientInterceptorContext<TRequest, TResponse> call, AsyncUnaryCallContinuation<TRequest, TResponse> continuation)
    {
        var canBeRepeated = Identify(request);
        var inner = Begin();
        return new(RunAsync(), inner.ResponseHeadersAsync, () => inner.GetStatus(), () => inner.GetTrailers(), () => inner.Dispose());

        AsyncUnaryCall<TResponse> Begin() =>
            continuation(request, new(call.Method, call.Host, call.Options.WithDeadline((context.Time.GetUtcNow() + answer).UtcDateTime)));

        async Task<TResponse> RunAsync()
        {
            try
            {
                return await ShowAsync();
            }
            catch (RpcException e) when (canBeRepeated && RpcErrors.IsLost(e) && !call.Options.CancellationToken.IsCancellationRequested)
            {
                // Whether it was done is unknown; the server knows the id if it was.
                inner.Dispose();
                inner = Begin();
                return await ShowAsync();
            }
        }

        async Task<TResponse> ShowAsync()
        {
            var started = context.Time.GetTimestamp();
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

    // Whatever has a place for an id gets one.
    private bool Identify<T>(T request)
        where T : class
    {
        if (request is not IMessage message || message.Descriptor.FindFieldByName("request_id") is not { } field)
        {
            return false;
        }

        if (field.Accessor.GetValue(message) is "")
        {
            field.Accessor.SetValue(message, context.NewId());
        }

        return true;
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

    private void Show(IMethod method, StatusCode end, long started)
    {
        if (verbose)
        {
            context.Error.WriteLine(FormattableString.Invariant($"{method.FullName}  {end}  {context.Time.GetElapsedTime(started).TotalMilliseconds:0} ms"));
        }
    }

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
