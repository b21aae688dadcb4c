using Grpc.Core;
using Qm.Fleet.Controller.Storage;

namespace Qm.Fleet.Controller.Tests.Api;

public sealed class WatchTests
{
    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact, Trait("Requirement", "QMF-API-003")]
    public async Task WatchFleets_FromSnapshotOn_TellsEveryChange()
    {
        await using var controller = await RunningController.StartAsync();
        var fleets = new V1.FleetService.FleetServiceClient(controller.Local());
        await fleets.ApplyAsync(new V1.ApplyFleetsRequest { Fleets = { Samples.Fleet("a"), Samples.Fleet("b") } }, cancellationToken: Ct);
        using var watch = fleets.Watch(new V1.WatchFleetsRequest(), cancellationToken: Ct);

        Assert.Equal((V1.ChangeType.Snapshot, "a"), Told(await NextAsync(watch.ResponseStream)));
        Assert.Equal((V1.ChangeType.Snapshot, "b"), Told(await NextAsync(watch.ResponseStream)));
        Assert.Equal((V1.ChangeType.Bookmark, null), Told(await NextAsync(watch.ResponseStream)));

        await fleets.ApplyAsync(new V1.ApplyFleetsRequest { Fleets = { Samples.Fleet("c") } }, cancellationToken: Ct);
        Assert.Equal((V1.ChangeType.Added, "c"), Told(await NextAsync(watch.ResponseStream)));
        await fleets.ApplyAsync(new V1.ApplyFleetsRequest { Fleets = { Samples.Fleet("c", "4G") } }, cancellationToken: Ct);
        var modified = await NextAsync(watch.ResponseStream);
        Assert.Equal((V1.ChangeType.Modified, "c"), Told(modified));
        Assert.Equal("4G", modified.Fleet.Spec.Environment.Resources.MemoryMax);
        await fleets.DeleteAsync(new V1.DeleteFleetRequest { Name = "c" }, cancellationToken: Ct);
        var deleted = await NextAsync(watch.ResponseStream);
        Assert.Equal((V1.ChangeType.Deleted, "c"), Told(deleted));
        Assert.Equal(modified.Fleet.Spec, deleted.Fleet.Spec);
    }

    [Fact, Trait("Requirement", "QMF-API-003")]
    public async Task WatchNodes_LabelsStopMatching_CountsAsDeleted()
    {
        await using var controller = await RunningController.StartAsync();
        var nodes = new V1.NodeService.NodeServiceClient(controller.Local());
        await nodes.ApplyAsync(new V1.ApplyNodesRequest { Nodes = { Samples.Node() } }, cancellationToken: Ct);
        using var watch = nodes.Watch(new V1.WatchNodesRequest { Selector = "zone=cockpit" }, cancellationToken: Ct);
        Assert.Equal(V1.ChangeType.Snapshot, (await NextAsync(watch.ResponseStream)).Type);
        Assert.Equal(V1.ChangeType.Bookmark, (await NextAsync(watch.ResponseStream)).Type);
        var moved = Samples.Node();
        moved.Metadata.Labels["zone"] = "rear";

        await nodes.ApplyAsync(new V1.ApplyNodesRequest { Nodes = { moved, Samples.Node("ecu2") } }, cancellationToken: Ct);

        var deleted = await NextAsync(watch.ResponseStream);
        Assert.Equal((V1.ChangeType.Deleted, "ecu1", "cockpit"), (deleted.Type, deleted.Node.Metadata.Name, deleted.Node.Metadata.Labels["zone"]));
        var added = await NextAsync(watch.ResponseStream);
        Assert.Equal((V1.ChangeType.Added, "ecu2"), (added.Type, added.Node.Metadata.Name));
    }

    [Fact, Trait("Requirement", "QMF-API-003")]
    public async Task WatchNodes_StatusChanges_AreToldAndRepetitionsAreNot()
    {
        await using var controller = await RunningController.StartAsync();
        var nodes = new V1.NodeService.NodeServiceClient(controller.Local());
        await nodes.ApplyAsync(new V1.ApplyNodesRequest { Nodes = { Samples.Node(), Samples.Node("ecu2") } }, cancellationToken: Ct);
        using var watch = nodes.Watch(new V1.WatchNodesRequest(), cancellationToken: Ct);
        for (var index = 0; index < 3; index++)
        {
            await NextAsync(watch.ResponseStream);
        }

        controller.Service<ChangeFeed>().Publish(ResourceKind.Node, "ecu1");
        controller.Service<ChangeFeed>().Publish(ResourceKind.Node, "nobody");
        controller.Live.Nodes["ecu2"] = new V1.NodeStatus { Revision = "9f3a61c2" };
        controller.Service<ChangeFeed>().Publish(ResourceKind.Node, "ecu2");

        var change = await NextAsync(watch.ResponseStream);
        Assert.Equal((V1.ChangeType.Modified, "ecu2", "9f3a61c2"), (change.Type, change.Node.Metadata.Name, change.Node.Status.Revision));
    }

    [Fact, Trait("Requirement", "QMF-API-003")]
    public async Task WatchEvents_Resumed_MissesNothingAndRepeatsNothing()
    {
        await using var controller = await RunningController.StartAsync();
        var store = controller.Service<IReconcileStore>();
        await store.AppendEventsAsync([.. Enumerable.Range(1, 1200).Select(static index => Samples.Event($"E{index}", node: "ecu1"))], Ct);
        var events = new V1.EventService.EventServiceClient(controller.Local());
        var seen = new List<long>();
        using (var first = events.Watch(new V1.WatchEventsRequest(), cancellationToken: Ct))
        {
            for (var index = 0; index < 700; index++)
            {
                seen.Add((await NextAsync(first.ResponseStream)).Number);
            }
        }

        using var second = events.Watch(new V1.WatchEventsRequest { After = seen[^1], Node = "ecu1" }, cancellationToken: Ct);
        for (var index = 0; index < 500; index++)
        {
            seen.Add((await NextAsync(second.ResponseStream)).Number);
        }
        await store.AppendEventsAsync([Samples.Event("Other", node: "ecu2"), Samples.Event("Mine", node: "ecu1")], Ct);

        Assert.Equal((1202L, "Mine"), (await NextAsync(second.ResponseStream)) is { } last ? (last.Number, last.Reason) : default);
        Assert.Equal(Enumerable.Range(1, 1200).Select(static number => (long)number), seen);
    }

    [Fact, Trait("Requirement", "QMF-API-003")]
    public async Task WatchEvents_OnlyNew_BeginsAtTheEnd()
    {
        await using var controller = await RunningController.StartAsync();
        var store = controller.Service<IReconcileStore>();
        await store.AppendEventsAsync([Samples.Event("Old")], Ct);
        using var watch = new V1.EventService.EventServiceClient(controller.Local()).Watch(
            new V1.WatchEventsRequest { After = -1 }, cancellationToken: Ct);
        await watch.ResponseHeadersAsync;

        await store.AppendEventsAsync([Samples.Event("New")], Ct);

        Assert.Equal("New", (await NextAsync(watch.ResponseStream)).Reason);
    }

    [Fact]
    public async Task Watch_ControllerStops_EndsAsUnavailable()
    {
        await using var controller = await RunningController.StartAsync();
        using var watch = new V1.EventService.EventServiceClient(controller.Local()).Watch(new V1.WatchEventsRequest(), cancellationToken: Ct);
        await watch.ResponseHeadersAsync;

        // Read while it stops: what is read later from a connection that is gone is that it is gone.
        var next = NextAsync(watch.ResponseStream);

        await controller.App.StopAsync(Ct);

        var error = await Assert.ThrowsAsync<RpcException>(() => next);
        Assert.Equal((StatusCode.Unavailable, "The controller is stopping. Connect again in a moment."), (error.StatusCode, error.Status.Detail));
    }

    private static (V1.ChangeType Type, string? Name) Told(V1.FleetChange change) => (change.Type, change.Fleet?.Metadata.Name);

    private static async Task<T> NextAsync<T>(IAsyncStreamReader<T> stream)
    {
        Assert.True(await stream.MoveNext(Ct).WaitAsync(RunningController.Deadline, Ct));
        return stream.Current;
    }
}
