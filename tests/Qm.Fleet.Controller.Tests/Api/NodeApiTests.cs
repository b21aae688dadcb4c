using Google.Rpc;
using Grpc.Core;

namespace Qm.Fleet.Controller.Tests.Api;

public sealed class NodeApiTests
{
    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Apply_GetDelete_GoTheWholeWay()
    {
        await using var controller = await RunningController.StartAsync();
        var nodes = new V1.NodeService.NodeServiceClient(controller.Admin());

        var created = (await nodes.ApplyAsync(new V1.ApplyNodesRequest { Nodes = { Samples.Node() } }, cancellationToken: Ct)).Results[0];
        var cordoned = (await nodes.ApplyAsync(
            new V1.ApplyNodesRequest { Nodes = { Samples.Node(cordoned: true) } }, cancellationToken: Ct)).Results[0];

        Assert.Equal((V1.ApplyResult.Created, "local", 1L), (created.Result, created.Node.Spec.Site, created.Node.Metadata.Generation));
        Assert.Equal((V1.ApplyResult.Configured, true, 2L), (cordoned.Result, cordoned.Node.Spec.Cordoned, cordoned.Node.Metadata.Generation));
        Assert.Equal(cordoned.Node, await nodes.DeleteAsync(new V1.DeleteNodeRequest { Name = "ecu1" }, cancellationToken: Ct));
        var error = await Assert.ThrowsAsync<RpcException>(
            async () => await nodes.DeleteAsync(new V1.DeleteNodeRequest { Name = "ecu1" }, cancellationToken: Ct));
        Assert.Equal(StatusCode.NotFound, error.StatusCode);
        var events = controller.Service<Controller.Storage.EventLog>().After(0, "ecu1", "", 10);
        Assert.Equal(
            [("NodeCreated", "admin:local-admin"), ("NodeConfigured", "admin:local-admin"), ("NodeDeleted", "admin:local-admin")],
            events.Select(static entry => (entry.Draft.Reason, entry.Draft.Actor)));
    }

    [Fact, Trait("Requirement", "QMF-API-001")]
    public async Task Apply_BadNodes_NamesEveryProblemAndStoresNothing()
    {
        await using var controller = await RunningController.StartAsync();
        var nodes = new V1.NodeService.NodeServiceClient(controller.Local());
        var elsewhere = Samples.Node("ecu3");
        elsewhere.Spec.Site = "elsewhere";

        var error = await Assert.ThrowsAsync<RpcException>(async () => await nodes.ApplyAsync(
            new V1.ApplyNodesRequest { Nodes = { Samples.Node(), Samples.Node("qm.ecu1"), elsewhere } }, cancellationToken: Ct));

        Assert.Equal(
            ["nodes[1].metadata.name", "nodes[2].spec.site"],
            error.GetRpcStatus()!.GetDetail<BadRequest>()!.FieldViolations.Select(static problem => problem.Field));
        Assert.Empty((await nodes.ListAsync(new V1.ListNodesRequest(), cancellationToken: Ct)).Nodes);
    }
}
