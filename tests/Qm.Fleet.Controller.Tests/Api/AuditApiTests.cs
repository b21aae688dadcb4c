using System.Net;
using Google.Protobuf.WellKnownTypes;
using Grpc.Core;
using Qm.Fleet.Controller.Storage;
using Qm.Fleet.Core.Audit;

namespace Qm.Fleet.Controller.Tests.Api;

public sealed class AuditApiTests
{
    private const string Id = "123e4567-e89b-12d3-a456-426614174000";

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact, Trait("Requirement", "QMF-AUDIT-003")]
    public async Task Change_OfAFleet_SaysFromWhereAndWhatWasBeforeAndAfter()
    {
        await using var controller = await RunningController.StartAsync();
        var fleets = new V1.FleetService.FleetServiceClient(controller.Admin());
        await fleets.ApplyAsync(new() { Fleets = { Samples.Fleet() } }, cancellationToken: Ct);
        await fleets.ApplyAsync(new() { Fleets = { Samples.Fleet(memoryMax: "2G") }, RequestId = Id }, cancellationToken: Ct);
        await new V1.FleetService.FleetServiceClient(controller.Local()).DeleteAsync(new() { Name = "cockpit", OnDelete = "orphan" }, cancellationToken: Ct);

        var events = await ExportAsync(controller);

        var (created, changed, deleted) = (events.Single(Is("FleetCreated")), events.Single(Is("FleetConfigured")), events.Single(Is("FleetDeleted")));
        Assert.Equal(("", "3G"), (created.Before, Fleet(created.After).Spec.Environment.Resources.MemoryMax));
        Assert.Equal((created.After, "2G", Id), (changed.Before, Fleet(changed.After).Spec.Environment.Resources.MemoryMax, changed.RequestId));
        Assert.Equal((changed.After, "", ""), (deleted.Before, deleted.After, deleted.RequestId));
        Assert.Equal("atlas", Fleet(deleted.Before).Metadata.Labels["program"]);
        Assert.Equal(IPAddress.Loopback, IPEndPoint.Parse(changed.Source).Address);
        Assert.Matches("^unix:uid=[0-9]+$", deleted.Source);
    }

    [Fact, Trait("Requirement", "QMF-AUDIT-003")]
    public async Task Change_OfANodeAndItsQuarantine_SaysWhatWasBeforeAndAfter()
    {
        await using var controller = await RunningController.StartAsync();
        var nodes = new V1.NodeService.NodeServiceClient(controller.Local());
        await nodes.ApplyAsync(new() { Nodes = { Samples.Node() } }, cancellationToken: Ct);
        await nodes.CordonAsync(new() { Name = "ecu1" }, cancellationToken: Ct);
        await nodes.QuarantineAsync(new() { Name = "ecu1", Reason = "it smokes" }, cancellationToken: Ct);
        await nodes.DeleteAsync(new() { Name = "ecu1" }, cancellationToken: Ct);

        var events = await ExportAsync(controller);

        var (cordoned, quarantined, deleted) = (events.Single(Is("NodeCordoned")), events.Single(Is("NodeQuarantined")), events.Single(Is("NodeDeleted")));
        Assert.Equal((false, true), (Node(cordoned.Before).Spec.Cordoned, Node(cordoned.After).Spec.Cordoned));
        Assert.DoesNotContain("it smokes", quarantined.Before, StringComparison.Ordinal);
        Assert.Contains("it smokes", quarantined.After, StringComparison.Ordinal);
        Assert.Equal((cordoned.After, ""), (deleted.Before, deleted.After));
    }

    [Fact, Trait("Requirement", "QMF-AUDIT-003")]
    public async Task Change_OfARollout_SaysWhatWasBeforeAndAfter()
    {
        await using var controller = await RunningController.StartAsync();
        await new V1.FleetService.FleetServiceClient(controller.Local()).ApplyAsync(new() { Fleets = { Samples.Fleet() } }, cancellationToken: Ct);
        await new V1.RolloutService.RolloutServiceClient(controller.Local()).PauseAsync(new() { Fleet = "cockpit", Reason = "the bench is in use" }, cancellationToken: Ct);

        var paused = (await ExportAsync(controller)).Single(Is("RolloutStopped"));

        Assert.Contains("\"stop\": \"\"", paused.Before, StringComparison.Ordinal);
        Assert.DoesNotContain("\"stop\": \"\"", paused.After, StringComparison.Ordinal);
        Assert.StartsWith("unix:", paused.Source, StringComparison.Ordinal);
    }

    [Fact, Trait("Requirement", "QMF-AUDIT-003")]
    public async Task Change_OfAccess_SaysWhatWasBeforeAndAfterAndNoSecret()
    {
        await using var controller = await RunningController.StartAsync();
        var access = new V1.AccessService.AccessServiceClient(controller.Local());
        var made = await access.CreateTokenAsync(new() { Name = "ci", Role = "viewer" }, cancellationToken: Ct);
        await access.ApplyBindingAsync(new() { Binding = new() { Name = "ci-operates", Subject = "token:ci", Role = "operator" } }, cancellationToken: Ct);
        await access.ApplyBindingAsync(new() { Binding = new() { Name = "ci-operates", Subject = "token:ci", Role = "admin" } }, cancellationToken: Ct);
        await access.RevokeTokenAsync(new() { Name = "ci" }, cancellationToken: Ct);
        var stored = controller.Service<AccessStore>();

        var events = (await ExportAsync(controller)).Where(Is("AccessChanged")).ToList();

        Assert.Equal(4, events.Count);
        Assert.Equal(("", "viewer"), (events[0].Before, V1.AccessToken.Parser.ParseJson(events[0].After).Role));
        Assert.Equal(("operator", "admin"), (V1.AccessBinding.Parser.ParseJson(events[2].Before).Role, V1.AccessBinding.Parser.ParseJson(events[2].After).Role));
        Assert.Equal((events[0].After, ""), (events[3].Before, events[3].After));
        Assert.Empty(stored.Load().Tokens);
        Assert.All(events, told =>
        {
            Assert.StartsWith("unix:", told.Source, StringComparison.Ordinal);
            Assert.All(made.Secret.Split('.', '_', '-').Where(static part => part.Length > 8), part => Assert.DoesNotContain(part, told.ToString(), StringComparison.Ordinal));
        });
    }

    [Fact, Trait("Requirement", "QMF-AUDIT-003")]
    public async Task Change_OfAFleetWithSecrets_HidesThem()
    {
        await using var controller = await RunningController.StartAsync();
        var fleet = Samples.Fleet();
        fleet.Spec.Environment.Rootfs = new V1.Rootfs { Archive = new() { Url = "https://files.example/qm.tar?sig=hush1", Sha256 = new string('7', 64) } };
        fleet.Spec.Environment.Workloads[0].Quadlet.Fields["Container"].StructValue.Fields["Environment"] = Value.ForList(Value.ForString("PASSWORD=hush2"), Value.ForString("hush3"));

        await new V1.FleetService.FleetServiceClient(controller.Local()).ApplyAsync(new() { Fleets = { fleet } }, cancellationToken: Ct);

        var created = (await ExportAsync(controller)).Single(Is("FleetCreated"));
        Assert.Contains("https://files.example/qm.tar?[redacted]", created.After, StringComparison.Ordinal);
        Assert.Contains("PASSWORD=[redacted]", created.After, StringComparison.Ordinal);
        Assert.DoesNotContain("hush", created.After, StringComparison.Ordinal);
    }

    [Theory, Trait("Requirement", "QMF-AUDIT-003")]
    [InlineData("https://ann:hush@files.example/a", "https://[redacted]@files.example/a")]
    [InlineData("see ftp://hush@h and http://x/y@z", "see ftp://[redacted]@h and http://x/y@z")]
    [InlineData("https://ann:p@hush@files.example", "https://[redacted]@files.example")]
    [InlineData("radio@1.service", "radio@1.service")]
    public void Of_AddressWithUserInformation_HidesIt(string text, string told) =>
        Assert.Equal(told, Struct.Parser.ParseJson(AuditText.Of(AuditText.Fields(("text", text)))).Fields["text"].StringValue);

    [Fact, Trait("Requirement", "QMF-AUDIT-003")]
    public void Of_MoreThanIsKept_IsSizeAndDigest()
    {
        var most = AuditText.Of(AuditText.Fields(("text", new string('x', AuditText.MostBytes - 14))));
        var more = AuditText.Of(AuditText.Fields(("text", new string('x', AuditText.MostBytes - 13))));

        Assert.Equal(AuditText.MostBytes, most.Length);
        Assert.Equal(["omitted", "sha256"], Struct.Parser.ParseJson(more).Fields.Keys.Order(StringComparer.Ordinal));
        Assert.InRange(more.Length, 64, 256);
    }

    [Fact, Trait("Requirement", "QMF-AUDIT-003")]
    public async Task Events_ForWhoMayReadThem_SayNothingThatIsOfTheAuditTrail()
    {
        await using var controller = await RunningController.StartAsync();
        await new V1.FleetService.FleetServiceClient(controller.Local()).ApplyAsync(new() { Fleets = { Samples.Fleet() }, RequestId = Id }, cancellationToken: Ct);

        var told = Assert.Single((await new V1.EventService.EventServiceClient(controller.Local()).ListAsync(new(), cancellationToken: Ct)).Events);

        Assert.Equal(("", "", "", ""), (told.Source, told.RequestId, told.Before, told.After));
        Assert.Equal(64, told.Hash.Length);
    }

    [Fact, Trait("Requirement", "QMF-AUDIT-002")]
    public async Task Verify_LogThatHoldsAndAnEndThatDoesNot_AreToldApart()
    {
        await using var controller = await RunningController.StartAsync();
        var audit = new V1.AuditService.AuditServiceClient(controller.Local());
        await controller.Service<IReconcileStore>().AppendEventsAsync([.. Enumerable.Range(0, 1200).Select(static index => Samples.Event($"E{index}"))], Ct);

        var holds = await audit.VerifyAsync(new(), cancellationToken: Ct);
        var again = await audit.VerifyAsync(new() { Number = holds.EndNumber, Hash = holds.EndHash }, cancellationToken: Ct);
        var other = await audit.VerifyAsync(new() { Number = 700, Hash = holds.EndHash }, cancellationToken: Ct);
        var gone = await audit.VerifyAsync(new() { Number = 1300, Hash = holds.EndHash }, cancellationToken: Ct);

        Assert.Equal((V1.VerifyAuditResponse.Types.Fault.Unspecified, 0, "", 1200), (holds.Fault, holds.Number, holds.Reason, holds.EndNumber));
        Assert.Equal(holds, again);
        Assert.Equal((V1.VerifyAuditResponse.Types.Fault.EndGone, 700, 699), (other.Fault, other.Number, other.EndNumber));
        Assert.Equal((V1.VerifyAuditResponse.Types.Fault.EndGone, 1201, 1200), (gone.Fault, gone.Number, gone.EndNumber));
        Assert.Contains("the log ends at 1200, and event 1300 is remembered", gone.Reason, StringComparison.Ordinal);
    }

    [Fact, Trait("Requirement", "QMF-API-001")]
    public async Task Verify_WhatIsNoEnd_IsRefusedWithEveryProblem()
    {
        await using var controller = await RunningController.StartAsync();
        var audit = new V1.AuditService.AuditServiceClient(controller.Local());

        var error = await Assert.ThrowsAsync<RpcException>(async () => await audit.VerifyAsync(new() { Number = -1, Hash = "7A" }, cancellationToken: Ct));

        Assert.Equal(StatusCode.InvalidArgument, error.StatusCode);
        Assert.Contains("-1 is not an event's number", error.Status.Detail, StringComparison.Ordinal);
        Assert.StartsWith("2 problems", error.Status.Detail, StringComparison.Ordinal);
    }

    [Fact, Trait("Requirement", "QMF-AUDIT-004")]
    public async Task Export_OverRest_IsALineForEachEventAndHoldsByItself()
    {
        await using var controller = await RunningController.StartAsync();
        await new V1.FleetService.FleetServiceClient(controller.Local()).ApplyAsync(new() { Fleets = { Samples.Fleet() }, RequestId = Id }, cancellationToken: Ct);
        await controller.Service<IReconcileStore>().AppendEventsAsync([.. Enumerable.Range(0, 600).Select(static index => Samples.Event($"E{index}"))], Ct);

        var text = await controller.Rest().GetStringAsync("/v1/audit:export", Ct);

        var events = text.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(V1.Event.Parser.ParseJson).ToList();
        Assert.Equal(await ExportAsync(controller), events);
        var chain = new AuditChain(null);
        Assert.All(events, told => Assert.Null(chain.Take(
            new(told.Number, told.Time.Seconds, told.Time.Nanos, (int)told.Severity, told.Reason, told.Actor, told.Fleet, told.Node, told.Unit, told.Message, new(told.Source, told.RequestId, told.Before, told.After)),
            AuditLink.HashOf(told.Hash))));
        Assert.Equal(601, chain.End.Number);
    }

    private static Func<V1.Event, bool> Is(string reason) => told => told.Reason == reason;

    private static V1.Fleet Fleet(string json) => V1.Fleet.Parser.ParseJson(json);

    private static V1.Node Node(string json) => V1.Node.Parser.ParseJson(json);

    private static async Task<List<V1.Event>> ExportAsync(RunningController controller)
    {
        using var call = new V1.AuditService.AuditServiceClient(controller.Local()).Export(new(), cancellationToken: Ct);
        return await call.ResponseStream.ReadAllAsync(Ct).ToListAsync(Ct);
    }
}
