using Google.Protobuf.WellKnownTypes;
using Google.Rpc;
using Grpc.Core;
using Qm.Fleet.BlueChi;
using Qm.Fleet.BlueChi.Jobs;
using Qm.Fleet.Controller.Reconcile;
using Qm.Fleet.Controller.Storage;

namespace Qm.Fleet.Controller.Tests.Operations;

/// <summary>Units outside QM: who may list them, who reaches them, and what is told of it.</summary>
[Trait("Requirement", "QMF-ASIL-001")]
[Trait("Requirement", "QMF-RULE-6")]
public sealed class HostUnitTests
{
    private const string Heater = "heater.service";

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task ListedUnit_ThatAPersonAsksFor_IsReachedAndEachUseIsAnEventOfItsOwn()
    {
        await using var controller = await StartAsync();
        var blueChi = Connect(controller);
        var nodes = Nodes(controller);
        await HostUnits(controller).AllowAsync(new() { HostUnit = new() { Unit = Heater, Reason = "no ignition on bench 4", Selector = "zone=cockpit" } }, cancellationToken: Ct);

        await DoneAsync(controller, await nodes.RestartUnitAsync(new() { Node = "ecu1", Unit = Heater, OnHost = true }, cancellationToken: Ct));
        await DoneAsync(controller, await nodes.StopUnitAsync(new() { Node = "ecu1", Unit = Heater, OnHost = true }, cancellationToken: Ct));
        await DoneAsync(controller, await nodes.FreezeUnitAsync(new() { Node = "ecu1", Unit = Heater, OnHost = true }, cancellationToken: Ct));
        var set = await DoneAsync(controller, await nodes.SetUnitPropertiesAsync(new() { Node = "ecu1", Unit = Heater, OnHost = true, Properties = { ["CPUQuota"] = "50%" } }, cancellationToken: Ct));

        Assert.Equal(["Restart ecu1 heater.service", "Stop ecu1 heater.service", "Freeze ecu1 heater.service", "SetProperties ecu1 heater.service CPUQuotaPerSecUSec"], blueChi.Calls);
        Assert.True(set.OnHost);
        var events = controller.Service<EventLog>().After(0, "ecu1", "", 100);
        var used = events.Where(static entry => entry.Draft.Reason == "HostUnitUsed").ToList();
        Assert.Equal(["Restart", "Stop", "Freeze", "SetProperties"], used.Select(static entry => entry.Draft.Message.Split(' ')[0]));
        Assert.All(used, entry =>
        {
            Assert.Equal(("admin:local-admin", Heater, EventSeverity.Warning), (entry.Draft.Actor, entry.Draft.Unit, entry.Draft.Severity));
            Assert.EndsWith("it is listed because: no ignition on bench 4", entry.Draft.Message, StringComparison.Ordinal);
        });
        // What is done outside of QM is nothing of the supervision inside, though a unit of the name may be there.
        Assert.Empty(controller.Service<UnitLeases>().TakeOperated("ecu1"));
    }

    [Fact]
    public async Task UnitOfTheHost_ThatIsNotListedThere_IsRefusedAndNothingIsCalled()
    {
        await using var controller = await StartAsync();
        var blueChi = Connect(controller);
        var nodes = Nodes(controller);
        await HostUnits(controller).AllowAsync(new() { HostUnit = new() { Unit = "other.service", Reason = "bench" } }, cancellationToken: Ct);
        await HostUnits(controller).AllowAsync(new() { HostUnit = new() { Unit = Heater, Reason = "bench", Selector = "zone=rear" } }, cancellationToken: Ct);

        await RefusedAsync("OUT_OF_REACH", async () => await nodes.RestartUnitAsync(new() { Node = "ecu1", Unit = Heater, OnHost = true }, cancellationToken: Ct));
        await RefusedAsync("OUT_OF_REACH", async () => await nodes.StopUnitAsync(new() { Node = "ecu1", Unit = "brake-control.service", OnHost = true }, cancellationToken: Ct));
        // QM as a whole is no unit of the host here, whatever the list says.
        await RefusedAsync("OUT_OF_REACH", async () => await nodes.RestartUnitAsync(new() { Node = "ecu1", Unit = "qm.service", OnHost = true }, cancellationToken: Ct));
        // Who means QM does not reach the host by accident.
        await RefusedAsync("NOT_FOUND", async () => await nodes.RestartUnitAsync(new() { Node = "ecu1", Unit = Heater }, cancellationToken: Ct));

        Assert.Empty(blueChi.Calls);
    }

