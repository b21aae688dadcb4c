using Google.Protobuf;
using Grpc.Core;
using Grpc.Core.Interceptors;

namespace Qm.Fleet.Cli.Connection;

/// <summary>
/// Gives every call that has one answer a deadline, and what changes something an id that makes it harmless to repeat; repeats it once when the
/// connection was lost, and shows with -v what was asked and answered.
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
        ShownCall? shown = null;
        var inner = Begin();
        return new(RunAsync(), inner.ResponseHeadersAsync, () => inner.GetStatus(), () => inner.GetTrailers(), () => inner.Dispose());

        AsyncUnaryCall<TResponse> Begin()
        {
            shown = Show(call.Method);
            shown?.Asked(request);
            return continuation(request, new(call.Method, call.Host, call.Options.WithDeadline((context.Time.GetUtcNow() + answer).UtcDateTime)));
        }

        async Task<TResponse> RunAsync()
        {
            try
            {
                return await AnswerAsync(inner.ResponseAsync, shown);
            }
            catch (RpcException e) when (canBeRepeated && RpcErrors.IsLost(e) && !call.Options.CancellationToken.IsCancellationRequested)
            {
                // Whether it was done is unknown; the server knows the id if it was.
                inner.Dispose();
                inner = Begin();
                return await AnswerAsync(inner.ResponseAsync, shown);
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
        if (Show(call.Method) is not { } shown)
        {
            return inner;
        }

        shown.Asked(request);
        var reader = new ShownReader<TResponse>(inner.ResponseStream, shown);
        return new(reader, inner.ResponseHeadersAsync, inner.GetStatus, inner.GetTrailers, () =>
        {
            shown.Ended(StatusCode.Cancelled);
            inner.Dispose();
        });
    }

    public override AsyncClientStreamingCall<TRequest, TResponse> AsyncClientStreamingCall<TRequest, TResponse>(
        ClientInterceptorContext<TRequest, TResponse> call, AsyncClientStreamingCallContinuation<TRequest, TResponse> continuation)
    {
        var inner = continuation(call);
        return Show(call.Method) is not { } shown ? inner
            : new(new ShownWriter<TRequest>(inner.RequestStream, shown), AnswerAsync(inner.ResponseAsync, shown), inner.ResponseHeadersAsync, inner.GetStatus, inner.GetTrailers, inner.Dispose);
    }

    private ShownCall? Show(IMethod method) => verbose ? new(context, method) : null;

    private static async Task<T> AnswerAsync<T>(Task<T> answer, ShownCall? shown)
        where T : class
    {
        try
        {
            var response = await answer;
            shown?.Answered(response);
            shown?.Ended(StatusCode.OK);
            return response;
        }
        catch (RpcException e)
        {
            shown?.Failed(e);
            throw;
        }
    }

    private sealed class ShownReader<T>(IAsyncStreamReader<T> inner, ShownCall shown) : IAsyncStreamReader<T>
        where T : class
    {
        public T Current => inner.Current;

        public async Task<bool> MoveNext(CancellationToken cancellationToken)
        {
            try
            {
                if (await inner.MoveNext(cancellationToken))
                {
                    shown.Answered(Current);
                    return true;
                }

                shown.Ended(StatusCode.OK);
                return false;
            }
            catch (RpcException e)
            {
                shown.Failed(e);
                throw;
            }
        }
    }

    // The first says what is sent; what follows is a file, piece by piece.
    private sealed class ShownWriter<T>(IClientStreamWriter<T> inner, ShownCall shown) : IClientStreamWriter<T>
        where T : class
    {
        private bool _hasBegun;

        public WriteOptions? WriteOptions
        {
            get => inner.WriteOptions;
            set => inner.WriteOptions = value;
        }

        public Task WriteAsync(T message) => WriteAsync(message, CancellationToken.None);

        public Task WriteAsync(T message, CancellationToken cancellationToken)
        {
            if (!_hasBegun)
            {
                _hasBegun = true;
                shown.Asked(message);
            }

            return inner.WriteAsync(message, cancellationToken);
        }

        public Task CompleteAsync() => inner.CompleteAsync();
    }
}
