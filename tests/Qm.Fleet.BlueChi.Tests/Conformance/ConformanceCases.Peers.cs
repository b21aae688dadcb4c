using Xunit;

namespace Qm.Fleet.BlueChi.Tests.Conformance;

/// <content>Monitors that tell others than who made them.</content>
public abstract partial class ConformanceCases
{
    [Fact]
    public async Task Monitor_Peer_IsToldUntilItIsRemoved()
    {
        await using var other = new SiteClient(Site, Ct);
        var blueChi = await other.BlueChiAsync(Ct);
        var (monitor, _) = await MonitorAsync((First, SiteUnits.Simple));
        await using var __ = monitor;
        var log = new SignalLog(Ct);
        await using var joined = await blueChi.JoinMonitorAsync(monitor.Id, signal => log.Add(Line(signal)), Ct);

        var peer = await monitor.AddPeerAsync(blueChi.UniqueName, Ct);
        await StartedAsync(First, SiteUnits.Simple);
        await log.UntilAsync(Runs(SiteUnits.Simple, First));
        await monitor.RemovePeerAsync(peer, "enough", Ct);

        await log.UntilAsync("peer removed enough");
    }

    [Fact]
    public async Task Monitor_PeerTwiceOrNoName_IsRefused()
    {
        await using var other = new SiteClient(Site, Ct);
        var name = (await other.BlueChiAsync(Ct)).UniqueName;
        await using var monitor = await BlueChi.CreateMonitorAsync(_ => { }, Ct);
        await monitor.AddPeerAsync(name, Ct);

        await Assert.ThrowsAsync<RefusedException>(() => monitor.AddPeerAsync(name, Ct));
        await Assert.ThrowsAsync<RefusedException>(() => monitor.AddPeerAsync("no name", Ct));
    }

    [Fact]
    public async Task Monitor_NoSuchPeer_CannotBeRemoved()
    {
        await using var monitor = await BlueChi.CreateMonitorAsync(_ => { }, Ct);

        await Assert.ThrowsAnyAsync<BlueChiException>(() => monitor.RemovePeerAsync(4711, "", Ct));
    }

    [Fact]
    public async Task Monitor_SomebodyWhoIsNoPeer_IsToldNothing()
    {
        await using var other = new SiteClient(Site, Ct);
        var blueChi = await other.BlueChiAsync(Ct);
        var (monitor, told) = await MonitorAsync((First, SiteUnits.Simple));
        await using var _ = monitor;
        var log = new SignalLog(Ct);
        await using var joined = await blueChi.JoinMonitorAsync(monitor.Id, signal => log.Add(Line(signal)), Ct);

        await StartedAsync(First, SiteUnits.Simple);
        await told.UntilAsync(Runs(SiteUnits.Simple, First));
        await monitor.AddPeerAsync(blueChi.UniqueName, Ct);
        await BlueChi.StopUnitAsync(First, SiteUnits.Simple, Ct);
        var seen = await log.UntilAsync($"{First} {SiteUnits.Simple} inactive dead real");

        Assert.DoesNotContain(Runs(SiteUnits.Simple, First), seen);
    }

    [Fact]
    public async Task Monitor_OwnerAsItsOwnPeer_IsRefused()
    {
        await using var monitor = await BlueChi.CreateMonitorAsync(_ => { }, Ct);

        var error = await Assert.ThrowsAsync<RefusedException>(() => monitor.AddPeerAsync(BlueChi.UniqueName, Ct));
        Assert.Equal("org.freedesktop.DBus.Error.InvalidArgs", error.ErrorName);
    }

    [Fact]
    public async Task Monitor_Closed_TellsItsPeers()
    {
        await using var other = new SiteClient(Site, Ct);
        var blueChi = await other.BlueChiAsync(Ct);
        var monitor = await BlueChi.CreateMonitorAsync(_ => { }, Ct);
        var log = new SignalLog(Ct);
        await using var joined = await blueChi.JoinMonitorAsync(monitor.Id, signal => log.Add(Line(signal)), Ct);
        await monitor.AddPeerAsync(blueChi.UniqueName, Ct);

        await monitor.DisposeAsync();

        await log.UntilAsync("peer removed monitor closed");
    }

    [Fact]
    public async Task Monitor_OwnerLeavesTheBus_IsClosedToItsPeers()
    {
        var log = new SignalLog(Ct);
        IAsyncDisposable joined;
        await using (var owner = new SiteClient(Site, Ct))
        {
            var monitor = await (await owner.BlueChiAsync(Ct)).CreateMonitorAsync(_ => { }, Ct);
            joined = await BlueChi.JoinMonitorAsync(monitor.Id, signal => log.Add(Line(signal)), Ct);
            await monitor.AddPeerAsync(BlueChi.UniqueName, Ct);
        }

        await log.UntilAsync("peer removed monitor closed");
        await joined.DisposeAsync();
    }
}
