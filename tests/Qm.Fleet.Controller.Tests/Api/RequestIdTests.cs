using Google.Rpc;
using Grpc.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Time.Testing;
using Qm.Fleet.Controller.Storage;
using Qm.Fleet.Controller.Tests.Operations;
using Qm.Fleet.Controller.Tests.Security;
using Qm.Fleet.Controller.Tests.Storage;

namespace Qm.Fleet.Controller.Tests.Api;

/// <summary>Calls that are harmless to repeat.</summary>
[Trait("Requirement", "QMF-API-022")]
public sealed class RequestIdTests
{
    private const string Id = "123e4567-e89b-12d3-a456-426614174000";

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Repeat_WithinADay_IsAnsweredAsTheFirstWasAndDoesNothing()
    {
        await using var controller = await RunningController.StartAsync();
        var fleets = new V1.FleetService.FleetServiceClient(controller.Admin());
        var request = new V1.ApplyFleetsRequest { Fleets = { Samples.Fleet() }, RequestId = Id };
        var first = await fleets.ApplyAsync(request, cancellationToken: Ct);
        await fleets.ApplyAsync(new() { Fleets = { Samples.Fleet(memoryMax: "4G") } }, cancellationToken: Ct);

        Assert.Equal(first, await fleets.ApplyAsync(request, cancellationToken: Ct));
        request.RequestId = Id.ToUpperInvariant();
        Assert.Equal(first, await fleets.ApplyAsync(request, cancellationToken: Ct));

        Assert.Equal("4G", (await fleets.GetAsync(new() { Name = "cockpit" }, cancellationToken: Ct)).Spec.Environment.Resources.MemoryMax);
        Assert.Equal(2, controller.Service<EventLog>().LastNumber());
    }

    [Fact]
    public async Task Repeat_OfADelete_IsAnsweredThoughItIsGone()
    {
        await using var controller = await RunningController.StartAsync();
        var nodes = new V1.NodeService.NodeServiceClient(controller.Admin());
        await nodes.CreateAsync(new() { Node = Samples.Node() }, cancellationToken: Ct);
        var request = new V1.DeleteNodeRequest { Name = "ecu1", RequestId = Id };

        Assert.Equal(await nodes.DeleteAsync(request, cancellationToken: Ct), await nodes.DeleteAsync(request, cancellationToken: Ct));
    }

    [Fact]
    public async Task SameId_ForAnotherCallOrByAnother_IsRefused()
    {
        await using var controller = await RunningController.StartAsync();
        var fleets = new V1.FleetService.FleetServiceClient(controller.Admin());
        await fleets.ApplyAsync(new() { Fleets = { Samples.Fleet() }, RequestId = Id }, cancellationToken: Ct);

        var failures = new[]
        {
            await Assert.ThrowsAsync<RpcException>(async () => await fleets.ApplyAsync(new() { Fleets = { Samples.Fleet(memoryMax: "4G") }, RequestId = Id }, cancellationToken: Ct)),
            await Assert.ThrowsAsync<RpcException>(async () => await fleets.DeleteAsync(new() { Name = "cockpit", RequestId = Id }, cancellationToken: Ct)),
            await Assert.ThrowsAsync<RpcException>(async () => await new V1.FleetService.FleetServiceClient(controller.Local()).ApplyAsync(
                new() { Fleets = { Samples.Fleet() }, RequestId = Id }, cancellationToken: Ct)),
        };
        Assert.All(failures, static failure => Assert.Equal((StatusCode.AlreadyExists, "REQUEST_ID_USED"), (failure.StatusCode, failure.GetRpcStatus()!.GetDetail<ErrorInfo>()!.Reason)));
        Assert.DoesNotContain("ApplyFleetsRequest", failures[2].Status.Detail, StringComparison.Ordinal);
        var noId = await Assert.ThrowsAsync<RpcException>(async () => await fleets.ApplyAsync(new() { Fleets = { Samples.Fleet() }, RequestId = "again" }, cancellationToken: Ct));
        Assert.Equal("request_id", Assert.Single(noId.GetRpcStatus()!.GetDetail<BadRequest>()!.FieldViolations).Field);
        Assert.Equal(1, controller.Service<EventLog>().LastNumber());
    }

    [Fact]
    public async Task CallThatFailed_OrWasADryRun_LeavesItsIdFree()
    {
        await using var controller = await RunningController.StartAsync();
        var nodes = new V1.NodeService.NodeServiceClient(controller.Admin());
        await Assert.ThrowsAsync<RpcException>(async () => await nodes.CordonAsync(new() { Name = "ecu1", RequestId = Id }, cancellationToken: Ct));
        await nodes.CreateAsync(new() { Node = Samples.Node(), DryRun = true, RequestId = Id }, cancellationToken: Ct);

        await nodes.CreateAsync(new() { Node = Samples.Node(), RequestId = Id }, cancellationToken: Ct);

        Assert.Equal("ecu1", (await nodes.GetAsync(new() { Name = "ecu1" }, cancellationToken: Ct)).Metadata.Name);
    }

