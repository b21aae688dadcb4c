using Qm.Fleet.BlueChi.Jobs;
using Xunit;

namespace Qm.Fleet.BlueChi.Tests.Conformance;

/// <content>org.eclipse.bluechi.Controller, and nodes as a whole.</content>
public abstract partial class ConformanceCases
{
    [Fact]
    public async Task ListNodes_TellsEveryAllowedNode()
    {
        var nodes = await BlueChi.ListNodesAsync(Ct);

        Assert.Equal(
            new[] { (Site.Absent, NodeStatus.Offline), (First, NodeStatus.Online), (Second, NodeStatus.Online) }.Order(),
            nodes.Select(node => (node.Name, node.Status)).Order());
        Assert.Equal("", nodes.Single(node => node.Name == Site.Absent).PeerIp);
    }

    [Fact]
    public async Task GetNode_Online_IsSeenWithEveryHeartbeat()
    {
        var node = await SeenAfterAsync(First, null);
        var later = await SeenAfterAsync(First, node.LastSeen);

        Assert.Equal((First, NodeStatus.Online), (node.Name, node.Status));
        Assert.True(node.LastSeenMonotonic < later.LastSeenMonotonic);
    }

    [Fact]
    public async Task GetNode_NeverSeen_AnswersAllTheSame() =>
        Assert.Equal(new NodeDetails(Site.Absent, NodeStatus.Offline, "", null, null), await BlueChi.GetNodeAsync(Site.Absent, Ct));

    [Fact]
    public async Task GetNode_NotAllowed_IsUnknown() => await Assert.ThrowsAsync<UnknownNodeException>(() => BlueChi.GetNodeAsync("nobody", Ct));

    [Fact]
    public async Task Call_NodeIsOffline_SaysSoAtOnce()
    {
        var node = Site.Absent;
        Func<Task>[] calls =
        [
            () => BlueChi.StopUnitAsync(node, SiteUnits.Simple, Ct),
            () => BlueChi.ReloadAsync(node, Ct),
            () => BlueChi.ListUnitsAsync(node, Ct),
            () => BlueChi.ListUnitFilesAsync(node, Ct),
            () => BlueChi.GetUnitStateAsync(node, SiteUnits.Simple, Ct),
            () => BlueChi.GetUnitPropertyAsync(node, SiteUnits.Simple, UnitInterface, "ActiveState", Ct),
            () => BlueChi.SetUnitPropertiesAsync(node, SiteUnits.Simple, true, [], Ct),
            () => BlueChi.FreezeUnitAsync(node, SiteUnits.Simple, Ct),
            () => BlueChi.ThawUnitAsync(node, SiteUnits.Simple, Ct),
            () => BlueChi.KillUnitAsync(node, SiteUnits.Simple, KillWhom.All, 15, Ct),
            () => BlueChi.ResetFailedAsync(node, Ct),
            () => BlueChi.ResetFailedUnitAsync(node, SiteUnits.Simple, Ct),
            () => BlueChi.GetUnitFileStateAsync(node, SiteUnits.Simple, Ct),
            () => BlueChi.EnableUnitFilesAsync(node, [SiteUnits.Reloadable], false, false, Ct),
            () => BlueChi.DisableUnitFilesAsync(node, [SiteUnits.Reloadable], false, Ct),
            () => BlueChi.GetDefaultTargetAsync(node, Ct),
            () => BlueChi.SetDefaultTargetAsync(node, "multi-user.target", false, Ct),
            () => BlueChi.StartTransientUnitAsync(node, Transient, JobMode.Replace, [], Ct),
            () => BlueChi.SetNodeLogLevelAsync(node, BlueChiLogLevel.Info, Ct),
        ];

        foreach (var call in calls)
        {
            Assert.Equal("org.eclipse.bluechi.Offline", (await Assert.ThrowsAsync<NodeOfflineException>(call)).ErrorName);
        }
    }

    [Fact]
    public async Task Call_NodeIsNotAllowed_IsUnknown() => await Assert.ThrowsAsync<UnknownNodeException>(() => BlueChi.ReloadAsync("nobody", Ct));

    [Fact]
    public async Task StartUnit_NodeIsOffline_IsNotSent() =>
        await Assert.ThrowsAsync<NodeOfflineException>(() => BlueChi.StartUnitAsync(Site.Absent, SiteUnits.Simple, Ct));