    [Fact]
    public async Task Remove_TakesTheUnitOutOfReachForTheNextCall_AlsoForWhatWaits()
    {
        await using var controller = await StartAsync();
        var blueChi = Connect(controller);
        await HostUnits(controller).AllowAsync(new() { HostUnit = new() { Unit = Heater, Reason = "bench" } }, cancellationToken: Ct);
        var pass = controller.Service<HostUnits>().PassFor(Operation("ecu1", Heater));
        var guarded = controller.Service<BlueChiLink>().For(pass)!;
        await guarded.FreezeUnitAsync("ecu1", Heater, Ct);

        await HostUnits(controller).RemoveAsync(new() { Unit = Heater }, cancellationToken: Ct);

        Assert.Throws<RefusedException>(() => { _ = guarded.FreezeUnitAsync("ecu1", Heater, Ct); });
        await RefusedAsync("OUT_OF_REACH", async () => await Nodes(controller).RestartUnitAsync(new() { Node = "ecu1", Unit = Heater, OnHost = true }, cancellationToken: Ct));
        Assert.Equal(["Freeze ecu1 heater.service"], blueChi.Calls);
        var changes = controller.Service<EventLog>().After(0, "", "", 100).Where(static entry => entry.Draft.Reason is "HostUnitAllowed" or "HostUnitRemoved").ToList();
        Assert.Equal([("HostUnitAllowed", false, true), ("HostUnitRemoved", true, false)], changes.Select(static entry => (entry.Draft.Reason, entry.Details.Before.Length > 0, entry.Details.After.Length > 0)));
        var missing = await Assert.ThrowsAsync<RpcException>(async () => await HostUnits(controller).RemoveAsync(new() { Unit = Heater }, cancellationToken: Ct));
        Assert.Equal(StatusCode.NotFound, missing.StatusCode);
    }

    [Fact]
    public async Task Pass_OfOneOperation_IsForItsUnitOnItsNodeOnly()
    {
        await using var controller = await StartAsync();
        var blueChi = Connect(controller);
        await HostUnits(controller).AllowAsync(new() { HostUnit = new() { Unit = Heater, Reason = "bench" } }, cancellationToken: Ct);
        await HostUnits(controller).AllowAsync(new() { HostUnit = new() { Unit = "fan.service", Reason = "bench" } }, cancellationToken: Ct);
        var guarded = controller.Service<BlueChiLink>().For(controller.Service<HostUnits>().PassFor(Operation("ecu1", Heater)))!;
        var inQm = controller.Service<BlueChiLink>().For(controller.Service<HostUnits>().PassFor(Operation("ecu1", Heater) with { OnHost = false }))!;

        Assert.Throws<RefusedException>(() => { _ = guarded.FreezeUnitAsync("ecu1", "fan.service", Ct); });
        Assert.Throws<RefusedException>(() => { _ = guarded.FreezeUnitAsync("ecu2", Heater, Ct); });
        Assert.Throws<RefusedException>(() => { _ = guarded.KillUnitAsync("ecu1", Heater, KillWhom.All, 9, Ct); });
        Assert.Throws<RefusedException>(() => { _ = guarded.BeginJobAsync(JobType.Start, "ecu1", Heater, JobMode.Isolate, Ct); });
        Assert.Throws<RefusedException>(() => { _ = inQm.FreezeUnitAsync("ecu1", Heater, Ct); });
        // What decides by itself has no pass at all.
        Assert.Throws<RefusedException>(() => { _ = controller.Service<BlueChiLink>().Current!.FreezeUnitAsync("ecu1", Heater, Ct); });
        Assert.Empty(blueChi.Calls);
    }

    [Fact]
    public async Task Operator_WhoMayRestartUnits_ReachesNoListedOneWithoutARoleForHostUnits()
    {
        await using var controller = await StartAsync();
        var blueChi = Connect(controller);
        await HostUnits(controller).AllowAsync(new() { HostUnit = new() { Unit = Heater, Reason = "bench" } }, cancellationToken: Ct);
        var access = new V1.AccessService.AccessServiceClient(controller.Local());
        var secret = (await access.CreateTokenAsync(new() { Name = "ci", Role = "operator" }, cancellationToken: Ct)).Secret;
        var (nodes, headers) = (new V1.NodeService.NodeServiceClient(controller.Tls(null)), new Metadata { { "authorization", $"Bearer {secret}" } });

        var refused = await Assert.ThrowsAsync<RpcException>(async () => await nodes.RestartUnitAsync(new() { Node = "ecu1", Unit = Heater, OnHost = true }, headers, cancellationToken: Ct));
        var listing = await Assert.ThrowsAsync<RpcException>(async () => await new V1.HostUnitService.HostUnitServiceClient(controller.Tls(null)).AllowAsync(
            new() { HostUnit = new() { Unit = "fan.service", Reason = "bench" } }, headers, cancellationToken: Ct));
        await access.ApplyRoleAsync(new() { Role = new() { Name = "heater", Rules = { new V1.AccessRule { Verbs = { "restart" }, Resources = { "host-units" }, Scope = new() { Units = { Heater } } } } } }, cancellationToken: Ct);
        await access.ApplyBindingAsync(new() { Binding = new() { Name = "ci-heater", Subject = "token:ci", Role = "heater" } }, cancellationToken: Ct);
        await DoneAsync(controller, await nodes.RestartUnitAsync(new() { Node = "ecu1", Unit = Heater, OnHost = true }, headers, cancellationToken: Ct));

        Assert.Equal((StatusCode.PermissionDenied, StatusCode.PermissionDenied), (refused.StatusCode, listing.StatusCode));
        Assert.Equal("token:ci may not restart host-units.", refused.Status.Detail);
        Assert.Equal(["Restart ecu1 heater.service"], blueChi.Calls);
    }