    [Fact]
    public async Task Repeats_AtTheSameMoment_DoItOnceAndGetTheSame()
    {
        await using var controller = await RunningController.StartAsync();
        var blueChi = FakeBlueChi.Connect(controller, "ecu1");
        var nodes = new V1.NodeService.NodeServiceClient(controller.Admin());
        await nodes.CreateAsync(new() { Node = Samples.Node() }, cancellationToken: Ct);

        var answers = await Task.WhenAll(Enumerable.Range(0, 20).Select(_ => nodes.RestartUnitAsync(new() { Node = "ecu1", Unit = "radio.service", RequestId = Id }, cancellationToken: Ct).ResponseAsync));

        Assert.All(answers, answer => Assert.Equal(answers[0], answer));
        await new V1.OperationService.OperationServiceClient(controller.Admin()).WaitAsync(new() { Name = answers[0].Name }, cancellationToken: Ct);
        Assert.Equal(["Restart qm.ecu1 radio.service"], blueChi.Calls);
    }

    [Fact]
    public async Task Repeat_AfterTheControllerStartedAnew_IsAnsweredAsBefore()
    {
        using var folder = new TemporaryFolder();
        var request = new V1.CreateFleetRequest { Fleet = Samples.Fleet(), RequestId = Id };
        V1.AppliedFleet first;
        await using (var before = await RunningController.StartAsync(adjust: options => options.State = folder["state"]))
        {
            first = await new V1.FleetService.FleetServiceClient(before.Admin()).CreateAsync(request, cancellationToken: Ct);
        }

        await using var after = await RunningController.StartAsync(adjust: options => options.State = folder["state"]);
        Assert.Equal(first, await new V1.FleetService.FleetServiceClient(after.Admin()).CreateAsync(request, cancellationToken: Ct));
    }

    [Fact]
    public async Task Id_OfYesterday_IsFreeAgain()
    {
        var time = new FakeTimeProvider(DateTimeOffset.UtcNow);
        await using var controller = await RunningController.StartAsync(services => services.Replace(ServiceDescriptor.Singleton<TimeProvider>(time)));
        var nodes = new V1.NodeService.NodeServiceClient(controller.Local());
        await nodes.CreateAsync(new() { Node = Samples.Node(), RequestId = Id }, cancellationToken: Ct);

        time.Advance(RequestRows.Kept - TimeSpan.FromSeconds(1));
        await Assert.ThrowsAsync<RpcException>(async () => await nodes.CreateAsync(new() { Node = Samples.Node("ecu2"), RequestId = Id }, cancellationToken: Ct));
        time.Advance(TimeSpan.FromSeconds(1));

        Assert.Equal(V1.ApplyResult.Created, (await nodes.CreateAsync(new() { Node = Samples.Node("ecu2"), RequestId = Id }, cancellationToken: Ct)).Result);
    }

    [Fact]
    public async Task Answers_ThatAreTooMuch_GoTheOldestFirst()
    {
        using var store = await StoreFixture.OpenAsync();
        var large = new byte[RequestRows.LargestBytes];
        var ids = Enumerable.Range(0, 10).Select(static number => $"{number:x8}-0000-0000-0000-000000000000").ToList();

        foreach (var id in ids)
        {
            store.Time.Advance(TimeSpan.FromSeconds(1));
            await store.Database.WriteAsync(
                tx =>
                {
                    RequestRows.Add(tx, id, new("x", "admin:test", [1], large));
                    return 0;
                },
                commit: true, Ct);
        }

        var kept = store.Database.Read(db => ids.Where(id => RequestRows.Find(db, id, store.Time.GetUtcNow()) is not null).ToList());
        Assert.Contains(ids[^1], kept);
        Assert.DoesNotContain(ids[0], kept);
        Assert.Equal((kept.Count, kept.Count * (long)large.Length), store.Database.Read(static db =>
            ((int)db.QuerySingleOrDefault<long>("select number from request_totals"), db.QuerySingleOrDefault<long>("select bytes from request_totals"))));
    }

    // Whoever adds a call that changes something gives it both, or neither would be seen to.
    [Fact]
    public void Requests_ThatAreMutations_HaveAnIdAndADryRun()
    {
        var mutations = EveryMethod.All.Where(static method => !AuditMatrixTests.IsReading(method) && !AuditMatrixTests.IsOfNodesOrAStream(method)).ToList();

        Assert.Contains(mutations, static method => method.Name == "ApplyRole");
        Assert.Empty(mutations.Where(static method => method.InputType.FindFieldByName("dry_run") is null).Select(static method => method.FullName));
        // A secret is answered once and kept nowhere, so it cannot be answered to a repeat.
        Assert.Equal(
            ["qm.fleet.v1.AccessService.CreateToken", "qm.fleet.v1.EnrollmentService.CreateJoinToken"],
            mutations.Where(static method => method.InputType.FindFieldByName("request_id") is null).Select(static method => method.FullName).Order(StringComparer.Ordinal));
    }
}
