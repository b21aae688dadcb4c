using System.Net;
using Grpc.Core;
using Qm.Fleet.BlueChi;
using Qm.Fleet.Controller.Gateway;
using Qm.Fleet.Controller.Reconcile;
using Qm.Fleet.Controller.Storage;
using Qm.Fleet.Controller.Tests.Gateway;

namespace Qm.Fleet.Controller.Tests.Attacks;

[Trait("Requirement", "QMF-ATTACK-002")]
public sealed class StolenKeyTests
{
    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Key_FromAnotherAddressThanBlueChis_IsAWarning()
    {
        await using var controller = await RunningController.StartAsync();
        Listed(controller, "10.0.0.7");
        var guard = controller.Service<ILinkGuard>();

        await guard.AdmitAsync(Hello("boot-1"), IPAddress.Parse("10.0.0.7"), Ct);
        await guard.AdmitAsync(Hello("boot-1"), IPAddress.Parse("10.0.0.66"), Ct);
        await guard.AdmitAsync(Hello("boot-1"), IPAddress.Parse("10.0.0.66"), Ct);

        var told = Assert.Single(Events(controller), static told => told.Reason == LinkGuard.Mismatch);
        Assert.Equal((EventSeverity.Warning, "ecu1", "node:ecu1"), (told.Severity, told.Node, told.Actor));
        Assert.StartsWith("An agent extension dialled in as ecu1 from 10.0.0.66, and BlueChi has the node at 10.0.0.7.", told.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Key_FromAnotherAddressWhereAMatchIsRequired_IsRefusedAndCritical()
    {
        await using var controller = await RunningController.StartAsync(adjust: static options => options.RequirePeerMatch = true);
        Listed(controller, "10.0.0.7");
        var guard = controller.Service<ILinkGuard>();

        await guard.AdmitAsync(Hello("boot-1"), IPAddress.Parse("10.0.0.7"), Ct);
        var error = await Assert.ThrowsAsync<RpcException>(() => guard.AdmitAsync(Hello("boot-1"), IPAddress.Parse("10.0.0.66"), Ct));

        Assert.Equal(StatusCode.PermissionDenied, error.StatusCode);
        Assert.Equal(EventSeverity.Critical, Assert.Single(Events(controller), static told => told.Reason == LinkGuard.Mismatch).Severity);
    }

    [Fact]
    public async Task Match_WhereBlueChiIsNotHeardOrHasNoAddress_IsNotMissed()
    {
        await using var controller = await RunningController.StartAsync(adjust: static options => options.RequirePeerMatch = true);
        using (await Agent.ConnectAsync(controller))
        {
        }
        Listed(controller, "");

        using var agent = await Agent.ConnectAsync(controller, "ecu2");

        Assert.DoesNotContain(Events(controller), static told => told.Reason == LinkGuard.Mismatch);
    }

    [Fact]
    public async Task Key_UsedByTwo_IsACriticalEvent()
    {
        await using var controller = await RunningController.StartAsync();
        using var node = await Agent.ConnectAsync(controller, "ecu1", "boot-1");
        using var thief = await Agent.ConnectAsync(controller, "ecu1", "boot-2");

        using var again = await Agent.ConnectAsync(controller, "ecu1", "boot-1");

        var told = Assert.Single(Events(controller), static told => told.Reason == LinkGuard.Contested);
        Assert.Equal((EventSeverity.Critical, "ecu1"), (told.Severity, told.Node));
        Assert.Contains("Revoke its certificate", told.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Key_OfOneNode_DoesNothingForAnother()
    {
        await using var controller = await RunningController.StartAsync();
        using var honest = await Agent.ConnectAsync(controller, "ecu2");
        using var thief = await Agent.DialAsync(controller, "ecu1", "ecu2");

        var error = await Assert.ThrowsAsync<RpcException>(thief.ReceiveAsync);

        Assert.Equal(StatusCode.PermissionDenied, error.StatusCode);
        Assert.True(controller.Service<IAgentLinks>().IsConnected("ecu2"));
        Assert.Equal(StatusCode.PermissionDenied, await Witness.CallAsync(controller.Node("ecu1")));
        using var http = controller.Http("ecu1");
        using var archive = await http.GetAsync($"/artifacts/{new string('a', 64)}", Ct);
        Assert.Equal(HttpStatusCode.NotFound, archive.StatusCode);
    }

    private static V1.Hello Hello(string boot) => new() { Node = "ecu1", BootId = boot, Protocol = 1 };

    private static IEnumerable<EventDraft> Events(RunningController controller) => controller.Service<EventLog>().After(0, "", "", 100).Select(static stored => stored.Draft);

    private static void Listed(RunningController controller, string address) =>
        controller.Service<BlueChiLink>().Connected(BlueChiOf([new NodeInfo("ecu1", NodeStatus.Online, address), new NodeInfo("ecu2", NodeStatus.Online, address)]), []);

    private static IBlueChi BlueChiOf(IReadOnlyList<NodeInfo> nodes)
    {
        var blueChi = System.Reflection.DispatchProxy.Create<IBlueChi, ListOfNodes>();
        ((ListOfNodes)(object)blueChi).Nodes = nodes;
        return blueChi;
    }

    /// <summary>A BlueChi that tells where its nodes are, and nothing else.</summary>
#pragma warning disable CA1852 // what is made of it is a subtype
    private class ListOfNodes : System.Reflection.DispatchProxy
    {
        public IReadOnlyList<NodeInfo> Nodes { get; set; } = [];

        protected override object? Invoke(System.Reflection.MethodInfo? targetMethod, object?[]? args) =>
            targetMethod!.Name == nameof(IBlueChi.ListNodesAsync) ? Task.FromResult(Nodes) : throw new NotSupportedException(targetMethod.Name);
    }
#pragma warning restore CA1852
}