    [Fact]
    public async Task Use_ThatCannotBeStored_IsNotDone()
    {
        await using var controller = await StartAsync();
        var blueChi = Connect(controller);
        await HostUnits(controller).AllowAsync(new() { HostUnit = new() { Unit = Heater, Reason = "bench" } }, cancellationToken: Ct);
        var pass = new HostUnitPass(controller.Service<HostUnits>(), StoreThatFails.Make(), Operation("ecu1", Heater));

        var refused = await Assert.ThrowsAsync<RefusedException>(() => controller.Service<BlueChiLink>().For(pass)!.FreezeUnitAsync("ecu1", Heater, Ct));

        Assert.Contains("nothing is done outside of QM that nobody knows of", refused.Message, StringComparison.Ordinal);
        Assert.Empty(blueChi.Calls);
    }

    [Fact]
    public async Task Allow_AsADryRunOrWhatIsSoAlready_ChangesNothing()
    {
        await using var controller = await StartAsync();
        var unit = new V1.HostUnit { Unit = Heater, Reason = "bench" };

        await HostUnits(controller).AllowAsync(new() { HostUnit = unit, DryRun = true }, cancellationToken: Ct);
        Assert.Empty((await HostUnits(controller).ListAsync(new(), cancellationToken: Ct)).HostUnits);
        var first = await HostUnits(controller).AllowAsync(new() { HostUnit = unit }, cancellationToken: Ct);
        var again = await HostUnits(controller).AllowAsync(new() { HostUnit = unit }, cancellationToken: Ct);

        Assert.Equal(first, again);
        Assert.Equal("admin:local-admin", first.CreatedBy);
        Assert.Equal(first, Assert.Single((await HostUnits(controller).ListAsync(new(), cancellationToken: Ct)).HostUnits));
        Assert.Single(controller.Service<EventLog>().After(0, "", "", 100), static entry => entry.Draft.Reason == "HostUnitAllowed");
        var bad = await Assert.ThrowsAsync<RpcException>(async () => await HostUnits(controller).AllowAsync(new() { HostUnit = new() { Unit = "*.service" } }, cancellationToken: Ct));
        Assert.Equal(["host_unit.unit", "host_unit.reason"], bad.GetRpcStatus()!.GetDetail<BadRequest>()!.FieldViolations.Select(static problem => problem.Field));
    }

    private static StoredOperation Operation(string node, string unit) =>
        new("test", OperationKind.FreezeUnit, node, unit, "admin:test", "", DateTimeOffset.UnixEpoch) { OnHost = true };

    private static FakeBlueChi Connect(RunningController controller)
    {
        var blueChi = FakeBlueChi.Connect(controller, "ecu1");
        blueChi.Units[("ecu1", Heater)] = new();
        blueChi.Units[("ecu1", "brake-control.service")] = new();
        return blueChi;
    }

    private static async Task<RunningController> StartAsync()
    {
        var controller = await RunningController.StartAsync();
        await Nodes(controller).ApplyAsync(new() { Nodes = { Samples.Node() } }, cancellationToken: Ct);
        return controller;
    }

    private static V1.NodeService.NodeServiceClient Nodes(RunningController controller) => new(controller.Admin());

    private static V1.HostUnitService.HostUnitServiceClient HostUnits(RunningController controller) => new(controller.Admin());

    private static async Task<V1.Operation> DoneAsync(RunningController controller, V1.Operation operation)
    {
        var ended = await new V1.OperationService.OperationServiceClient(controller.Admin()).WaitAsync(
            new() { Name = operation.Name, Timeout = Duration.FromTimeSpan(RunningController.Deadline) }, cancellationToken: Ct);
        Assert.Equal((true, ""), (ended.Done, ended.Error));
        return ended;
    }

    private static async Task RefusedAsync(string reason, Func<Task> call) =>
        Assert.Equal(reason, (await Assert.ThrowsAsync<RpcException>(call)).GetRpcStatus()!.GetDetail<ErrorInfo>()!.Reason);

    /// <summary>A store whose disk is full.</summary>
    public class StoreThatFails : System.Reflection.DispatchProxy
    {
        internal static IReconcileStore Make() => Create<IReconcileStore, StoreThatFails>();

        protected override object? Invoke(System.Reflection.MethodInfo? targetMethod, object?[]? args) => Task.FromException(new StoreException("the disk is full", isTransient: true));
    }
}
