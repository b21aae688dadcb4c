using Google.Rpc;
using Grpc.AspNetCore.Server;
using Grpc.Core;
using Grpc.Core.Interceptors;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Time.Testing;
using Qm.Fleet.Controller.Api.Watches;
using Qm.Fleet.Controller.Storage;

namespace Qm.Fleet.Controller.Tests.Api.Watches;

public sealed class WatchApiTests
{
    private const int Watchers = 20;
    private const int Nodes = 50;
    private const int Changes = 500;

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact, Trait("Requirement", "QMF-API-042")]
    public async Task Watch_ResumedByAnyToken_GoesOnExactlyThere()
    {
        await using var controller = await RunningController.StartAsync();
        var nodes = new V1.NodeService.NodeServiceClient(controller.Local());
        await nodes.ApplyAsync(new V1.ApplyNodesRequest { Nodes = { Samples.Node("a"), Samples.Node("b"), Samples.Node("c") } }, cancellationToken: Ct);
        var tokens = new List<string>();
        using (var watch = nodes.Watch(new V1.WatchNodesRequest(), cancellationToken: Ct))
        {
            tokens.AddRange((await TakeAsync(watch.ResponseStream, 4)).Select(static change => change.ResumeToken));
            await nodes.ApplyAsync(new V1.ApplyNodesRequest { Nodes = { Samples.Node("a", cordoned: true) } }, cancellationToken: Ct);
            tokens.AddRange((await TakeAsync(watch.ResponseStream, 1)).Select(static change => change.ResumeToken));
        }
        await nodes.DeleteAsync(new V1.DeleteNodeRequest { Name = "b" }, cancellationToken: Ct);

        string[][] expected =
        [
            ["Modified a", "Snapshot c", "Bookmark"], ["Modified a", "Deleted b", "Snapshot c", "Bookmark"], ["Modified a", "Deleted b", "Bookmark"], ["Modified a", "Deleted b"], ["Deleted b"],
        ];
        foreach (var (token, told) in tokens.Zip(expected))
        {
            using var resumed = nodes.Watch(new V1.WatchNodesRequest { ResumeToken = token }, cancellationToken: Ct);
            Assert.Equal(told, (await TakeAsync(resumed.ResponseStream, told.Length)).Select(static change => $"{change.Type} {change.Node?.Metadata.Name}".Trim()));
        }
    }

    [Fact, Trait("Requirement", "QMF-API-043")]
    public async Task Watch_ControllerIsKilled_GoesOnAfterItsRestart()
    {
        using var folder = new TemporaryFolder();
        var request = new V1.WatchNodesRequest { Selector = "zone=cockpit" };
        using (var first = ControllerProcess.Start(folder))
        {
            await first.ReadyAsync();
            using var channel = first.Channel();
            var nodes = new V1.NodeService.NodeServiceClient(channel);
            await nodes.ApplyAsync(new V1.ApplyNodesRequest { Nodes = { Samples.Node("gone"), Samples.Node("moved"), Samples.Node("same") } }, cancellationToken: Ct);
            using (var watch = nodes.Watch(request, cancellationToken: Ct))
            {
                request.ResumeToken = (await UntilBookmarkAsync(watch.ResponseStream))[^1].ResumeToken;
            }
            await nodes.DeleteAsync(new V1.DeleteNodeRequest { Name = "gone" }, cancellationToken: Ct);
            first.Kill();
            await first.EndAsync();
        }

        using var second = ControllerProcess.Start(folder);
        await second.ReadyAsync();
        using var again = second.Channel();
        var after = new V1.NodeService.NodeServiceClient(again);
        var moved = Samples.Node("moved");
        moved.Metadata.Labels["zone"] = "rear";
        await after.ApplyAsync(new V1.ApplyNodesRequest { Nodes = { moved, Samples.Node("new") } }, cancellationToken: Ct);
        using var resumed = after.Watch(request, cancellationToken: Ct);

        var told = await UntilBookmarkAsync(resumed.ResponseStream);
        Assert.Equal(["Deleted gone", "Deleted moved", "Added new", "Modified same"], told[..^1].Select(static change => $"{change.Type} {change.Node.Metadata.Name}"));
        Assert.NotEqual(request.ResumeToken, told[^1].ResumeToken);
    }

    // Some watchers, many changes, and one that takes nothing: each of the others is told everything, it is cut off, and goes on from its token.
    [Fact, Trait("Requirement", "QMF-API-044")]
    public async Task Watch_OneOfManyStalls_IsCutOffWithItsTokenAndSlowsNobody()
    {
        var (time, ended) = (new FakeTimeProvider(DateTimeOffset.UtcNow), new EndedStreams());
        await using var controller = await RunningController.StartAsync(services =>
        {
            services.Replace(ServiceDescriptor.Singleton<TimeProvider>(time));
            services.AddSingleton(ended);
            services.Configure<GrpcServiceOptions>(static grpc => grpc.Interceptors.Add<EndedStreams>());
        });
        var client = new V1.NodeService.NodeServiceClient(controller.Local());
        await client.ApplyAsync(new V1.ApplyNodesRequest { Nodes = { Enumerable.Range(0, Nodes).Select(static number => Samples.Node($"ecu{number}")) } }, cancellationToken: Ct);
        using var stalled = new V1.NodeService.NodeServiceClient(controller.Local()).Watch(new V1.WatchNodesRequest(), cancellationToken: Ct);
        await UntilBookmarkAsync(stalled.ResponseStream);
        var watches = Enumerable.Range(0, Watchers).Select(_ => client.Watch(new V1.WatchNodesRequest(), cancellationToken: Ct)).ToList();
        foreach (var watch in watches)
        {
            await UntilBookmarkAsync(watch.ResponseStream);
        }

        var reading = watches.Select(watch => NumbersAsync(watch.ResponseStream, Changes)).ToList();
        for (var number = 1; number <= Changes; number++)
        {
            var name = $"ecu{number % Nodes}";
            controller.Live.Nodes[name] = new() { Revision = $"{number}", Step = new() { Message = new('x', 4096) } };
            controller.Service<ChangeFeed>().Publish(ResourceKind.Node, name);
            controller.Service<WatchedResources<V1.Node>>().Open();
        }

        foreach (var numbers in reading)
        {
            Assert.Equal(Enumerable.Range(1, Changes), await numbers);
        }
        while (!ended.TooSlow.IsCompleted)
        {
            time.Advance(TimeSpan.FromSeconds(1));
            await Task.Delay(TimeSpan.FromMilliseconds(20), Ct);
        }
        var taken = new List<int>();
        var error = await Assert.ThrowsAsync<RpcException>(() => NumbersAsync(stalled.ResponseStream, int.MaxValue, taken));
        Assert.Equal(StatusCode.ResourceExhausted, error.StatusCode);
        Assert.InRange(taken.Count, 1, Changes - 1);
        using var resumed = client.Watch(new V1.WatchNodesRequest { ResumeToken = error.GetRpcStatus()!.GetDetail<ErrorInfo>()!.Metadata["resume_token"] }, cancellationToken: Ct);
        Assert.Equal(Enumerable.Range(1, Changes), [.. taken, .. await NumbersAsync(resumed.ResponseStream, Changes - taken.Count)]);
        watches.ForEach(static watch => watch.Dispose());
    }

    [Fact, Trait("Requirement", "QMF-API-003")]
    public async Task WatchEvents_SelectedByFields_TellsThoseAndRefusesWhatIsBeyondTheLog()
    {
        await using var controller = await RunningController.StartAsync();
        var events = new V1.EventService.EventServiceClient(controller.Local());
        await controller.Service<IReconcileStore>().AppendEventsAsync(
            [Samples.Event("One"), Samples.Event("Two") with { Severity = EventSeverity.Critical }, Samples.Event("Three")], Ct);

        using var watch = events.Watch(new V1.WatchEventsRequest { FieldSelector = "severity=critical" }, cancellationToken: Ct);
        Assert.Equal("Two", (await TakeAsync(watch.ResponseStream, 1))[0].Reason);
        using var beyond = events.Watch(new V1.WatchEventsRequest { After = 4 }, cancellationToken: Ct);
        var tooFar = await Assert.ThrowsAsync<RpcException>(() => TakeAsync(beyond.ResponseStream, 1));
        Assert.Equal(
            (StatusCode.OutOfRange, "There is no event 4: the log ends at 3. Another controller's log was watched before, or an older one was restored. Watch again from 0."),
            (tooFar.StatusCode, tooFar.Status.Detail));
        using var wrong = events.Watch(new V1.WatchEventsRequest { After = -2, FieldSelector = "sevrity=critical" }, cancellationToken: Ct);
        var refused = await Assert.ThrowsAsync<RpcException>(() => TakeAsync(wrong.ResponseStream, 1));
        Assert.Equal(["after", "field_selector"], refused.GetRpcStatus()!.GetDetail<BadRequest>()!.FieldViolations.Select(static problem => problem.Field));
    }

    private static async Task<IReadOnlyList<T>> TakeAsync<T>(IAsyncStreamReader<T> stream, int count)
    {
        var taken = new List<T>();
        while (taken.Count < count)
        {
            Assert.True(await stream.MoveNext(Ct).WaitAsync(RunningController.Deadline, Ct));
            taken.Add(stream.Current);
        }
        return taken;
    }

    private static async Task<List<V1.NodeChange>> UntilBookmarkAsync(IAsyncStreamReader<V1.NodeChange> stream)
    {
        var taken = new List<V1.NodeChange>();
        do
        {
            taken.AddRange(await TakeAsync(stream, 1));
        }
        while (taken[^1].Type != V1.ChangeType.Bookmark);
        return taken;
    }

    // Which change each message is about; a bookmark is about none.
    private static async Task<List<int>> NumbersAsync(IAsyncStreamReader<V1.NodeChange> stream, int count, List<int>? into = null)
    {
        var numbers = into ?? [];
        while (numbers.Count < count)
        {
            var change = (await TakeAsync(stream, 1))[0];
            if (change.Type != V1.ChangeType.Bookmark)
            {
                Assert.Equal(V1.ChangeType.Modified, change.Type);
                numbers.Add(int.Parse(change.Node.Status.Revision, provider: null));
            }
        }
        return numbers;
    }

    /// <summary>Notes the first stream that was cut off.</summary>
    private sealed class EndedStreams : Interceptor
    {
        private readonly TaskCompletionSource _tooSlow = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public Task TooSlow => _tooSlow.Task;

        public override async Task ServerStreamingServerHandler<TRequest, TResponse>(
            TRequest request, IServerStreamWriter<TResponse> responseStream, ServerCallContext context, ServerStreamingServerMethod<TRequest, TResponse> continuation)
        {
            try
            {
                await continuation(request, responseStream, context);
            }
            catch (RpcException e) when (e.StatusCode == StatusCode.ResourceExhausted)
            {
                _tooSlow.TrySetResult();
                throw;
            }
        }
    }
}
