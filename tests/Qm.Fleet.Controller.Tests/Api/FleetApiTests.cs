using Google.Protobuf.WellKnownTypes;
using Google.Rpc;
using Grpc.Core;

namespace Qm.Fleet.Controller.Tests.Api;

public sealed class FleetApiTests
{
    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Apply_OverTheUnixSocket_StoresAsLocalRoot()
    {
        await using var controller = await RunningController.StartAsync();
        var fleets = new V1.FleetService.FleetServiceClient(controller.Local());

        var answer = await fleets.ApplyAsync(new V1.ApplyFleetsRequest { Fleets = { Samples.Fleet() } }, cancellationToken: Ct);

        var applied = Assert.Single(answer.Results);
        Assert.Equal((V1.ApplyResult.Created, "operations/cockpit/1", false), (applied.Result, applied.Operation.Name, applied.Operation.Done));
        Assert.Equal(Samples.Fleet().Spec, applied.Fleet.Spec);
        Assert.Equal((applied.Fleet.Status.Revision, "cockpit/1"), (applied.Fleet.Status.Rollout.ToRevision, applied.Fleet.Status.Rollout.Name));
        Assert.Equal(applied.Fleet, await fleets.GetAsync(new V1.GetFleetRequest { Name = "cockpit" }, cancellationToken: Ct));
        var events = new V1.EventService.EventServiceClient(controller.Local());
        var entry = Assert.Single((await events.ListAsync(new V1.ListEventsRequest(), cancellationToken: Ct)).Events);
        Assert.Equal((1L, "FleetCreated", Security.SecurityFacts.LocalActor), (entry.Number, entry.Reason, entry.Actor));
        Assert.Equal(entry, await events.GetAsync(new V1.GetEventRequest { Number = 1 }, cancellationToken: Ct));
    }

    [Fact, Trait("Requirement", "QMF-API-001")]
    public async Task Apply_SeveralBadItems_NamesEveryProblemAndStoresNothing()
    {
        await using var controller = await RunningController.StartAsync();
        var fleets = new V1.FleetService.FleetServiceClient(controller.Local());
        var badLimits = Samples.Fleet("limits", memoryMax: "3Q");
        badLimits.Spec.Environment.Oom.Nested = 450;
        var badQuadlet = Samples.Fleet("quadlet");
        badQuadlet.Spec.Environment.Workloads[0].Quadlet.Fields["Container"].StructValue.Fields["Image"] = Value.ForNull();
        badQuadlet.Spec.Environment.Workloads[0].Quadlet.Fields["Service"] = Value.ForString("text");

        var error = await Assert.ThrowsAsync<RpcException>(async () => await fleets.ApplyAsync(
            new V1.ApplyFleetsRequest { Fleets = { Samples.Fleet(), badLimits, badQuadlet, Samples.Fleet(), new V1.Fleet() } },
            cancellationToken: Ct));

        Assert.Equal(StatusCode.InvalidArgument, error.StatusCode);
        var fields = error.GetRpcStatus()!.GetDetail<BadRequest>()!.FieldViolations.ToLookup(static problem => problem.Field);
        Assert.Contains("3Q", Assert.Single(fields["fleets[1].spec.environment.resources.MemoryMax"]).Description, StringComparison.Ordinal);
        Assert.Contains("(QMF-R005)", Assert.Single(fields["fleets[1].spec.environment.oom.nested"]).Description, StringComparison.Ordinal);
        Assert.Single(fields["fleets[2].spec.environment.workloads[radio].quadlet.Container.Image"], static problem =>
            problem.Description.StartsWith("expected a text", StringComparison.Ordinal));
        Assert.Single(fields["fleets[2].spec.environment.workloads[radio].quadlet.Service"]);
        Assert.Contains("fleets[0] already", Assert.Single(fields["fleets[3].metadata.name"]).Description, StringComparison.Ordinal);
        Assert.Single(fields["fleets[4].metadata.name"]);
        Assert.Single(fields["fleets[4].spec.environment"]);
        Assert.Equal("INVALID", error.GetRpcStatus()!.GetDetail<ErrorInfo>()!.Reason);
        Assert.Empty((await fleets.ListAsync(new V1.ListFleetsRequest(), cancellationToken: Ct)).Fleets);
    }

