using Grpc.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Time.Testing;
using Qm.Fleet.Controller.Security;
using Qm.Fleet.Controller.Storage;

namespace Qm.Fleet.Controller.Tests.Security;

[Trait("Requirement", "QMF-ACCESS-005")]
public sealed class RefusalTrailTests
{
    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Refusals_OfOneCallerAndMethod_AreOneEventAMinuteThatCountsTheOthers()
    {
        var time = new FakeTimeProvider(new(2026, 11, 28, 9, 0, 0, TimeSpan.Zero));
        await using var controller = await RunningController.StartAsync(services => services.Replace(ServiceDescriptor.Singleton<TimeProvider>(time)));
        var trail = controller.Service<RefusalTrail>();

        await trail.NoteAsync("token:ci", "/a", "no.");
        await trail.NoteAsync("token:ci", "/a", "no.");
        await trail.NoteAsync("token:ci", "/a", "no.");
        await trail.NoteAsync("token:ci", "/b", "no.");
        await trail.NoteAsync("token:cd", "/a", "no\nnever.");
        time.Advance(RefusalTrail.Window);
        await trail.NoteAsync("token:ci", "/a", "no.");

        Assert.Equal(
            ["token:ci /a: no.", "token:ci /b: no.", "token:cd /a: no?never.", "token:ci /a: no. 2 more since 2026-11-28 09:00:00Z were left out."],
            Refusals(controller).Select(static told => $"{told.Actor} {told.Message}"));
    }

    [Fact]
    public async Task Refusal_AtTheGateAndByTheRequest_IsAWarningWithCallerMethodAndTarget()
    {
        await using var controller = await RunningController.StartAsync();
        var made = await new V1.AccessService.AccessServiceClient(controller.Local()).CreateTokenAsync(
            new V1.CreateTokenRequest { Name = "ci", Role = "operator", Scope = new V1.AccessScope { Nodes = { "ecu1" } } }, cancellationToken: Ct);
        var headers = new Metadata { { "authorization", $"Bearer {made.Secret}" } };
        var nodes = new V1.NodeService.NodeServiceClient(controller.Tls(null));

        await Assert.ThrowsAsync<RpcException>(async () => await nodes.DeleteAsync(new V1.DeleteNodeRequest { Name = "ecu1" }, headers, cancellationToken: Ct));
        await Assert.ThrowsAsync<RpcException>(async () => await nodes.CordonAsync(new V1.CordonNodeRequest { Name = "ecu2" }, headers, cancellationToken: Ct));

        Assert.Equal(
            [
                (EventSeverity.Warning, "token:ci", "/qm.fleet.v1.NodeService/Delete: token:ci may not delete nodes."),
                (EventSeverity.Warning, "token:ci", "/qm.fleet.v1.NodeService/Cordon: token:ci may not cordon nodes of node/ecu2."),
            ],
            Refusals(controller).Select(static told => (told.Severity, told.Actor, told.Message)));
    }

    [Fact]
    public async Task Refusal_OfAVeryLongName_IsCut()
    {
        await using var controller = await RunningController.StartAsync();

        await controller.Service<RefusalTrail>().NoteAsync("token:ci", "/a", new string('x', 10_000));

        Assert.Equal("/a: ".Length + 500 + "...".Length, Assert.Single(Refusals(controller)).Message.Length);
    }

    private static IEnumerable<EventDraft> Refusals(RunningController controller) =>
        controller.Service<EventLog>().After(0, "", "", 1000).Select(static told => told.Draft).Where(static draft => draft.Reason == RefusalTrail.Reason);
}
