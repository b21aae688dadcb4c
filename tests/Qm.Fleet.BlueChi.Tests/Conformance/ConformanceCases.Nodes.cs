using Qm.Fleet.BlueChi.Jobs;
using Xunit;

namespace Qm.Fleet.BlueChi.Tests.Conformance;

/// <content>Nodes, and the site as a whole.</content>
public abstract partial class ConformanceCases<TFixture>
{
    [Case]
    public async Task ListNodes_SomeConnected_TellsEveryAllowedNode()
    {
        var nodes = await BlueChi.ListNodesAsync(Ct);

        Assert.Equal(
            new (string, NodeStatus)[] { (Absent, NodeStatus.Offline), (First, NodeStatus.Online), (Second, NodeStatus.Online) }.Order(),
            nodes.Select(node => (node.Name, node.Status)).Order());
        Assert.Equal("", nodes.Single(node => node.Name == Absent).PeerIp);
    }

    [Case]
    public async Task GetNode_Connected_HasBeenSeen()
    {
        var node = await BlueChi.GetNodeAsync(First, Ct);

        Assert.Equal((First, NodeStatus.Online), (node.Name, node.Status));
        Assert.NotNull(node.LastSeen);
        Assert.NotNull(node.LastSeenMonotonic);
    }

    [Case]
    public async Task GetNode_NeverConnected_IsOfflineAndWasNeverSeen() =>
        Assert.Equal(new NodeDetails(Absent, NodeStatus.Offline, "", null, null), await BlueChi.GetNodeAsync(Absent, Ct));

    [Case]
    public async Task GetNode_NotAllowed_IsUnknown()
    {
        var error = await Assert.ThrowsAsync<UnknownNodeException>(() => BlueChi.GetNodeAsync("nobody", Ct));

        Assert.Equal("org.freedesktop.DBus.Error.ServiceUnknown", error.ErrorName);
    }

    [Case]
    public async Task GetSystemStatus_SomeConnected_IsDegraded() => Assert.Equal(SystemStatus.Degraded, await BlueChi.GetSystemStatusAsync(Ct));

    [Case]
    public async Task SystemStatus_LastAgentGoesAndFirstReturns_IsToldOnceEach()
    {
        await StopAgentAsync(First);
        await StopAgentAsync(Second);
        await Heard.NextAsync<SystemTold>(told => told.Status == SystemStatus.Down, Ct);
        Assert.Equal(SystemStatus.Down, await BlueChi.GetSystemStatusAsync(Ct));
        await StartAgentAsync(Second);
        await StartAgentAsync(First);

        Assert.Equal(SystemStatus.Degraded, await BlueChi.GetSystemStatusAsync(Ct));
        Assert.Equal([SystemStatus.Down, SystemStatus.Degraded], Heard.Of<SystemTold>().Select(told => told.Status));
    }

    [Case]
    public async Task NodeStatus_AgentStops_IsToldAndLastSeenStays()
    {
        await StopAgentAsync(First);

        var node = await BlueChi.GetNodeAsync(First, Ct);
        Assert.Equal((NodeStatus.Offline, ""), (node.Status, node.PeerIp));
        Assert.NotNull(node.LastSeen);
        Assert.Equal(NodeStatus.Online, (await BlueChi.GetNodeAsync(Second, Ct)).Status);
    }

    [Case]
    public async Task NodeStatus_AgentReturns_IsToldAndLastSeenAdvances()
    {
        var before = await BlueChi.GetNodeAsync(First, Ct);
        await StopAgentAsync(First);
        await StartAgentAsync(First);

        var after = await BlueChi.GetNodeAsync(First, Ct);
        Assert.True(after.LastSeen > before.LastSeen, $"{before.LastSeen:o} before, {after.LastSeen:o} after");
        Assert.True(after.LastSeenMonotonic > before.LastSeenMonotonic);
    }

    [Case]
    public async Task NodeStatus_AgentStops_TellsOfNoOtherNode()
    {
        await StopAgentAsync(First);
        await StartAgentAsync(First);

        Assert.Equal([new(First, NodeStatus.Offline), new(First, NodeStatus.Online)], Heard.Of<NodeTold>().Skip((await BlueChi.ListNodesAsync(Ct)).Count));
    }

    [Case]
    public async Task AnyCall_NodeNotConnected_IsOfflineAtOnce()
    {
        Func<Task>[] calls =
        [
            () => BlueChi.StartUnitAsync(Absent, SiteUnits.Simple, Ct),
            () => BlueChi.ListUnitsAsync(Absent, Ct),
            () => BlueChi.ListUnitFilesAsync(Absent, Ct),
            () => BlueChi.GetUnitStateAsync(Absent, SiteUnits.Simple, Ct),
            () => BlueChi.GetUnitPropertyAsync(Absent, SiteUnits.Simple, UnitInterface, "ActiveState", Ct),
            () => BlueChi.ReloadAsync(Absent, Ct),
            () => BlueChi.ResetFailedAsync(Absent, Ct),
            () => BlueChi.FreezeUnitAsync(Absent, SiteUnits.Simple, Ct),
            () => BlueChi.KillUnitAsync(Absent, SiteUnits.Simple, KillWhom.All, 15, Ct),
            () => BlueChi.GetUnitFileStateAsync(Absent, SiteUnits.Simple, Ct),
            () => BlueChi.EnableUnitFilesAsync(Absent, [SiteUnits.Reloadable], false, false, Ct),
            () => BlueChi.GetDefaultTargetAsync(Absent, Ct),
            () => BlueChi.SetNodeLogLevelAsync(Absent, BlueChiLogLevel.Info, Ct),
            () => BlueChi.StartTransientUnitAsync(Absent, "conformance-transient.service", JobMode.Replace, [], Ct),
        ];

        foreach (var call in calls)
        {
            Assert.Equal("org.eclipse.bluechi.Offline", (await Assert.ThrowsAsync<NodeOfflineException>(call)).ErrorName);
        }
    }

    [Case]
    public async Task AnyCall_NodeNotAllowed_IsUnknown()
    {
        await Assert.ThrowsAsync<UnknownNodeException>(() => BlueChi.ListUnitsAsync("nobody", Ct));
        await Assert.ThrowsAsync<UnknownNodeException>(() => BlueChi.StartUnitAsync("nobody", SiteUnits.Simple, Ct));
    }

    [Case]
    public async Task SetLogLevel_EachLevel_IsReadBack()
    {
        var before = await BlueChi.GetLogLevelAsync(Ct);
        foreach (var level in new[] { BlueChiLogLevel.Warn, BlueChiLogLevel.Error, BlueChiLogLevel.Info, before })
        {
            await BlueChi.SetLogLevelAsync(level, Ct);
            Assert.Equal(level, await BlueChi.GetLogLevelAsync(Ct));
        }
    }

    [Case]
    public async Task GetLogTarget_Always_IsOneOfThree() => Assert.Matches("^(journald|stderr|stderr-full)$", await BlueChi.GetLogTargetAsync(Ct));

    [Case]
    public async Task SetNodeLogLevel_Connected_IsTaken() => await BlueChi.SetNodeLogLevelAsync(First, BlueChiLogLevel.Info, Ct);
}
