using Qm.Fleet.BlueChi.Bus;
using Xunit;

namespace Qm.Fleet.BlueChi.Tests.Bus;

public sealed class LostBusTests : IAsyncLifetime
{
    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(10);

    private readonly PrivateBus _bus = new();

    public ValueTask InitializeAsync() => _bus.InitializeAsync();

    public ValueTask DisposeAsync() => _bus.DisposeAsync();

    [Fact]
    public async Task Daemon_Killed_EndsCallsMatchesAndConnection()
    {
        var ct = TestContext.Current.CancellationToken;
        await using var service = await _bus.ConnectAsync();
        await using var client = await _bus.ConnectAsync();
        var called = new TaskCompletionSource();
        service.Serve("/test", _ =>
        {
            called.SetResult();
            return new TaskCompletionSource().Task;
        });
        var matchEnded = new TaskCompletionSource<string>();
        await client.ListenAsync(new(service.UniqueName), _ => { }, matchEnded.SetResult, ct);
        var call = client.CallAsync(service.UniqueName, "/test", "test.Interface", "Sleep", [], Deadline, ct: ct);
        await called.Task.WaitAsync(Deadline, ct);

        _bus.Kill();

        await Assert.ThrowsAnyAsync<BusException>(() => call);
        Assert.NotEmpty(await matchEnded.Task.WaitAsync(Deadline, ct));
        Assert.NotEmpty(await client.Ended.WaitAsync(Deadline, ct));
        await Assert.ThrowsAsync<BusConnectionException>(() => client.CallAsync(":1.1", "/", "a.b", "C", [], Deadline, ct: ct));
    }
}