    // What is wrong by itself, and what only shows beside the nodes and the other fleets.
    [Fact, Trait("Requirement", "QMF-API-001"), Trait("Requirement", "QMF-ROLL-001")]
    public async Task Apply_PolicyThatCannotWork_NamesEveryReasonAtOnceAndStoresNothing()
    {
        await using var controller = await RunningController.StartAsync();
        var (fleets, nodes) = (new V1.FleetService.FleetServiceClient(controller.Local()), new V1.NodeService.NodeServiceClient(controller.Local()));
        await nodes.ApplyAsync(new V1.ApplyNodesRequest { Nodes = { Node("ecu1", "a"), Node("ecu2", "b") } }, cancellationToken: Ct);
        var rear = Samples.Fleet("rear");
        (rear.Spec.Selector, rear.Spec.Rollout) = ("zone=b", new V1.RolloutPolicy { Preconditions = { new V1.RolloutPrecondition { Unit = "qm.service", Node = "ecu1" } } });
        await fleets.ApplyAsync(new V1.ApplyFleetsRequest { Fleets = { rear } }, cancellationToken: Ct);

        var bad = Samples.Fleet();
        (bad.Spec.Selector, bad.Spec.Rollout) = ("zone=a", new V1.RolloutPolicy
        {
            Batches = { new V1.RolloutBatch { Limit = "120%" } },
            MaxUnavailable = "50%",
            SuccessThreshold = "0%",
            OnFailure = "rollback",
            Windows = { "01:00-01:00" },
            Preconditions =
            {
                new V1.RolloutPrecondition { Unit = "qm.service", Node = "ecu2" }, new V1.RolloutPrecondition { Unit = "parked.target" }, new V1.RolloutPrecondition { Unit = "parked.target", State = "failed" },
            },
        });
        var error = await Assert.ThrowsAsync<RpcException>(async () => await fleets.ApplyAsync(new V1.ApplyFleetsRequest { Fleets = { bad } }, cancellationToken: Ct));

        const string Rollout = "fleets[0].spec.rollout.";
        Assert.Equal(
            [
                Rollout + "batches[0].limit", Rollout + "maxUnavailable", Rollout + "preconditions[0]", Rollout + "preconditions[2]", Rollout + "successThreshold", Rollout + "windows[0]",
            ],
            error.GetRpcStatus()!.GetDetail<BadRequest>()!.FieldViolations.Select(static problem => problem.Field).Order(StringComparer.Ordinal));
        Assert.Equal("rear", Assert.Single((await fleets.ListAsync(new V1.ListFleetsRequest(), cancellationToken: Ct)).Fleets).Metadata.Name);

        static V1.Node Node(string name, string zone) => new() { Metadata = new V1.Metadata { Name = name, Labels = { ["zone"] = zone } } };
    }

    [Fact, Trait("Requirement", "QMF-API-001")]
    public async Task Apply_MoreProblemsThanHeadersHold_TellsTheFirstAndCountsAll()
    {
        await using var controller = await RunningController.StartAsync();
        var request = new V1.ApplyFleetsRequest();
        request.Fleets.AddRange(Enumerable.Range(0, 100).Select(static index => Samples.Fleet($"UPPER{index}", memoryMax: "3Q")));

        var error = await Assert.ThrowsAsync<RpcException>(async () =>
            await new V1.FleetService.FleetServiceClient(controller.Admin()).ApplyAsync(request, cancellationToken: Ct));

        Assert.Equal(StatusCode.InvalidArgument, error.StatusCode);
        Assert.StartsWith("200 problems, nothing was stored (the first ", error.Status.Detail, StringComparison.Ordinal);
        Assert.InRange(error.GetRpcStatus()!.GetDetail<BadRequest>()!.FieldViolations.Count, 20, 199);
    }

    [Fact, Trait("Requirement", "QMF-API-002")]
    public async Task Apply_Unchanged_AnswersUnchangedWithoutAnEvent()
    {
        await using var controller = await RunningController.StartAsync();
        var fleets = new V1.FleetService.FleetServiceClient(controller.Local());
        var request = new V1.ApplyFleetsRequest { Fleets = { Samples.Fleet() } };
        var first = (await fleets.ApplyAsync(request, cancellationToken: Ct)).Results[0];

        var second = (await fleets.ApplyAsync(request, cancellationToken: Ct)).Results[0];

        Assert.Equal(V1.ApplyResult.Unchanged, second.Result);
        Assert.Null(second.Operation);
        Assert.Equal(first.Fleet, second.Fleet);
        Assert.Equal(1, controller.Service<Controller.Storage.EventLog>().LastNumber());
    }

    [Fact]
    public async Task Apply_DryRun_ValidatesAndStoresNothing()
    {
        await using var controller = await RunningController.StartAsync();
        var fleets = new V1.FleetService.FleetServiceClient(controller.Local());

        var answer = await fleets.ApplyAsync(new V1.ApplyFleetsRequest { Fleets = { Samples.Fleet() }, DryRun = true }, cancellationToken: Ct);

        Assert.Equal(V1.ApplyResult.Created, answer.Results[0].Result);
        Assert.Null(answer.Results[0].Operation);
        var error = await Assert.ThrowsAsync<RpcException>(
            async () => await fleets.GetAsync(new V1.GetFleetRequest { Name = "cockpit" }, cancellationToken: Ct));
        Assert.Equal(StatusCode.NotFound, error.StatusCode);
        Assert.Equal("cockpit", error.GetRpcStatus()!.GetDetail<ResourceInfo>()!.ResourceName);
    }

