using Grpc.Core;
using Qm.Fleet.Controller.Options;
using Qm.Fleet.Controller.Security;

namespace Qm.Fleet.Controller.Tests.Security;

[Trait("Requirement", "QMF-API-063")]
[Collection(nameof(Alone))]
public sealed class CallerQuotaTests
{
    private const int Streams = 2_000;
    private static readonly int Most = new ControllerLimits().StreamsPerIdentity;

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Streams_TwoThousandOfOneClient_AreBoundedAndOthersGoOn()
    {
        await using var controller = await RunningController.StartAsync();
        var greedy = new V1.EventService.EventServiceClient(controller.Local());
        var other = new V1.EventService.EventServiceClient(controller.Admin());
        var calls = Enumerable.Range(0, Streams).Select(_ => greedy.Watch(new V1.WatchEventsRequest { After = -1 }, cancellationToken: Ct)).ToList();
        try
        {
            var answers = calls.ConvertAll(static call => call.ResponseStream.MoveNext(Ct));
            await WaitAsync(() => answers.Count(static answer => answer.IsFaulted) == Streams - Most);

            Assert.All(answers.Where(static answer => answer.IsFaulted), static answer =>
                Assert.Equal(StatusCode.ResourceExhausted, Assert.IsType<RpcException>(answer.Exception!.InnerException).StatusCode));
            Assert.Contains("local:", Assert.IsType<RpcException>(answers.First(static answer => answer.IsFaulted).Exception!.InnerException).Status.Detail, StringComparison.Ordinal);
            using var watch = other.Watch(new V1.WatchEventsRequest { After = -1 }, cancellationToken: Ct);
            await watch.ResponseHeadersAsync.WaitAsync(RunningController.Deadline, Ct);
            await other.ListAsync(new V1.ListEventsRequest(), deadline: DateTime.UtcNow + RunningController.Deadline, cancellationToken: Ct);
            // Who watches too much can still ask.
            await greedy.ListAsync(new V1.ListEventsRequest(), deadline: DateTime.UtcNow + RunningController.Deadline, cancellationToken: Ct);
        }
        finally
        {
            calls.ForEach(static call => call.Dispose());
        }

        await WaitAsync(() => MayWatchAsync(greedy));
    }

    [Fact]
    public void Shares_TakenAndGivenBack_AreNeverMoreThanTheMost()
    {
        var shares = new Shares<string>();

        Assert.Equal([true, true, false], Enumerable.Range(0, 3).Select(_ => shares.TryTake("a", 2)));
        Assert.True(shares.TryTake("b", 2));
        shares.GiveBack("a");
        Assert.Equal([true, false], Enumerable.Range(0, 2).Select(_ => shares.TryTake("a", 2)));
    }

    private static async Task<bool> MayWatchAsync(V1.EventService.EventServiceClient client)
    {
        using var call = client.Watch(new V1.WatchEventsRequest { After = -1 }, cancellationToken: Ct);
        var first = call.ResponseStream.MoveNext(Ct);
        await Task.WhenAny(first, call.ResponseHeadersAsync);
        return !first.IsFaulted;
    }

    private static Task WaitAsync(Func<bool> isSo) => WaitAsync(() => Task.FromResult(isSo()));

    private static async Task WaitAsync(Func<Task<bool>> isSo)
    {
        using var late = CancellationTokenSource.CreateLinkedTokenSource(Ct);
        late.CancelAfter(TimeSpan.FromMinutes(2));
        while (!await isSo())
        {
            await Task.Delay(TimeSpan.FromMilliseconds(50), late.Token);
        }
    }
}
