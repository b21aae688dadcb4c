using System.Net.Http.Json;
using System.Text.Json;
using Grpc.Core;
using Qm.Fleet.Controller.Security;
using Qm.Fleet.Controller.Storage;
using Qm.Fleet.Controller.Tests.Security;

namespace Qm.Fleet.Controller.Tests.Api;

[Trait("Requirement", "QMF-RETIRE-003")]
public sealed class RetireRemoveTests
{
    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Retire_Remove_IsAnOperationAndRevokesNothingYet()
    {
        await using var controller = await RunningController.StartAsync();
        var nodes = await WithNodesAsync(controller);
        var operations = new V1.OperationService.OperationServiceClient(controller.Local());

        var leaving = await nodes.RetireAsync(Removal, cancellationToken: Ct);

        Assert.Equal(("sold", SecurityFacts.LocalActor, "operations/retire@ecu1/1", null), (leaving.Status.Retiring.Reason, leaving.Status.Retiring.Actor, leaving.Status.Retiring.Operation, leaving.Status.Retirement));
        var operation = await operations.GetAsync(new() { Name = leaving.Status.Retiring.Operation }, cancellationToken: Ct);
        Assert.Equal(("Retire", "node/ecu1", "ecu1", false, SecurityFacts.LocalActor), (operation.Kind, operation.Target, operation.Node, operation.Done, operation.Actor));
        Assert.False(controller.Service<NodeStanding>().IsRetired("ecu1"));
        Assert.Empty(controller.Service<CertificateStore>().Revocations());
        Assert.Empty((await new V1.RolloutService.RolloutServiceClient(controller.Local()).ListAsync(new(), cancellationToken: Ct)).Rollouts);
    }

    [Fact]
    public async Task Retire_RemoveDryRunTwiceOrWithARequestId_BeginsOnce()
    {
        await using var controller = await RunningController.StartAsync();
        var nodes = await WithNodesAsync(controller);
        var trial = Removal.Clone();
        trial.DryRun = true;
        Assert.NotNull((await nodes.RetireAsync(trial, cancellationToken: Ct)).Status.Retiring);
        Assert.Null((await nodes.GetAsync(new() { Name = "ecu1" }, cancellationToken: Ct)).Status.Retiring);
        var asked = Removal.Clone();
        asked.RequestId = Guid.NewGuid().ToString();

        var first = await nodes.RetireAsync(asked, cancellationToken: Ct);
        var again = await nodes.RetireAsync(asked, cancellationToken: Ct);
        var other = await nodes.RetireAsync(Removal, cancellationToken: Ct);

        Assert.Equal(first, again);
        Assert.Equal(first.Status.Retiring.Operation, other.Status.Retiring.Operation);
        Assert.Single(controller.Service<EventLog>().After(0, "ecu1", "", 100), static told => told.Draft.Reason == "NodeRetiring");
    }

    [Fact]
    public async Task Cancel_ItsOperation_EndsItAndTellsWhoDidSo()
    {
        await using var controller = await RunningController.StartAsync();
        var nodes = await WithNodesAsync(controller);
        var operation = (await nodes.RetireAsync(Removal, cancellationToken: Ct)).Status.Retiring.Operation;
        var operations = new V1.OperationService.OperationServiceClient(controller.Local());

        var cancelled = await operations.CancelAsync(new() { Name = operation, Reason = "the wrong node" }, cancellationToken: Ct);

        Assert.True(cancelled is { Done: true, CancelRequested: true });
        Assert.Contains("the wrong node", cancelled.Error, StringComparison.Ordinal);
        Assert.Null((await nodes.GetAsync(new() { Name = "ecu1" }, cancellationToken: Ct)).Status.Retiring);
        Assert.Equal("operations/retire@ecu1/2", (await nodes.RetireAsync(Removal, cancellationToken: Ct)).Status.Retiring.Operation);
        var told = Assert.Single(controller.Service<EventLog>().After(0, "ecu1", "", 100), static told => told.Draft.Reason == "NodeRetirementCancelled");
        Assert.Equal(SecurityFacts.LocalActor, told.Draft.Actor);
    }

