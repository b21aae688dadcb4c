using Grpc.Core;

namespace Qm.Fleet.Controller.Api;

/// <summary>How a watch sends: it ends with the client or the daemon, and is cut off when the client does not read.</summary>
internal sealed class WatchStreams(IHostApplicationLifetime lifetime, TimeProvider time)
{
    /// <summary>A client that does not take one message within this is too slow: 30 seconds.</summary>
    public static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    /// <summary>Ends when the client or the daemon does.</summary>
    public CancellationTokenSource Link(ServerCallContext context) =>
        CancellationTokenSource.CreateLinkedTokenSource(context.CancellationToken, lifetime.ApplicationStopping);

    /// <summary>Sends one message.</summary>
    /// <param name="stream">Where to.</param>
    /// <param name="message">What.</param>
    /// <param name="resume">How a client that was too slow goes on.</param>
    /// <param name="ct">Ends the wait.</param>
    /// <param name="token">
    /// Where it goes on, behind the message: a message that was not taken is on its way nevertheless, and whoever reads that the stream ended has read it.
    /// </param>
    /// <exception cref="RpcException">RESOURCE_EXHAUSTED when the client did not take it in time.</exception>
    public async Task SendAsync<T>(IServerStreamWriter<T> stream, T message, string resume, CancellationToken ct, string token = "")
    {
        try
        {
            // The end of the wait comes from the write itself: one that still runs would meet a call that is over.
            await stream.WriteAsync(message, ct).WaitAsync(Patience, time, CancellationToken.None).ConfigureAwait(false);
        }
        catch (TimeoutException)
        {
            throw Failures.TooSlow(resume, token);
        }
    }
}
