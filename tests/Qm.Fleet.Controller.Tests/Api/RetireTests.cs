using System.Security.Cryptography.X509Certificates;
using Grpc.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Time.Testing;
using Qm.Fleet.Controller.Security;
using Qm.Fleet.Controller.Storage;
using Qm.Fleet.Controller.Tests.Gateway;
using Qm.Fleet.Controller.Tests.Security;

namespace Qm.Fleet.Controller.Tests.Api;

public sealed class RetireTests
{
    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact, Trait("Requirement", "QMF-RETIRE-001")]
    public async Task Retire_ConnectedNode_EndsItsStreamAndLetsItInNoMore()
    {
        await using var controller = await RunningController.StartAsync();
        var nodes = await WithNodesAsync(controller);
        using var agent = await Agent.ConnectAsync(controller);
        using var other = await Agent.ConnectAsync(controller, "ecu2");

        var retired = await nodes.RetireAsync(new() { Name = "ecu1", Reason = "sold" }, cancellationToken: Ct);

        Assert.Equal((true, "sold", SecurityFacts.LocalActor), (retired.Spec.Cordoned, retired.Status.Retirement.Reason, retired.Status.Retirement.Actor));
        Assert.Equal("Retired", retired.Status.Step.Name);
        await Assert.ThrowsAnyAsync<Exception>(agent.ReceiveAsync);
        // A certificate that somebody made meanwhile, without asking the controller, counts as little.
        await Assert.ThrowsAnyAsync<Exception>(async () =>
        {
            using var again = await Agent.DialAsync(controller, "ecu1", "ecu1");
            await again.ReceiveAsync();
        });
        var standing = controller.Service<NodeStanding>();
        Assert.Equal((true, false, true), (standing.IsRetired("ecu1"), standing.MayEnroll("ecu1"), standing.MayEnroll("ecu2")));
        await other.ReportAsync("");
    }

    [Fact, Trait("Requirement", "QMF-RETIRE-001")]
    public async Task Retire_Node_IsInNoFleetAnyMoreAndDoesNotComeBack()
    {
        await using var controller = await RunningController.StartAsync();
        var nodes = await WithNodesAsync(controller);
        var store = controller.Service<IReconcileStore>();

        await nodes.RetireAsync(new() { Name = "ecu1", Reason = "sold" }, cancellationToken: Ct);

        Assert.Equal(["ecu2"], (await store.LoadDesiredAsync(Ct)).Nodes.Select(static node => node.Name));
        await nodes.DeleteAsync(new() { Name = "ecu1" }, cancellationToken: Ct);
        await store.EnsureNodesAsync("local", ["ecu1", "ecu2", "ecu3"], Ct);
        Assert.Equal(["ecu2", "ecu3"], (await nodes.ListAsync(new(), cancellationToken: Ct)).Nodes.Select(static node => node.Metadata.Name));
    }

    [Fact, Trait("Requirement", "QMF-RETIRE-001")]
    public async Task Retire_ThenUncordonOrRestart_IsRefused()
    {
        await using var controller = await RunningController.StartAsync();
        var nodes = await WithNodesAsync(controller);
        await nodes.RetireAsync(new() { Name = "ecu1", Reason = "sold" }, cancellationToken: Ct);

        var uncordon = await Assert.ThrowsAsync<RpcException>(async () => await nodes.UncordonAsync(new() { Name = "ecu1" }, cancellationToken: Ct));
        var restart = await Assert.ThrowsAsync<RpcException>(async () => await nodes.RestartQmAsync(new() { Name = "ecu1" }, cancellationToken: Ct));

        Assert.Equal((StatusCode.FailedPrecondition, StatusCode.FailedPrecondition), (uncordon.StatusCode, restart.StatusCode));
        Assert.Contains("because sold", uncordon.Status.Detail, StringComparison.Ordinal);
        Assert.Contains("was retired", restart.Status.Detail, StringComparison.Ordinal);
    }

    [Fact, Trait("Requirement", "QMF-RETIRE-002")]
    public async Task Reenroll_RetiredNode_MayEnrollOnceWithAnotherKey()
    {
        var time = new FakeTimeProvider(DateTimeOffset.UtcNow);
        await using var controller = await RunningController.StartAsync(services => services.Replace(ServiceDescriptor.Singleton<TimeProvider>(time)));
        var nodes = await WithNodesAsync(controller);
        using var folder = new TemporaryFolder();
        controller.Service<Pki>().IssueNode("ecu1", folder["old"]);
        using var old = X509CertificateLoader.LoadCertificateFromFile(folder["old/node.crt"]);
        await nodes.RetireAsync(new() { Name = "ecu1", Reason = "sold" }, cancellationToken: Ct);

        var taken = await nodes.ReenrollAsync(new() { Name = "ecu1", Reason = "bought back" }, cancellationToken: Ct);
        time.Advance(TimeSpan.FromSeconds(2));

        var standing = controller.Service<NodeStanding>();
        Assert.Equal((true, null, "bought back"), (taken.Spec.Cordoned, taken.Status.Retirement, taken.Status.Reenrolment.Reason));
        Assert.Equal((false, true, true, false), (standing.IsRetired("ecu1"), standing.MayEnroll("ecu1"), standing.MayEnrollAgain("ecu1"), standing.MayRenew("ecu1", old)));
        using var agent = await Agent.ConnectAsync(controller);
        await controller.Service<Database>().WriteAsync(
            tx =>
            {
                standing.Enrolled(tx, "ecu1");
                return standing.MayEnrollAgain("ecu1") ? throw new InvalidOperationException("It is granted twice.") : true;
            },
            commit: true, Ct);
        standing.Refresh();
        Assert.False(standing.MayEnrollAgain("ecu1"));
        Assert.Null((await nodes.GetAsync(new() { Name = "ecu1" }, cancellationToken: Ct)).Status.Reenrolment);
        time.Advance(TimeSpan.FromSeconds(1));
        await nodes.ReenrollAsync(new() { Name = "ecu1" }, cancellationToken: Ct);
        Assert.True(standing.MayEnrollAgain("ecu1"));
        Assert.Equal(["NodeRetired", "NodeReenrolling", "NodeReenrolling"], controller.Service<EventLog>().After(0, "ecu1", "", 100).Select(static told => told.Draft.Reason).Where(static reason => reason is not "NodeCreated"));
    }

    [Fact, Trait("Requirement", "QMF-RETIRE-002")]
    public async Task Reenroll_ForgottenOrNeverKnown_ComesBackOrIsNotFound()
    {
        await using var controller = await RunningController.StartAsync();
        var nodes = await WithNodesAsync(controller);
        await nodes.RetireAsync(new() { Name = "ecu1", Reason = "sold" }, cancellationToken: Ct);
        await nodes.DeleteAsync(new() { Name = "ecu1" }, cancellationToken: Ct);

        Assert.True((await nodes.ReenrollAsync(new() { Name = "ecu1" }, cancellationToken: Ct)).Spec.Cordoned);
        var error = await Assert.ThrowsAsync<RpcException>(async () => await nodes.ReenrollAsync(new() { Name = "ecu9" }, cancellationToken: Ct));

        Assert.Equal(StatusCode.NotFound, error.StatusCode);
        Assert.False(controller.Service<NodeStanding>().IsRetired("ecu1"));
    }

    [Fact, Trait("Requirement", "QMF-RETIRE-001")]
    public async Task Retire_DryRunTwiceOrWithoutReason_StoresNothingTwice()
    {
        await using var controller = await RunningController.StartAsync();
        var nodes = await WithNodesAsync(controller);

        Assert.NotNull((await nodes.RetireAsync(new() { Name = "ecu1", Reason = "sold", DryRun = true }, cancellationToken: Ct)).Status.Retirement);
        Assert.False(controller.Service<NodeStanding>().IsRetired("ecu1"));
        Assert.Equal(StatusCode.InvalidArgument, (await Assert.ThrowsAsync<RpcException>(async () => await nodes.RetireAsync(new() { Name = "ecu1" }, cancellationToken: Ct))).StatusCode);
        await nodes.RetireAsync(new() { Name = "ecu1", Reason = "sold" }, cancellationToken: Ct);
        var again = await nodes.RetireAsync(new() { Name = "ecu1", Reason = "stolen" }, cancellationToken: Ct);

        Assert.Equal("sold", again.Status.Retirement.Reason);
        Assert.Single(controller.Service<EventLog>().After(0, "ecu1", "", 100), static told => told.Draft.Reason == "NodeRetired");
    }

    private static async Task<V1.NodeService.NodeServiceClient> WithNodesAsync(RunningController controller)
    {
        var nodes = new V1.NodeService.NodeServiceClient(controller.Local());
        await nodes.ApplyAsync(new() { Nodes = { Samples.Node(), Samples.Node("ecu2") } }, cancellationToken: Ct);
        return nodes;
    }
}