    [Fact]
    public async Task Retire_RemoveOverRest_IsBegunSeenAndCalledOff()
    {
        await using var controller = await RunningController.StartAsync();
        var nodes = await WithNodesAsync(controller);
        using var fleets = new V1.FleetService.FleetServiceClient(controller.Local()).Watch(new(), cancellationToken: Ct);
        var rest = controller.Rest();

        var begun = await PostAsync("/v1/nodes/ecu1:retire", new { reason = "sold", remove = true });
        var operation = begun.GetProperty("status").GetProperty("retiring").GetProperty("operation").GetString();
        var seen = JsonDocument.Parse(await rest.GetStringAsync($"/v1/{operation}", Ct)).RootElement;
        var ended = await PostAsync($"/v1/{operation}:cancel", new { reason = "the wrong node" });

        Assert.Equal(("operations/retire@ecu1/1", "Retire", "node/ecu1"), (operation, seen.GetProperty("kind").GetString(), seen.GetProperty("target").GetString()));
        Assert.True(ended.GetProperty("done").GetBoolean());
        Assert.Null((await nodes.GetAsync(new() { Name = "ecu1" }, cancellationToken: Ct)).Status.Retiring);
        // Who watches fleets is told of none.
        Assert.True(await fleets.ResponseStream.MoveNext(Ct));
        Assert.Equal((V1.ChangeType.Bookmark, null), (fleets.ResponseStream.Current.Type, fleets.ResponseStream.Current.Fleet));
        await new V1.FleetService.FleetServiceClient(controller.Local()).ApplyAsync(new() { Fleets = { Samples.Fleet() } }, cancellationToken: Ct);
        Assert.True(await fleets.ResponseStream.MoveNext(Ct));
        Assert.Equal("cockpit", fleets.ResponseStream.Current.Fleet?.Metadata.Name);

        async Task<JsonElement> PostAsync(string path, object body)
        {
            using var answer = await rest.PostAsJsonAsync(path, body, Ct);
            var text = await answer.Content.ReadAsStringAsync(Ct);
            Assert.True(answer.IsSuccessStatusCode, text);
            return JsonDocument.Parse(text).RootElement;
        }
    }

    [Fact]
    public async Task Retire_AsItIsThenRemove_IsRefusedWithTheNextThingToTry()
    {
        await using var controller = await RunningController.StartAsync();
        var nodes = await WithNodesAsync(controller);
        await nodes.RetireAsync(Removal, cancellationToken: Ct);
        var asItIs = await nodes.RetireAsync(new() { Name = "ecu1", Reason = "it burnt" }, cancellationToken: Ct);

        var error = await Assert.ThrowsAsync<RpcException>(async () => await nodes.RetireAsync(Removal, cancellationToken: Ct));

        Assert.Equal(("it burnt", null), (asItIs.Status.Retirement.Reason, asItIs.Status.Retiring));
        Assert.Equal(StatusCode.FailedPrecondition, error.StatusCode);
        Assert.Contains("qmfleet node reenroll ecu1", error.Status.Detail, StringComparison.Ordinal);
        var superseded = await new V1.OperationService.OperationServiceClient(controller.Local()).GetAsync(new() { Name = "operations/retire@ecu1/1" }, cancellationToken: Ct);
        Assert.True(superseded.Done);
        Assert.Contains("as it is", superseded.Error, StringComparison.Ordinal);
    }

    private static V1.RetireNodeRequest Removal { get; } = new() { Name = "ecu1", Reason = "sold", Remove = true };

    private static async Task<V1.NodeService.NodeServiceClient> WithNodesAsync(RunningController controller)
    {
        var nodes = new V1.NodeService.NodeServiceClient(controller.Local());
        await nodes.ApplyAsync(new() { Nodes = { Samples.Node(), Samples.Node("ecu2") } }, cancellationToken: Ct);
        return nodes;
    }
}