    [Fact]
    public async Task SystemStatus_OneNodeIsMissing_IsDegraded() => Assert.Equal(SystemStatus.Degraded, await BlueChi.GetSystemStatusAsync(Ct));

    [Fact]
    public async Task SystemStatus_AllNodesGoAndOneComes_IsToldAtEachStep()
    {
        await Site.StopAgentAsync(First, Ct);
        await Site.StopAgentAsync(Second, Ct);
        await Told.UntilAsync("system Down");

        await Site.StartAgentAsync(First, Ct);
        await Told.UntilAsync("system Degraded");
        await Site.StartAgentAsync(Second, Ct);
        await Told.UntilAsync($"{Second} Online");
    }

    [Fact]
    public async Task Node_AgentStopsAndStarts_IsToldAndLastSeenIsKept()
    {
        var before = await SeenAfterAsync(First, null);
        await Site.StopAgentAsync(First, Ct);
        await Told.UntilAsync($"{First} Offline");
        var offline = await BlueChi.GetNodeAsync(First, Ct);
        await Site.StartAgentAsync(First, Ct);
        await Told.UntilAsync($"{First} Online");
        await SeenAfterAsync(First, offline.LastSeen);

        Assert.Equal((NodeStatus.Offline, ""), (offline.Status, offline.PeerIp));
        Assert.True(before.LastSeen <= offline.LastSeen, $"{before.LastSeen:O} {offline.LastSeen:O}");
    }

    [Fact]
    public async Task LogLevel_Set_IsRead()
    {
        await BlueChi.SetLogLevelAsync(BlueChiLogLevel.Error, Ct);
        var changed = await BlueChi.GetLogLevelAsync(Ct);
        await BlueChi.SetLogLevelAsync(BlueChiLogLevel.Info, Ct);

        Assert.Equal((BlueChiLogLevel.Error, BlueChiLogLevel.Info), (changed, await BlueChi.GetLogLevelAsync(Ct)));
    }

    [Fact]
    public async Task LogLevel_NoSuchWord_IsRefused() => await Assert.ThrowsAsync<RefusedException>(() => BlueChi.SetLogLevelAsync(BlueChiLogLevel.Unknown, Ct));

    [Fact]
    public async Task LogLevel_OfANode_IsTaken() => await BlueChi.SetNodeLogLevelAsync(First, BlueChiLogLevel.Info, Ct);

    [Fact]
    public async Task LogTarget_IsOneOfThree() => Assert.Contains(await BlueChi.GetLogTargetAsync(Ct), new[] { "journald", "stderr", "stderr-full" });

    [Fact]
    public async Task ListUnitsOfAllNodes_TellsConnectedNodesOnly()
    {
        await StartedAsync(First, SiteUnits.Simple);
        await StartedAsync(Second, SiteUnits.Simple);

        var units = await BlueChi.ListUnitsOfAllNodesAsync(Ct);

        Assert.Equal(new[] { First, Second }.Order(), units.Keys.Order());
        Assert.All(units.Values, list => Assert.Equal("active", list.Single(unit => unit.Name == SiteUnits.Simple).ActiveState));
    }

    [Fact]
    public async Task ListUnitFilesOfAllNodes_TellsConnectedNodesOnly()
    {
        var files = await BlueChi.ListUnitFilesOfAllNodesAsync(Ct);

        Assert.Equal(new[] { First, Second }.Order(), files.Keys.Order());
        Assert.All(files.Values, list => Assert.Contains(list, file => file.Path.EndsWith('/' + SiteUnits.Simple)));
    }

    [Fact]
    public async Task ListUnitsOfAllNodes_OneAgentIsFrozen_FailsForAll()
    {
        await Site.SetFrozenAsync(Second, true, Ct);
        try
        {
            await Assert.ThrowsAnyAsync<BlueChiException>(() => BlueChi.ListUnitsOfAllNodesAsync(Ct));
            Assert.NotEmpty(await BlueChi.ListUnitsAsync(First, Ct));
        }
        finally
        {
            await Site.SetFrozenAsync(Second, false, Ct);
        }
    }

    private async Task<NodeDetails> SeenAfterAsync(string node, DateTimeOffset? moment)
    {
        using var pace = new PeriodicTimer(TimeSpan.FromMilliseconds(20));
        while (true)
        {
            var details = await BlueChi.GetNodeAsync(node, Ct);
            if (details.LastSeen is { } seen && (moment is null || seen > moment))
            {
                return details;
            }

            await pace.WaitForNextTickAsync(Ct);
        }
    }
}
