using Qm.Fleet.BlueChi.Monitors;
using Xunit;

namespace Qm.Fleet.BlueChi.Tests.Conformance;

/// <content>Monitors that tell others than who made them.</content>
public abstract partial class ConformanceCases<TFixture>
{
    [Case]
    public async Task Monitor_NotAdded_IsNotTold()
    {
        var other = await AnotherClientAsync();
        await using var monitor = await _client.MonitorAsync(Ct);
        await using var joined = await other.BlueChi.JoinMonitorAsync(monitor.Id, other.Heard.Add, Ct);
        await monitor.SubscribeAsync(First, [SiteUnits.Simple], Ct);
        await BlueChi.StartUnitAsync(First, SiteUnits.Simple, Ct);
        await Heard.NextAsync<UnitStateChanged>(told => told.ActiveState == "active", Ct);
        // What BlueChi told the other before this answer is there by now.
        await other.BlueChi.ListNodesAsync(Ct);

        Assert.Empty(other.Heard.Of<UnitSignal>());
    }

    [Case]
    public async Task Monitor_Added_IsToldTheSame()
    {
        var other = await AnotherClientAsync();
        await using var monitor = await _client.MonitorAsync(Ct);
        await using var joined = await other.BlueChi.JoinMonitorAsync(monitor.Id, other.Heard.Add, Ct);
        await monitor.AddPeerAsync(other.BlueChi.UniqueName, Ct);
        await monitor.SubscribeAsync(First, [SiteUnits.Simple], Ct);
        await BlueChi.StartUnitAsync(First, SiteUnits.Simple, Ct);
        var told = await Heard.NextAsync<UnitStateChanged>(told => told.ActiveState == "active", Ct);

        Assert.Equal(told, await other.Heard.NextAsync<UnitStateChanged>(same => same.ActiveState == "active", Ct));
    }

    [Case]
    public async Task Monitor_Removed_IsToldWhyAndNoMore()
    {
        var other = await AnotherClientAsync();
        await using var monitor = await _client.MonitorAsync(Ct);
        await using var joined = await other.BlueChi.JoinMonitorAsync(monitor.Id, other.Heard.Add, Ct);
        var peer = await monitor.AddPeerAsync(other.BlueChi.UniqueName, Ct);
        await monitor.SubscribeAsync(First, [SiteUnits.Simple], Ct);
        await monitor.RemovePeerAsync(peer, "no longer wanted", Ct);
        await other.Heard.NextAsync<PeerRemoved>(told => told.Reason == "no longer wanted", Ct);
        await BlueChi.StartUnitAsync(First, SiteUnits.Simple, Ct);
        await Heard.NextAsync<UnitStateChanged>(told => told.ActiveState == "active", Ct);
        await other.BlueChi.ListNodesAsync(Ct);

        Assert.DoesNotContain(other.Heard.Of<UnitStateChanged>(), told => told.ActiveState == "active");
    }

    [Case]
    public async Task Monitor_Closed_TellsItsPeers()
    {
        var other = await AnotherClientAsync();
        var monitor = await _client.MonitorAsync(Ct);
        await using var joined = await other.BlueChi.JoinMonitorAsync(monitor.Id, other.Heard.Add, Ct);
        await monitor.AddPeerAsync(other.BlueChi.UniqueName, Ct);
        await monitor.DisposeAsync();

        await other.Heard.NextAsync<PeerRemoved>(told => told.Reason == "monitor closed", Ct);
    }

    [Case]
    public async Task Monitor_OwnerLeavesTheBus_TellsItsPeers()
    {
        var owner = await AnotherClientAsync();
        var monitor = await owner.MonitorAsync(Ct);
        await using var joined = await BlueChi.JoinMonitorAsync(monitor.Id, Heard.Add, Ct);
        await monitor.AddPeerAsync(BlueChi.UniqueName, Ct);
        await owner.DisposeAsync();
        _others.Remove(owner);

        await Heard.NextAsync<PeerRemoved>(told => told.Reason == "monitor closed", Ct);
    }

    [Case]
    public async Task AddPeer_AddedAlreadyOrOwner_IsRefused()
    {
        var other = await AnotherClientAsync();
        await using var monitor = await _client.MonitorAsync(Ct);
        await monitor.AddPeerAsync(other.BlueChi.UniqueName, Ct);

        foreach (var name in new[] { other.BlueChi.UniqueName, BlueChi.UniqueName })
        {
            var error = await Assert.ThrowsAsync<RefusedException>(() => monitor.AddPeerAsync(name, Ct));
            Assert.Equal("org.freedesktop.DBus.Error.InvalidArgs", error.ErrorName);
        }
    }

    [Case]
    public async Task AddPeer_NoName_IsRefused()
    {
        await using var monitor = await _client.MonitorAsync(Ct);

        var error = await Assert.ThrowsAsync<RefusedException>(() => monitor.AddPeerAsync("no name", Ct));
        Assert.Equal("org.freedesktop.DBus.Error.InvalidArgs", error.ErrorName);
    }

    [Case]
    public async Task RemovePeer_NeverAdded_Fails()
    {
        await using var monitor = await _client.MonitorAsync(Ct);

        var error = await Assert.ThrowsAsync<OutcomeUnknownException>(() => monitor.RemovePeerAsync(4711, "", Ct));
        Assert.Equal("org.freedesktop.DBus.Error.Failed", error.ErrorName);
    }
}
