using Grpc.Core;
using Microsoft.Extensions.Hosting.Internal;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;
using Qm.Fleet.Controller.Api;

namespace Qm.Fleet.Controller.Tests.Api;

public sealed class WatchStreamsTests
{
    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact, Trait("Requirement", "QMF-API-003")]
    public async Task Send_ClientDoesNotRead_IsCutOffWithTheResumePoint()
    {
        var time = new FakeTimeProvider();
        var lifetime = new ApplicationLifetime(NullLogger<ApplicationLifetime>.Instance);
        var stuck = new StuckStream();
        var sending = new WatchStreams(lifetime, time).SendAsync(stuck, new V1.Event(), "Resume after event 7.", Ct);
        time.Advance(WatchStreams.Patience - TimeSpan.FromMilliseconds(1));
        Assert.False(sending.IsCompleted);

        time.Advance(TimeSpan.FromMilliseconds(1));

        var error = await Assert.ThrowsAsync<RpcException>(() => sending);
        Assert.Equal(StatusCode.ResourceExhausted, error.StatusCode);
        Assert.Contains("Resume after event 7.", error.Status.Detail, StringComparison.Ordinal);
    }

    /// <summary>A client whose flow-control window is full for ever.</summary>
    private sealed class StuckStream : IServerStreamWriter<V1.Event>
    {
        public WriteOptions? WriteOptions { get; set; }

        public Task WriteAsync(V1.Event message) => new TaskCompletionSource().Task;

        public Task WriteAsync(V1.Event message, CancellationToken cancellationToken) => new TaskCompletionSource().Task;
    }
}
