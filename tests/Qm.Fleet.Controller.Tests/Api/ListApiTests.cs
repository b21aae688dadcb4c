using Google.Rpc;
using Grpc.Core;
using Qm.Fleet.Controller.Storage;

namespace Qm.Fleet.Controller.Tests.Api;

public sealed class ListApiTests
{
    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact, Trait("Requirement", "QMF-API-040")]
    public async Task ListNodes_SelectedSortedAndMasked_IsThat()
    {
        await using var controller = await RunningController.StartAsync();
        var nodes = new V1.NodeService.NodeServiceClient(controller.Local());
        await nodes.ApplyAsync(new V1.ApplyNodesRequest { Nodes = { Samples.Node("a"), Samples.Node("b", cordoned: true), Samples.Node("c"), Samples.Node("d") } }, cancellationToken: Ct);
        controller.Live.Nodes["a"] = new() { Fleet = "cockpit", Step = new() { Name = "Ready", Since = new() { Seconds = 1 } } };
        controller.Live.Nodes["b"] = new() { Fleet = "cockpit", Step = new() { Name = "Ready", Since = new() { Seconds = 2 } } };
        controller.Live.Nodes["c"] = new() { Fleet = "cockpit", Step = new() { Name = "Ready", Since = new() { Seconds = 3 } } };
        var request = new V1.ListNodesRequest
        {
            Selector = "zone=cockpit",
            FieldSelector = "status.fleet=cockpit,spec.cordoned=false",
            OrderBy = "status.step.since desc",
            PageSize = 1,
            ReadMask = new() { Paths = { "metadata.name", "status.step.name" } },
        };

        var first = await nodes.ListAsync(request, cancellationToken: Ct);
        request.PageToken = first.NextPageToken;
        var second = await nodes.ListAsync(request, cancellationToken: Ct);

        Assert.Equal(new V1.Node { Metadata = new() { Name = "c" }, Status = new() { Step = new() { Name = "Ready" } } }, Assert.Single(first.Nodes));
        Assert.Equal("a", Assert.Single(second.Nodes).Metadata.Name);
        Assert.Equal("", second.NextPageToken);
        Assert.Equal(new V1.Node { Spec = new() { Site = "local" } }, await nodes.GetAsync(new V1.GetNodeRequest { Name = "d", ReadMask = new() { Paths = { "spec.site" } } }, cancellationToken: Ct));
        var error = await Assert.ThrowsAsync<RpcException>(async () => await nodes.GetAsync(new V1.GetNodeRequest { Name = "d", ReadMask = new() { Paths = { "spec.sit" } } }, cancellationToken: Ct));
        Assert.Contains("in spec there are site, cordoned, maintenance", error.Status.Detail, StringComparison.Ordinal);
    }

    [Fact, Trait("Requirement", "QMF-API-040")]
    public async Task Rollouts_OfFleets_AreReadByNumberAndListedNewestFirst()
    {
        await using var controller = await RunningController.StartAsync();
        var (fleets, rollouts) = (new V1.FleetService.FleetServiceClient(controller.Local()), new V1.RolloutService.RolloutServiceClient(controller.Local()));
        foreach (var memory in new[] { "1G", "2G", "3G" })
        {
            await fleets.ApplyAsync(new V1.ApplyFleetsRequest { Fleets = { Samples.Fleet("a", memory), Samples.Fleet("b", memory) } }, cancellationToken: Ct);
        }

        var (names, token) = (new List<string>(), "");
        do
        {
            var page = await rollouts.ListAsync(new V1.ListRolloutsRequest { PageSize = 2, PageToken = token }, cancellationToken: Ct);
            names.AddRange(page.Rollouts.Select(static rollout => rollout.Name));
            token = page.NextPageToken;
        }
        while (token.Length > 0);

        Assert.Equal(["a/3", "a/2", "a/1", "b/3", "b/2", "b/1"], names);
        var superseded = await rollouts.ListAsync(new V1.ListRolloutsRequest { Fleet = "b", FieldSelector = "phase=superseded", ReadMask = new() { Paths = { "name" } } }, cancellationToken: Ct);
        Assert.Equal([new V1.Rollout { Name = "b/2" }, new V1.Rollout { Name = "b/1" }], superseded.Rollouts);
        Assert.Equal("b/3", (await rollouts.GetAsync(new V1.GetRolloutRequest { Fleet = "b" }, cancellationToken: Ct)).Name);
        Assert.Equal(V1.Rollout.Types.Phase.Superseded, (await rollouts.GetAsync(new V1.GetRolloutRequest { Fleet = "b", Number = 1 }, cancellationToken: Ct)).Phase);
        foreach (var number in new[] { 4, -1 })
        {
            var error = await Assert.ThrowsAsync<RpcException>(async () => await rollouts.GetAsync(new V1.GetRolloutRequest { Fleet = "b", Number = number }, cancellationToken: Ct));
            Assert.Equal(StatusCode.NotFound, error.StatusCode);
        }
    }

    [Fact, Trait("Requirement", "QMF-API-041")]
    public async Task ListEvents_PagesWhileTheLogGrows_TellEachOnceForwardsAndBackwards()
    {
        await using var controller = await RunningController.StartAsync();
        var (events, store) = (new V1.EventService.EventServiceClient(controller.Local()), controller.Service<IReconcileStore>());
        await store.AppendEventsAsync([.. Enumerable.Range(1, 20).Select(static number => Samples.Event(number % 2 == 0 ? "Even" : "Odd"))], Ct);

        Assert.Equal([3L, 5, 7, 9, 11, 13, 15, 17, 19, 21], await ReadAsync(new() { After = 2, FieldSelector = "reason=Odd", PageSize = 5 }));
        Assert.Equal([16L, 18, 20, 22, 24, 6, 8, 10, 12, 14, 2, 4], await ReadAsync(new() { Newest = true, FieldSelector = "reason!=Odd", PageSize = 5 }));
        var error = await Assert.ThrowsAsync<RpcException>(async () => await events.ListAsync(new() { After = -1, PageSize = 1001, FieldSelector = "x=1" }, cancellationToken: Ct));
        Assert.Equal(["after", "page_size", "field_selector"], error.GetRpcStatus()!.GetDetail<BadRequest>()!.FieldViolations.Select(static problem => problem.Field));

        async Task<List<long>> ReadAsync(V1.ListEventsRequest request)
        {
            var found = new List<long>();
            do
            {
                var page = await events.ListAsync(request, cancellationToken: Ct);
                found.AddRange(page.Events.Select(static entry => entry.Number));
                request.PageToken = page.NextPageToken;
                await store.AppendEventsAsync([Samples.Event("Odd"), Samples.Event("Even")], Ct);
            }
            while (request.PageToken.Length > 0);
            return found;
        }
    }
}
