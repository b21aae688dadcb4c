using Google.Protobuf.WellKnownTypes;
using Google.Rpc;
using Grpc.Core;
using Qm.Fleet.Controller.Storage;

namespace Qm.Fleet.Controller.Tests.Api;

/// <summary>Create, Update and what callers saw before.</summary>
public sealed class WriteTests
{
    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact, Trait("Requirement", "QMF-API-020")]
    public async Task Create_OfWhatExists_IsRefusedWithWhatItIs()
    {
        await using var controller = await RunningController.StartAsync();
        var (fleets, nodes) = (Fleets(controller), Nodes(controller));
        Assert.Equal(V1.ApplyResult.Created, (await fleets.CreateAsync(new() { Fleet = Samples.Fleet() }, cancellationToken: Ct)).Result);
        Assert.Equal(V1.ApplyResult.Created, (await nodes.CreateAsync(new() { Node = Samples.Node() }, cancellationToken: Ct)).Result);

        var fleet = await Assert.ThrowsAsync<RpcException>(async () => await fleets.CreateAsync(new() { Fleet = Samples.Fleet(memoryMax: "4G") }, cancellationToken: Ct));
        var node = await Assert.ThrowsAsync<RpcException>(async () => await nodes.CreateAsync(new() { Node = Samples.Node(cordoned: true) }, cancellationToken: Ct));

        Assert.Equal((StatusCode.AlreadyExists, StatusCode.AlreadyExists), (fleet.StatusCode, node.StatusCode));
        Assert.Equal(("qm.fleet/v1/fleet", "cockpit"), (fleet.GetRpcStatus()!.GetDetail<ResourceInfo>()!.ResourceType, fleet.GetRpcStatus()!.GetDetail<ResourceInfo>()!.ResourceName));
        Assert.Equal("ecu1", node.GetRpcStatus()!.GetDetail<ErrorInfo>()!.Metadata["node"]);
        Assert.Equal("3G", (await fleets.GetAsync(new() { Name = "cockpit" }, cancellationToken: Ct)).Spec.Environment.Resources.MemoryMax);
        Assert.False((await nodes.GetAsync(new() { Name = "ecu1" }, cancellationToken: Ct)).Spec.Cordoned);
        var bad = await Assert.ThrowsAsync<RpcException>(async () => await fleets.CreateAsync(new() { Fleet = Samples.Fleet("b", memoryMax: "3Q") }, cancellationToken: Ct));
        Assert.Equal("fleet.spec.environment.resources.MemoryMax", Assert.Single(bad.GetRpcStatus()!.GetDetail<BadRequest>()!.FieldViolations).Field);
    }

    [Fact, Trait("Requirement", "QMF-API-020")]
    public async Task Update_WithAMask_ChangesTheNamedFieldsAndNoOthers()
    {
        await using var controller = await RunningController.StartAsync();
        var fleets = Fleets(controller);
        var before = (await fleets.CreateAsync(new() { Fleet = Samples.Fleet() }, cancellationToken: Ct)).Fleet;
        var sent = new V1.Fleet
        {
            Metadata = new() { Name = "cockpit", Labels = { ["program"] = "blue" } },
            Spec = new() { Selector = "zone=other", Environment = new() { Resources = new() { MemoryMax = "4G" } } },
        };

        var one = await UpdateAsync(fleets, sent, "spec.environment.resources.memory_max", "spec.environment.resources.cpu_weight");
        Assert.Equal(("4G", "", "zone=cockpit", "atlas"), (one.Spec.Environment.Resources.MemoryMax, one.Spec.Environment.Resources.CpuWeight, one.Spec.Selector, one.Metadata.Labels["program"]));
        Assert.Equal(before.Spec.Environment.Workloads, one.Spec.Environment.Workloads);

        var labels = await UpdateAsync(fleets, sent, "metadata.labels");
        Assert.Equal(("blue", 3L, "4G"), (labels.Metadata.Labels["program"], labels.Metadata.Generation, labels.Spec.Environment.Resources.MemoryMax));

        // An empty mask names what is set: labels, selector and one limit.
        sent.Metadata.Labels["program"] = "green";
        var all = await UpdateAsync(fleets, sent);
        Assert.Equal(("green", "zone=other", "4G", 500), (all.Metadata.Labels["program"], all.Spec.Selector, all.Spec.Environment.Resources.MemoryMax, all.Spec.Environment.Oom.Qm));

        // Taken away is what the mask names and the message does not have.
        var gone = await UpdateAsync(fleets, sent, "spec.environment.oom.nested", "spec.environment.workloads");
        Assert.Equal((false, 0), (gone.Spec.Environment.Oom.HasNested, gone.Spec.Environment.Workloads.Count));

        var nodes = Nodes(controller);
        await nodes.CreateAsync(new() { Node = Samples.Node() }, cancellationToken: Ct);
        var node = (await nodes.UpdateAsync(new() { Node = new() { Metadata = new() { Name = "ecu1" }, Spec = new() { Cordoned = true } } }, cancellationToken: Ct)).Node;
        Assert.Equal((true, "cockpit", 2L), (node.Spec.Cordoned, node.Metadata.Labels["zone"], node.Metadata.Generation));
    }

    [Fact, Trait("Requirement", "QMF-API-020")]
    public async Task Update_WithAMaskOfWhatThereIsNot_NamesEveryPathAndWhatThereIs()
    {
        await using var controller = await RunningController.StartAsync();
        var fleets = Fleets(controller);
        await fleets.CreateAsync(new() { Fleet = Samples.Fleet() }, cancellationToken: Ct);

        var error = await Assert.ThrowsAsync<RpcException>(() => UpdateAsync(
            fleets, Samples.Fleet(), "spec.environment.resources.nice", "metadata.generation", "status", "spec.environment.workloads.name", "spec.selector"));

        var problems = error.GetRpcStatus()!.GetDetail<BadRequest>()!.FieldViolations;
        Assert.All(problems, static problem => Assert.Equal("update_mask", problem.Field));
        Assert.Equal(4, problems.Count);
        Assert.Contains("spec.environment.resources.memory_max", problems[0].Description, StringComparison.Ordinal);
        Assert.Contains("cannot be changed; known are metadata.labels, spec", problems[1].Description, StringComparison.Ordinal);
        Assert.Contains("changed as a whole", problems[3].Description, StringComparison.Ordinal);
        var missing = await Assert.ThrowsAsync<RpcException>(() => UpdateAsync(fleets, Samples.Fleet("nobody"), "spec.selector"));
        Assert.Equal(StatusCode.NotFound, missing.StatusCode);
    }

    [Fact, Trait("Requirement", "QMF-API-021")]
    public async Task Change_OfWhatIsNoLongerAsSeen_IsAbortedWithItAsItIs()
    {
        await using var controller = await RunningController.StartAsync();
        var (fleets, nodes) = (Fleets(controller), Nodes(controller));
        await fleets.CreateAsync(new() { Fleet = Samples.Fleet() }, cancellationToken: Ct);
        await nodes.CreateAsync(new() { Node = Samples.Node() }, cancellationToken: Ct);
        var current = (await fleets.ApplyAsync(new() { Fleets = { Samples.Fleet(memoryMax: "4G") }, Generations = { ["cockpit"] = 1 } }, cancellationToken: Ct)).Results[0].Fleet;
        var events = controller.Service<EventLog>().LastNumber();

        var failures = new[]
        {
            await Assert.ThrowsAsync<RpcException>(async () => await fleets.ApplyAsync(
                new() { Fleets = { Samples.Fleet("other"), Samples.Fleet(memoryMax: "5G") }, Generations = { ["cockpit"] = 1 } }, cancellationToken: Ct)),
            await Assert.ThrowsAsync<RpcException>(async () => await fleets.UpdateAsync(new() { Fleet = Samples.Fleet(memoryMax: "5G"), Generation = 1 }, cancellationToken: Ct)),
            await Assert.ThrowsAsync<RpcException>(async () => await fleets.DeleteAsync(new() { Name = "cockpit", Generation = 1 }, cancellationToken: Ct)),
            await Assert.ThrowsAsync<RpcException>(async () => await fleets.ApplyAsync(new() { Fleets = { Samples.Fleet() }, Generations = { ["cockpit"] = 0 } }, cancellationToken: Ct)),
        };

        Assert.All(failures, failure =>
        {
            var info = failure.GetRpcStatus()!.GetDetail<ErrorInfo>()!;
            Assert.Equal((StatusCode.Aborted, "GENERATION_CHANGED", "2", "cockpit"), (failure.StatusCode, info.Reason, info.Metadata["generation"], info.Metadata["fleet"]));
            Assert.Equal(current, failure.GetRpcStatus()!.GetDetail<V1.Fleet>());
        });
        var node = await Assert.ThrowsAsync<RpcException>(async () => await nodes.DeleteAsync(new() { Name = "ecu1", Generation = 7 }, cancellationToken: Ct));
        Assert.Equal("ecu1", node.GetRpcStatus()!.GetDetail<V1.Node>()!.Metadata.Name);
        Assert.Equal(events, controller.Service<EventLog>().LastNumber());
        Assert.Single((await fleets.ListAsync(new(), cancellationToken: Ct)).Fleets);
        var stray = await Assert.ThrowsAsync<RpcException>(async () => await fleets.ApplyAsync(
            new() { Fleets = { Samples.Fleet() }, Generations = { ["nobody"] = 1, ["cockpit"] = -1 } }, cancellationToken: Ct));
        Assert.Equal(2, stray.GetRpcStatus()!.GetDetail<BadRequest>()!.FieldViolations.Count);
        Assert.Equal(V1.ApplyResult.Configured, (await fleets.UpdateAsync(new() { Fleet = Samples.Fleet(memoryMax: "5G"), Generation = 2 }, cancellationToken: Ct)).Result);
    }

    [Fact, Trait("Requirement", "QMF-API-021")]
    public async Task Change_OfSomethingTooLargeToBeCarried_SaysToGetIt()
    {
        await using var controller = await RunningController.StartAsync();
        var fleets = Fleets(controller);
        var large = Samples.Fleet();
        large.Spec.Environment.Workloads.Clear();
        large.Spec.Environment.Workloads.AddRange(Enumerable.Range(0, 40).Select(static number => Samples.Workload(
            $"radio{number}", new Struct { Fields = { ["Image"] = Value.ForString("localhost/radio:3"), ["Exec"] = Value.ForString(new string('x', 500)) } })));
        await fleets.CreateAsync(new() { Fleet = large }, cancellationToken: Ct);

        var error = await Assert.ThrowsAsync<RpcException>(async () => await fleets.DeleteAsync(new() { Name = "cockpit", Generation = 9 }, cancellationToken: Ct));

        Assert.Contains("Get it, it is too large", error.Status.Detail, StringComparison.Ordinal);
        Assert.Null(error.GetRpcStatus()!.GetDetail<V1.Fleet>());
        Assert.Equal("1", error.GetRpcStatus()!.GetDetail<ErrorInfo>()!.Metadata["generation"]);
    }

    [Fact, Trait("Requirement", "QMF-API-026")]
    public async Task DryRun_OfEverythingThatIsStored_AnswersAndKeepsNothing()
    {
        await using var controller = await RunningController.StartAsync();
        var (fleets, nodes, rollouts) = (Fleets(controller), Nodes(controller), new V1.RolloutService.RolloutServiceClient(controller.Admin()));
        await fleets.ApplyAsync(new() { Fleets = { Samples.Fleet() } }, cancellationToken: Ct);
        await fleets.ApplyAsync(new() { Fleets = { Samples.Fleet(memoryMax: "4G") } }, cancellationToken: Ct);
        await nodes.CreateAsync(new() { Node = Samples.Node() }, cancellationToken: Ct);
        var (events, fleet, node) = (controller.Service<EventLog>().LastNumber(), await fleets.GetAsync(new() { Name = "cockpit" }, cancellationToken: Ct), await nodes.GetAsync(new() { Name = "ecu1" }, cancellationToken: Ct));

        Assert.Equal(V1.ApplyResult.Created, (await fleets.CreateAsync(new() { Fleet = Samples.Fleet("new"), DryRun = true }, cancellationToken: Ct)).Result);
        Assert.Equal(3, (await fleets.UpdateAsync(new() { Fleet = Samples.Fleet(memoryMax: "5G"), DryRun = true }, cancellationToken: Ct)).Fleet.Metadata.Generation);
        Assert.NotNull((await fleets.DeleteAsync(new() { Name = "cockpit", OnDelete = "orphan", DryRun = true }, cancellationToken: Ct)).Spec);
        Assert.Equal(V1.ApplyResult.Created, (await nodes.CreateAsync(new() { Node = Samples.Node("ecu2"), DryRun = true }, cancellationToken: Ct)).Result);
        Assert.True((await nodes.UpdateAsync(new() { Node = Samples.Node(cordoned: true), DryRun = true }, cancellationToken: Ct)).Node.Spec.Cordoned);
        Assert.True((await nodes.CordonAsync(new() { Name = "ecu1", DryRun = true }, cancellationToken: Ct)).Spec.Cordoned);
        Assert.False((await nodes.UncordonAsync(new() { Name = "ecu1", DryRun = true }, cancellationToken: Ct)).Spec.Cordoned);
        Assert.Equal("ecu1", (await nodes.QuarantineAsync(new() { Name = "ecu1", DryRun = true }, cancellationToken: Ct)).Metadata.Name);
        Assert.Equal("ecu1", (await nodes.ReleaseAsync(new() { Name = "ecu1", DryRun = true }, cancellationToken: Ct)).Metadata.Name);
        Assert.Equal("ecu1", (await nodes.DeleteAsync(new() { Name = "ecu1", DryRun = true }, cancellationToken: Ct)).Metadata.Name);
        Assert.Equal(V1.Rollout.Types.Phase.Paused, (await rollouts.PauseAsync(new() { Fleet = "cockpit", DryRun = true }, cancellationToken: Ct)).Phase);
        Assert.Equal(V1.Rollout.Types.Phase.Progressing, (await rollouts.ResumeAsync(new() { Fleet = "cockpit", DryRun = true }, cancellationToken: Ct)).Phase);
        Assert.Equal(V1.Rollout.Types.Phase.Progressing, (await rollouts.RetryAsync(new() { Fleet = "cockpit", DryRun = true }, cancellationToken: Ct)).Phase);
        Assert.Equal(V1.Rollout.Types.Phase.Aborted, (await rollouts.AbortAsync(new() { Fleet = "cockpit", DryRun = true }, cancellationToken: Ct)).Phase);
        var undone = await rollouts.UndoAsync(new() { Fleet = "cockpit", DryRun = true }, cancellationToken: Ct);
        Assert.Equal((V1.ApplyResult.Configured, null), (undone.Result, undone.Operation));

        Assert.Equal(events, controller.Service<EventLog>().LastNumber());
        Assert.Equal(fleet, await fleets.GetAsync(new() { Name = "cockpit" }, cancellationToken: Ct));
        Assert.Equal(node, await nodes.GetAsync(new() { Name = "ecu1" }, cancellationToken: Ct));
        Assert.Single((await fleets.ListAsync(new(), cancellationToken: Ct)).Fleets);
    }

    [Fact, Trait("Requirement", "QMF-API-024")]
    public async Task Cordon_AndUncordon_CountGenerationsAndAreTold()
    {
        await using var controller = await RunningController.StartAsync();
        var nodes = Nodes(controller);
        await nodes.CreateAsync(new() { Node = Samples.Node() }, cancellationToken: Ct);

        var cordoned = await nodes.CordonAsync(new() { Name = "ecu1", Reason = "on the bench" }, cancellationToken: Ct);
        Assert.Equal((true, 2L, "cockpit"), (cordoned.Spec.Cordoned, cordoned.Metadata.Generation, cordoned.Metadata.Labels["zone"]));
        Assert.Equal(2, (await nodes.CordonAsync(new() { Name = "ecu1" }, cancellationToken: Ct)).Metadata.Generation);
        Assert.Equal((false, 3L), (await nodes.UncordonAsync(new() { Name = "ecu1" }, cancellationToken: Ct)) is var open ? (open.Spec.Cordoned, open.Metadata.Generation) : default);
        var none = await Assert.ThrowsAsync<RpcException>(async () => await nodes.CordonAsync(new() { Name = "ecu7" }, cancellationToken: Ct));
        Assert.Equal(StatusCode.NotFound, none.StatusCode);

        var events = controller.Service<EventLog>().After(1, "ecu1", "", 10);
        Assert.Equal(["NodeCordoned", "NodeUncordoned"], events.Select(static entry => entry.Draft.Reason));
        Assert.Equal(("admin:local-admin", true), (events[0].Draft.Actor, events[0].Draft.Message.EndsWith(", because on the bench.", StringComparison.Ordinal)));
    }

    private static async Task<V1.Fleet> UpdateAsync(V1.FleetService.FleetServiceClient fleets, V1.Fleet fleet, params string[] mask) =>
        (await fleets.UpdateAsync(new() { Fleet = fleet, UpdateMask = mask.Length == 0 ? null : new FieldMask { Paths = { mask } } }, cancellationToken: Ct)).Fleet;

    private static V1.FleetService.FleetServiceClient Fleets(RunningController controller) => new(controller.Admin());

    private static V1.NodeService.NodeServiceClient Nodes(RunningController controller) => new(controller.Admin());
}