    [Fact]
    public async Task Apply_ScalarsInAQuadlet_BecomeText()
    {
        await using var controller = await RunningController.StartAsync();
        var fleet = Samples.Fleet();
        var container = fleet.Spec.Environment.Workloads[0].Quadlet.Fields["Container"].StructValue;
        container.Fields["PidsLimit"] = Value.ForNumber(100);
        container.Fields["ReadOnly"] = Value.ForBool(true);
        container.Fields["Environment"] = Value.ForList(Value.ForString("A=1"), Value.ForString("B=2"));

        await new V1.FleetService.FleetServiceClient(controller.Local()).ApplyAsync(
            new V1.ApplyFleetsRequest { Fleets = { fleet } }, cancellationToken: Ct);

        var desired = await controller.Service<Controller.Storage.IReconcileStore>().LoadDesiredAsync(Ct);
        var keys = Assert.Single(desired.Fleets[0].Environment.Workloads).Quadlet["Container"];
        Assert.Equal(["100"], keys["PidsLimit"]);
        Assert.Equal(["true"], keys["ReadOnly"]);
        Assert.Equal(["A=1", "B=2"], keys["Environment"]);
    }

    [Fact]
    public async Task List_InPages_FindsEveryMatchOnceByName()
    {
        await using var controller = await RunningController.StartAsync();
        var fleets = new V1.FleetService.FleetServiceClient(controller.Local());
        var revisionService = new V1.RevisionService.RevisionServiceClient(controller.Local());
        var request = new V1.ApplyFleetsRequest();
        for (var index = 9; index >= 0; index--)
        {
            var fleet = Samples.Fleet($"f{index}");
            fleet.Metadata.Labels["even"] = index % 2 == 0 ? "yes" : "no";
            request.Fleets.Add(fleet);
        }
        await fleets.ApplyAsync(request, cancellationToken: Ct);

        var found = new List<string>();
        var token = "";
        do
        {
            var page = await fleets.ListAsync(
                new V1.ListFleetsRequest { Selector = "even=yes", PageSize = 2, PageToken = token }, cancellationToken: Ct);
            Assert.InRange(page.Fleets.Count, 1, 2);
            found.AddRange(page.Fleets.Select(static fleet => fleet.Metadata.Name));
            token = page.NextPageToken;
        }
        while (token.Length > 0);

        Assert.Equal(["f0", "f2", "f4", "f6", "f8"], found);
        var revisions = await revisionService.ListAsync(new V1.ListRevisionsRequest { PageSize = 7 }, cancellationToken: Ct);
        var rest = await revisionService.ListAsync(
            new V1.ListRevisionsRequest { PageSize = 7, PageToken = revisions.NextPageToken }, cancellationToken: Ct);
        Assert.Equal((7, 3, ""), (revisions.Revisions.Count, rest.Revisions.Count, rest.NextPageToken));
        Assert.Equal(10, revisions.Revisions.Concat(rest.Revisions).Select(static revision => revision.Fleet).Distinct().Count());
    }

    [Theory]
    [InlineData("", 0, "!", "page_token")]
    [InlineData("", 1001, "", "page_size")]
    [InlineData("a in", 0, "", "selector")]
    public async Task List_BadRequest_NamesTheField(string selector, int size, string token, string field)
    {
        await using var controller = await RunningController.StartAsync();

        var error = await Assert.ThrowsAsync<RpcException>(async () => await new V1.FleetService.FleetServiceClient(controller.Local()).ListAsync(
            new V1.ListFleetsRequest { Selector = selector, PageSize = size, PageToken = token }, cancellationToken: Ct));

        Assert.Equal(field, error.GetRpcStatus()!.GetDetail<BadRequest>()!.FieldViolations[0].Field);
    }

    [Fact]
    public async Task Apply_MessageTooLarge_IsRefused()
    {
        await using var controller = await RunningController.StartAsync();
        var fleet = Samples.Fleet();
        fleet.Spec.Environment.Workloads[0].Quadlet.Fields["Container"].StructValue.Fields["Image"] =
            Value.ForString(new string('x', 5 * 1024 * 1024));

        var error = await Assert.ThrowsAsync<RpcException>(async () => await new V1.FleetService.FleetServiceClient(controller.Local()).ApplyAsync(
            new V1.ApplyFleetsRequest { Fleets = { fleet } }, cancellationToken: Ct));

        Assert.Equal(StatusCode.ResourceExhausted, error.StatusCode);
    }
}
