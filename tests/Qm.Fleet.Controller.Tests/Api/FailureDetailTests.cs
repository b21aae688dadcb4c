using Google.Rpc;
using Grpc.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Qm.Fleet.Controller.Api;
using Qm.Fleet.Controller.Storage;
using Qm.Fleet.Controller.Tests.Operations;

namespace Qm.Fleet.Controller.Tests.Api;

/// <summary>Every kind of failure carries what a program needs to know of it.</summary>
[Trait("Requirement", "QMF-API-027")]
public sealed class FailureDetailTests
{
    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task EveryKind_OverTheWire_CarriesReasonAndFields()
    {
        await using var controller = await RunningController.StartAsync();
        FakeBlueChi.Connect(controller, "ecu1");
        var (fleets, nodes) = (new V1.FleetService.FleetServiceClient(controller.Admin()), new V1.NodeService.NodeServiceClient(controller.Admin()));
        var rollouts = new V1.RolloutService.RolloutServiceClient(controller.Admin());
        await nodes.CreateAsync(new() { Node = Samples.Node() }, cancellationToken: Ct);
        await fleets.CreateAsync(new() { Fleet = Samples.Fleet() }, cancellationToken: Ct);
        await rollouts.AbortAsync(new() { Fleet = "cockpit" }, cancellationToken: Ct);

        await FailsAsync(StatusCode.InvalidArgument, "INVALID", async () => await fleets.CreateAsync(new(), cancellationToken: Ct));
        await FailsAsync(StatusCode.NotFound, "NOT_FOUND", async () => await fleets.GetAsync(new() { Name = "x" }, cancellationToken: Ct), ("fleet", "x"));
        await FailsAsync(StatusCode.AlreadyExists, "EXISTS", async () => await nodes.CreateAsync(new() { Node = Samples.Node() }, cancellationToken: Ct), ("node", "ecu1"));
        await FailsAsync(StatusCode.Aborted, "GENERATION_CHANGED", async () => await nodes.DeleteAsync(new() { Name = "ecu1", Generation = 5 }, cancellationToken: Ct), ("node", "ecu1"), ("expected_generation", "5"));
        await FailsAsync(StatusCode.FailedPrecondition, "ROLLOUT_ENDED", async () => await rollouts.PauseAsync(new() { Fleet = "cockpit" }, cancellationToken: Ct), ("fleet", "cockpit"), ("phase", "Aborted"));
        await FailsAsync(
            StatusCode.FailedPrecondition, "OUT_OF_REACH", async () => await nodes.StopUnitAsync(new() { Node = "ecu1", Unit = "qm.service" }, cancellationToken: Ct), ("node", "ecu1"), ("unit", "qm.service"));
        await FailsAsync(StatusCode.PermissionDenied, "NOT_ALLOWED", async () => await new V1.FleetService.FleetServiceClient(controller.Node("ecu1")).ListAsync(new(), cancellationToken: Ct));
        await FailsAsync(StatusCode.Unimplemented, "NOT_OFFERED", async () => await controller.Admin().CreateCallInvoker().AsyncUnaryCall(
            new Method<V1.GetFleetRequest, V1.Fleet>(
                MethodType.Unary, "qm.fleet.v1.FleetService", "Explode",
                Marshallers.Create(static request => Google.Protobuf.MessageExtensions.ToByteArray(request), V1.GetFleetRequest.Parser.ParseFrom),
                Marshallers.Create(static fleet => Google.Protobuf.MessageExtensions.ToByteArray(fleet), V1.Fleet.Parser.ParseFrom)),
            null, new CallOptions(cancellationToken: Ct), new()));
    }

    // Headers are bounded; a name is as long as its request.
    [Fact]
    public async Task NameThatIsTooLong_IsQuotedInPart()
    {
        await using var controller = await RunningController.StartAsync();
        var name = new string('x', 200_000);
        await FailsAsync(StatusCode.NotFound, "NOT_FOUND", async () => await new V1.FleetService.FleetServiceClient(controller.Admin()).GetAsync(new() { Name = name }, cancellationToken: Ct));
        await FailsAsync(StatusCode.InvalidArgument, "INVALID", async () => await new V1.FleetService.FleetServiceClient(controller.Admin()).UpdateAsync(
            new() { Fleet = Samples.Fleet(), UpdateMask = new() { Paths = { name } } }, cancellationToken: Ct));
    }

    [Theory]
    [InlineData(true, StatusCode.Unavailable, "STORE_BUSY")]
    [InlineData(false, StatusCode.Internal, "STORE_FAILED")]
    public async Task Store_ThatFails_SaysWhetherAndWhenToAskAgain(bool isTransient, StatusCode code, string reason)
    {
        await using var controller = await RunningController.StartAsync(services => services.Replace(ServiceDescriptor.Singleton<ILiveStatus>(new Broken(isTransient))));
        var nodes = new V1.NodeService.NodeServiceClient(controller.Admin());

        var failure = await FailsAsync(code, reason, async () => await nodes.CreateAsync(new() { Node = Samples.Node() }, cancellationToken: Ct));

        Assert.Equal(isTransient, failure.GetDetail<RetryInfo>()?.RetryDelay is not null);
        Assert.Equal(0, controller.Service<EventLog>().LastNumber());
    }

    [Fact]
    public void RoomThatIsMissing_AlwaysSaysWhenToAskAgain()
    {
        var status = Failures.Make(Code.ResourceExhausted, "TOO_MANY", "There are too many.").GetRpcStatus()!;
        Assert.Equal(("TOO_MANY", "qm.fleet", 1L), (status.GetDetail<ErrorInfo>()!.Reason, status.GetDetail<ErrorInfo>()!.Domain, status.GetDetail<RetryInfo>()!.RetryDelay.Seconds));
        Assert.Null(Failures.Make(Code.FailedPrecondition, "NO", "No.").GetRpcStatus()!.GetDetail<RetryInfo>());
    }

    private static async Task<Google.Rpc.Status> FailsAsync(StatusCode code, string reason, Func<Task> call, params (string Key, string Value)[] facts)
    {
        var error = await Assert.ThrowsAsync<RpcException>(call);
        var status = error.GetRpcStatus()!;
        var info = status.GetDetail<ErrorInfo>()!;
        Assert.Equal((code, reason, "qm.fleet"), (error.StatusCode, info.Reason, info.Domain));
        Assert.All(facts, fact => Assert.Equal(fact.Value, info.Metadata[fact.Key]));
        Assert.Equal(code is StatusCode.NotFound or StatusCode.AlreadyExists or StatusCode.Aborted, status.GetDetail<ResourceInfo>() is not null);
        Assert.Equal(code == StatusCode.InvalidArgument, status.GetDetail<BadRequest>() is not null);
        return status;
    }

    private sealed class Broken(bool isTransient) : ILiveStatus
    {
        public V1.NodeStatus Node(string name) => throw new StoreException("The disk is not there.", isTransient);

        public V1.FleetStatus Fleet(StoredFleet fleet) => throw new StoreException("The disk is not there.", isTransient);
    }
}
