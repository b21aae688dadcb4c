using Google.Protobuf.WellKnownTypes;
using Google.Rpc;
using Grpc.Core;
using Qm.Fleet.BlueChi.Jobs;
using Qm.Fleet.Controller.Reconcile;
using Qm.Fleet.Controller.Storage;

namespace Qm.Fleet.Controller.Tests.Operations;

/// <summary>What people ask of units, and what comes of it.</summary>
public sealed class UnitOperationTests
{
    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact, Trait("Requirement", "QMF-API-024")]
    public async Task EveryVerb_OfAUnitInsideQm_IsDoneOnceAndTold()
    {
        await using var controller = await StartAsync();
        var blueChi = FakeBlueChi.Connect(controller, "ecu1");
        var nodes = Nodes(controller);

        await DoneAsync(controller, await nodes.StopUnitAsync(new() { Node = "ecu1", Unit = "radio.service", Reason = "too loud" }, cancellationToken: Ct));
        await DoneAsync(controller, await nodes.StartUnitAsync(new() { Node = "ecu1", Unit = "radio.service" }, cancellationToken: Ct));
        await DoneAsync(controller, await nodes.RestartUnitAsync(new() { Node = "ecu1", Unit = "radio.service" }, cancellationToken: Ct));
        await DoneAsync(controller, await nodes.FreezeUnitAsync(new() { Node = "ecu1", Unit = "radio.service" }, cancellationToken: Ct));
        await DoneAsync(controller, await nodes.ThawUnitAsync(new() { Node = "ecu1", Unit = "radio.service" }, cancellationToken: Ct));
        await DoneAsync(controller, await nodes.SetUnitPropertiesAsync(
            new() { Node = "ecu1", Unit = "qm.service", Properties = { ["MemoryHigh"] = "1G", ["CPUQuota"] = "50%" } }, cancellationToken: Ct));
        var qm = await DoneAsync(controller, await nodes.RestartQmAsync(new() { Name = "ecu1" }, cancellationToken: Ct));

        Assert.Equal("QM was restarted, and qm.ecu1 answers", qm.Message);
        Assert.Equal(
            ["Stop qm.ecu1 radio.service", "Start qm.ecu1 radio.service", "Restart qm.ecu1 radio.service", "Freeze qm.ecu1 radio.service", "Thaw qm.ecu1 radio.service",
                "SetProperties ecu1 qm.service CPUQuotaPerSecUSec MemoryHigh", "Restart ecu1 qm.service"],
            blueChi.Calls);
        var events = controller.Service<EventLog>().After(0, "ecu1", "", 100);
        var begun = events.Where(static entry => entry.Draft.Reason == "OperationBegun").ToList();
        Assert.Equal((7, 7), (begun.Count, events.Count(static entry => entry.Draft.Reason == "OperationEnded")));
        Assert.Equal(("admin:local-admin", "ecu1", "radio.service"), (begun[0].Draft.Actor, begun[0].Draft.Node, begun[0].Draft.Unit));
        Assert.EndsWith("StopUnit: too loud", begun[0].Draft.Message, StringComparison.Ordinal);
    }

    [Fact, Trait("Requirement", "QMF-API-024")]
    public async Task EveryVerb_AsADryRun_AnswersAndDoesNothing()
    {
        await using var controller = await StartAsync();
        var blueChi = FakeBlueChi.Connect(controller, "ecu1");
        var nodes = Nodes(controller);
        var before = controller.Service<EventLog>().LastNumber();

        var answers = new[]
        {
            await nodes.StopUnitAsync(new() { Node = "ecu1", Unit = "radio.service", DryRun = true }, cancellationToken: Ct),
            await nodes.StartUnitAsync(new() { Node = "ecu1", Unit = "radio.service", DryRun = true }, cancellationToken: Ct),
            await nodes.RestartUnitAsync(new() { Node = "ecu1", Unit = "radio.service", DryRun = true }, cancellationToken: Ct),
            await nodes.FreezeUnitAsync(new() { Node = "ecu1", Unit = "radio.service", DryRun = true }, cancellationToken: Ct),
            await nodes.ThawUnitAsync(new() { Node = "ecu1", Unit = "radio.service", DryRun = true }, cancellationToken: Ct),
            await nodes.SetUnitPropertiesAsync(new() { Node = "ecu1", Unit = "radio.service", Properties = { ["MemoryHigh"] = "1G" }, DryRun = true }, cancellationToken: Ct),
            await nodes.RestartQmAsync(new() { Name = "ecu1", DryRun = true }, cancellationToken: Ct),
        };

        Assert.All(answers, static answer => Assert.Equal(("", "ecu1", false), (answer.Name, answer.Node, answer.Done)));
        Assert.Empty(blueChi.Calls);
        Assert.Equal(before, controller.Service<EventLog>().LastNumber());
        Assert.Empty((await Operations(controller).ListAsync(new(), cancellationToken: Ct)).Operations);
        Assert.Null(controller.Service<UnitLeases>().OperationOn("ecu1"));
    }

    [Theory, Trait("Requirement", "QMF-RULE-6"), Trait("Requirement", "QMF-API-025")]
    [InlineData("brake-control.service", StatusCode.NotFound, "NOT_FOUND", "units outside QM are out of reach")]
    [InlineData("qm.service", StatusCode.FailedPrecondition, "OUT_OF_REACH", "restart it with RestartQm")]
    [InlineData("bluechi-agent.service", StatusCode.FailedPrecondition, "OUT_OF_REACH", "would cut QM off")]
    [InlineData("getty@.service", StatusCode.InvalidArgument, "INVALID", "is a template")]
    [InlineData("../radio.service", StatusCode.InvalidArgument, "INVALID", "holds characters that unit names do not")]
    public async Task Stop_OfWhatIsNotToBeStopped_IsRefusedAndNothingIsCalled(string unit, StatusCode code, string reason, string says)
    {
        await using var controller = await StartAsync();
        var blueChi = FakeBlueChi.Connect(controller, "ecu1");
        blueChi.Units[("ecu1", "brake-control.service")] = new();

        var error = await Assert.ThrowsAsync<RpcException>(async () => await Nodes(controller).StopUnitAsync(new() { Node = "ecu1", Unit = unit }, cancellationToken: Ct));

        Assert.Equal((code, reason), (error.StatusCode, error.GetRpcStatus()!.GetDetail<ErrorInfo>()!.Reason));
        Assert.Contains(says, error.Status.Detail, StringComparison.Ordinal);
        Assert.Empty(blueChi.Calls);
    }

    [Fact, Trait("Requirement", "QMF-API-025")]
    public async Task Ask_OfWhatIsNotThereOrNotHeard_SaysWhich()
    {
        await using var controller = await StartAsync();
        var nodes = Nodes(controller);

        var unheard = await Assert.ThrowsAsync<RpcException>(async () => await nodes.StartUnitAsync(new() { Node = "ecu1", Unit = "radio.service" }, cancellationToken: Ct));
        Assert.Equal((StatusCode.FailedPrecondition, "NOT_HEARD"), (unheard.StatusCode, unheard.GetRpcStatus()!.GetDetail<ErrorInfo>()!.Reason));
        Assert.Equal(("ecu1", "radio.service"), (unheard.GetRpcStatus()!.GetDetail<ErrorInfo>()!.Metadata["node"], unheard.GetRpcStatus()!.GetDetail<ErrorInfo>()!.Metadata["unit"]));

        var unknown = await Assert.ThrowsAsync<RpcException>(async () => await nodes.StartUnitAsync(new() { Node = "ecu7", Unit = "radio.service" }, cancellationToken: Ct));
        Assert.Equal((StatusCode.NotFound, "qm.fleet/v1/node"), (unknown.StatusCode, unknown.GetRpcStatus()!.GetDetail<ResourceInfo>()!.ResourceType));

        FakeBlueChi.Connect(controller, "ecu1");
        var bad = await Assert.ThrowsAsync<RpcException>(async () => await nodes.SetUnitPropertiesAsync(
            new() { Node = "ecu1", Unit = "radio", Properties = { ["MemoryHigh"] = "3Q", ["Nice"] = "5" }, Reason = new string('x', 501) }, cancellationToken: Ct));
        Assert.Equal(
            ["properties[MemoryHigh]", "properties[Nice]", "reason", "unit"],
            bad.GetRpcStatus()!.GetDetail<BadRequest>()!.FieldViolations.Select(static problem => problem.Field).Order(StringComparer.Ordinal));
        var part = await Assert.ThrowsAsync<RpcException>(async () => await nodes.SetUnitPropertiesAsync(
            new() { Node = "ecu1", Unit = "qm.service", Properties = { ["MemoryHigh"] = "50%" } }, cancellationToken: Ct));
        Assert.Equal("MACHINE_UNKNOWN", part.GetRpcStatus()!.GetDetail<ErrorInfo>()!.Reason);
    }

    [Fact, Trait("Requirement", "QMF-API-024")]
    public async Task SecondVerb_WhileTheFirstGoesOn_IsAbortedWithWhoHasTheUnit()
    {
        await using var controller = await StartAsync();
        var blueChi = FakeBlueChi.Connect(controller, "ecu1");
        blueChi.EndsJobs = false;
        var nodes = Nodes(controller);
        var first = await nodes.RestartUnitAsync(new() { Node = "ecu1", Unit = "radio.service" }, cancellationToken: Ct);

        var busy = await Assert.ThrowsAsync<RpcException>(async () => await nodes.StopUnitAsync(new() { Node = "ecu1", Unit = "radio.service" }, cancellationToken: Ct));
        var whole = await Assert.ThrowsAsync<RpcException>(async () => await nodes.RestartQmAsync(new() { Name = "ecu1" }, cancellationToken: Ct));
        Assert.Equal((StatusCode.Aborted, StatusCode.Aborted), (busy.StatusCode, whole.StatusCode));
        Assert.Contains($"{first.Name} (RestartUnit of radio.service on ecu1 by admin:local-admin)", busy.Status.Detail, StringComparison.Ordinal);
        Assert.NotNull(busy.GetRpcStatus()!.GetDetail<RetryInfo>());

        (await JobAsync(blueChi)).End();
        await DoneAsync(controller, first);
        blueChi.EndsJobs = true;
        await DoneAsync(controller, await nodes.StopUnitAsync(new() { Node = "ecu1", Unit = "radio.service" }, cancellationToken: Ct));

        // The reconciler has units, too.
        Assert.True(controller.Service<UnitLeases>().TryTake("ecu1", [new("ecu1", "qm.service")], "the reconciler (RestartQm: x)", out var lease, out _));
        var held = await Assert.ThrowsAsync<RpcException>(async () => await nodes.StartUnitAsync(new() { Node = "ecu1", Unit = "radio.service" }, cancellationToken: Ct));
        Assert.StartsWith("the reconciler (RestartQm: x) has radio.service on ecu1", held.Status.Detail, StringComparison.Ordinal);
        lease.Dispose();
        await DoneAsync(controller, await nodes.StartUnitAsync(new() { Node = "ecu1", Unit = "radio.service" }, cancellationToken: Ct));
    }

    [Fact, Trait("Requirement", "QMF-API-023")]
    public async Task Job_ThatFailsOrIsCancelled_EndsTheOperationWithWhy()
    {
        await using var controller = await StartAsync();
        var blueChi = FakeBlueChi.Connect(controller, "ecu1");
        blueChi.EndsJobs = false;
        var (nodes, operations) = (Nodes(controller), Operations(controller));

        var first = await nodes.StartUnitAsync(new() { Node = "ecu1", Unit = "radio.service" }, cancellationToken: Ct);
        (await JobAsync(blueChi)).End(new(JobResult.Failed, "timeout"));
        var failed = await EndAsync(controller, first);
        Assert.Equal(
            ("the job of radio.service ended 'timeout'; the journal says why: qmfleet logs ecu1 --in-qm --unit radio.service", "ecu1", "radio.service", "admin:local-admin"),
            (failed.Error, failed.Node, failed.Unit, failed.Actor));

        var before = blueChi.Job;
        var second = await nodes.StartUnitAsync(new() { Node = "ecu1", Unit = "radio.service" }, cancellationToken: Ct);
        await JobAsync(blueChi, before);
        Assert.True((await operations.CancelAsync(new() { Name = second.Name, Reason = "wrong unit" }, cancellationToken: Ct)).CancelRequested);
        var cancelled = await EndAsync(controller, second);
        Assert.Equal(("admin:local-admin cancelled the job before systemd began it", true), (cancelled.Error, cancelled.CancelRequested));
        Assert.Equal(cancelled, await operations.CancelAsync(new() { Name = second.Name }, cancellationToken: Ct));
        Assert.Single(controller.Service<EventLog>().After(0, "ecu1", "", 100), static entry => entry.Draft.Reason == "OperationCancelAsked");
    }

    [Fact, Trait("Requirement", "QMF-API-023")]
    public async Task Outcome_ThatNobodyTells_IsUnknownUntilTheUnitIsReadBack()
    {
        await using var controller = await StartAsync();
        var blueChi = FakeBlueChi.Connect(controller, "ecu1");
        blueChi.Failure = new Qm.Fleet.BlueChi.OutcomeUnknownException("RestartUnit of radio.service on qm.ecu1: no answer");
        blueChi.Units[("qm.ecu1", "radio.service")].ActiveState = "inactive";

        var operation = await Nodes(controller).RestartUnitAsync(new() { Node = "ecu1", Unit = "radio.service" }, cancellationToken: Ct);
        var open = await UntilAsync(controller, operation, static found => found.Message.StartsWith("its outcome is unknown", StringComparison.Ordinal));
        Assert.False(open.Done);
        (blueChi.Units[("qm.ecu1", "radio.service")].ActiveState, blueChi.Units[("qm.ecu1", "radio.service")].Invocation) = ("active", 2);

        var ended = await DoneAsync(controller, operation);
        Assert.Equal("radio.service was restarted, as the unit's state tells; RestartUnit of radio.service on qm.ecu1: no answer", ended.Message);
    }

    [Fact, Trait("Requirement", "QMF-API-023")]
    public async Task Controller_StartedAnewWhileAnOperationGoesOn_TakesItsEndFromTheUnit()
    {
        using var state = new TemporaryFolder();
        V1.Operation operation;
        await using (var before = await StartAsync(state["state"]))
        {
            var blueChi = FakeBlueChi.Connect(before, "ecu1");
            blueChi.EndsJobs = false;
            operation = await Nodes(before).RestartUnitAsync(new() { Node = "ecu1", Unit = "radio.service" }, cancellationToken: Ct);
            await JobAsync(blueChi);
        }

        await using var after = await StartAsync(state["state"]);
        var waiting = await UntilAsync(after, operation, static found => found.Message.Contains("the controller was started anew", StringComparison.Ordinal));
        Assert.False(waiting.Done);
        Assert.NotNull(after.Service<UnitLeases>().OperationOn("ecu1"));
        FakeBlueChi.Connect(after, "ecu1").Units[("qm.ecu1", "radio.service")].Invocation = 9;

        Assert.Equal("", (await EndAsync(after, operation)).Error);
        Assert.Null(after.Service<UnitLeases>().OperationOn("ecu1"));
    }

    [Fact, Trait("Requirement", "QMF-API-023")]
    public async Task Wait_OfWhatGoesOn_AnswersWhenItsTimeIsOverOrItEnds()
    {
        await using var controller = await StartAsync();
        var blueChi = FakeBlueChi.Connect(controller, "ecu1");
        blueChi.EndsJobs = false;
        var operations = Operations(controller);
        var operation = await Nodes(controller).RestartUnitAsync(new() { Node = "ecu1", Unit = "radio.service" }, cancellationToken: Ct);

        Assert.False((await operations.WaitAsync(new() { Name = operation.Name, Timeout = Duration.FromTimeSpan(TimeSpan.Zero) }, cancellationToken: Ct)).Done);
        var wait = operations.WaitAsync(new() { Name = operation.Name, Timeout = Duration.FromTimeSpan(TimeSpan.FromMinutes(5)) }, cancellationToken: Ct);
        (await JobAsync(blueChi)).End();
        Assert.True((await wait).Done);

        var tooLong = await Assert.ThrowsAsync<RpcException>(async () => await operations.WaitAsync(
            new() { Name = operation.Name, Timeout = Duration.FromTimeSpan(TimeSpan.FromMinutes(11)) }, cancellationToken: Ct));
        Assert.Equal("timeout", Assert.Single(tooLong.GetRpcStatus()!.GetDetail<BadRequest>()!.FieldViolations).Field);
        var none = await Assert.ThrowsAsync<RpcException>(async () => await operations.WaitAsync(new() { Name = "operations/none" }, cancellationToken: Ct));
        Assert.Equal(StatusCode.NotFound, none.StatusCode);
    }

    [Fact, Trait("Requirement", "QMF-API-023")]
    public async Task Operations_OfUnitsAndRollouts_AreOneListNewestFirst()
    {
        await using var controller = await StartAsync();
        FakeBlueChi.Connect(controller, "ecu1");
        var (fleets, operations) = (new V1.FleetService.FleetServiceClient(controller.Admin()), Operations(controller));
        await fleets.ApplyAsync(new() { Fleets = { Samples.Fleet() } }, cancellationToken: Ct);
        await DoneAsync(controller, await Nodes(controller).StopUnitAsync(new() { Node = "ecu1", Unit = "radio.service" }, cancellationToken: Ct));
        await fleets.ApplyAsync(new() { Fleets = { Samples.Fleet(memoryMax: "4G") } }, cancellationToken: Ct);

        var first = await operations.ListAsync(new() { PageSize = 2 }, cancellationToken: Ct);
        var rest = await operations.ListAsync(new() { PageSize = 2, PageToken = first.NextPageToken }, cancellationToken: Ct);
        Assert.Equal(["Rollout", "StopUnit", "Rollout"], first.Operations.Concat(rest.Operations).Select(static operation => operation.Kind));
        Assert.Equal(("operations/cockpit/2", "operations/cockpit/1", ""), (first.Operations[0].Name, rest.Operations[0].Name, rest.NextPageToken));
        Assert.Equal(("admin:local-admin", false, true), (first.Operations[0].Actor, first.Operations[0].Done, rest.Operations[0].Done));
        var open = await operations.ListAsync(new() { FieldSelector = "done=false,kind=Rollout" }, cancellationToken: Ct);
        Assert.Equal("operations/cockpit/2", Assert.Single(open.Operations).Name);

        var aborted = await operations.CancelAsync(new() { Name = "operations/cockpit/2" }, cancellationToken: Ct);
        Assert.Equal((true, true), (aborted.Done, aborted.CancelRequested));
        Assert.Equal(aborted, await operations.GetAsync(new() { Name = "operations/cockpit/2" }, cancellationToken: Ct));
    }

    [Fact, Trait("Requirement", "QMF-API-024")]
    public async Task ListUnits_WithPatternsAndPages_ShowsTheQmSideOnly()
    {
        await using var controller = await StartAsync();
        var blueChi = FakeBlueChi.Connect(controller, "ecu1");
        foreach (var unit in new[] { "maps.service", "media.service", "dbus.socket" })
        {
            blueChi.Units[("qm.ecu1", unit)] = new();
        }

        var nodes = Nodes(controller);
        var first = await nodes.ListUnitsAsync(new() { Node = "ecu1", Patterns = { "m*.service", "radio.servic?" }, PageSize = 2 }, cancellationToken: Ct);
        var rest = await nodes.ListUnitsAsync(new() { Node = "ecu1", Patterns = { "m*.service", "radio.servic?" }, PageSize = 2, PageToken = first.NextPageToken }, cancellationToken: Ct);
        Assert.Equal(["maps.service", "media.service", "radio.service"], first.Units.Concat(rest.Units).Select(static unit => unit.Name));
        Assert.Equal(5, (await nodes.ListUnitsAsync(new() { Node = "ecu1" }, cancellationToken: Ct)).Units.Count);
        var other = await Assert.ThrowsAsync<RpcException>(async () => await nodes.ListUnitsAsync(new() { Node = "ecu1", PageToken = first.NextPageToken }, cancellationToken: Ct));
        Assert.Equal(StatusCode.InvalidArgument, other.StatusCode);
    }

    private static async Task<RunningController> StartAsync(string? state = null)
    {
        var controller = await RunningController.StartAsync(adjust: options => options.State = state ?? options.State);
        await Nodes(controller).ApplyAsync(new() { Nodes = { Samples.Node() } }, cancellationToken: Ct);
        return controller;
    }

    private static V1.NodeService.NodeServiceClient Nodes(RunningController controller) => new(controller.Admin());

    private static V1.OperationService.OperationServiceClient Operations(RunningController controller) => new(controller.Admin());

    private static async Task<V1.Operation> EndAsync(RunningController controller, V1.Operation operation) => await Operations(controller).WaitAsync(
        new() { Name = operation.Name, Timeout = Duration.FromTimeSpan(RunningController.Deadline) }, cancellationToken: Ct);

    private static async Task<V1.Operation> DoneAsync(RunningController controller, V1.Operation operation)
    {
        var ended = await EndAsync(controller, operation);
        Assert.Equal((true, ""), (ended.Done, ended.Error));
        return ended;
    }

    private static async Task<V1.Operation> UntilAsync(RunningController controller, V1.Operation operation, Func<V1.Operation, bool> holds)
    {
        using var deadline = new CancellationTokenSource(RunningController.Deadline);
        while (true)
        {
            var found = await Operations(controller).GetAsync(new() { Name = operation.Name }, cancellationToken: Ct);
            if (holds(found))
            {
                return found;
            }

            await Task.Delay(20, deadline.Token);
        }
    }

    private static async Task<FakeJob> JobAsync(FakeBlueChi blueChi, FakeJob? before = null)
    {
        using var deadline = new CancellationTokenSource(RunningController.Deadline);
        while (blueChi.Job is null || blueChi.Job == before)
        {
            await Task.Delay(10, deadline.Token);
        }

        return blueChi.Job;
    }
}
