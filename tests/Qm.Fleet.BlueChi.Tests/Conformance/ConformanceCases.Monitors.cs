using Qm.Fleet.BlueChi.Monitors;
using Xunit;

namespace Qm.Fleet.BlueChi.Tests.Conformance;

/// <content>What monitors tell, and to whom.</content>
public abstract partial class ConformanceCases<TFixture>
{
    [Case]
    public async Task Monitor_OneUnit_TellsStatesInTheirOrderAndProperties()
    {
        await using var monitor = await _client.MonitorAsync(Ct);
        await monitor.SubscribeAsync(First, [SiteUnits.Slow], Ct);
        await BlueChi.StartUnitAsync(First, SiteUnits.Slow, Ct);
        await BlueChi.StopUnitAsync(First, SiteUnits.Slow, Ct);

        await Heard.NextAsync<UnitStateChanged>(told => told.ActiveState == "activating", Ct);
        await Heard.NextAsync<UnitStateChanged>(told => told is { ActiveState: "active", SubState: "running", IsVirtual: false }, Ct);
        await Heard.NextAsync<UnitStateChanged>(told => told.ActiveState == "inactive", Ct);
        var properties = Heard.Of<UnitPropertiesChanged>();
        Assert.Contains(properties, told => told.SystemdInterface == UnitInterface && told.Properties["ActiveState"].TryGetString(out var state) && state == "active");
        Assert.Contains(properties, told => told.SystemdInterface == ServiceInterface && told.Properties.ContainsKey("MainPID"));
    }

    [Case]
    public async Task Monitor_ListOfUnits_TellsOfThemOnly()
    {
        await using var monitor = await _client.MonitorAsync(Ct);
        await monitor.SubscribeAsync(First, [SiteUnits.Simple, SiteUnits.Oneshot], Ct);
        await BlueChi.StartUnitAsync(Second, SiteUnits.Simple, Ct);
        await BlueChi.StartUnitAsync(First, SiteUnits.Reloadable, Ct);
        await BlueChi.StartUnitAsync(First, SiteUnits.Oneshot, Ct);
        await BlueChi.StartUnitAsync(First, SiteUnits.Simple, Ct);
        await Heard.NextAsync<UnitStateChanged>(told => told is { Unit: SiteUnits.Simple, ActiveState: "active" }, Ct);

        Assert.Equal(
            [(First, SiteUnits.Oneshot), (First, SiteUnits.Simple)],
            Heard.Of<UnitSignal>().Select(told => (told.Node, told.Unit)).Distinct().Order());
    }

    [Case]
    public async Task Monitor_EveryUnitOfEveryNode_TellsOfBothNodes()
    {
        await using var monitor = await _client.MonitorAsync(Ct);
        await monitor.SubscribeAsync("*", ["*"], Ct);
        await BlueChi.StartUnitAsync(First, SiteUnits.Simple, Ct);
        await BlueChi.StartUnitAsync(Second, SiteUnits.Reloadable, Ct);

        await Heard.NextAsync<UnitStateChanged>(told => told is { Unit: SiteUnits.Simple, ActiveState: "active" } && told.Node == First, Ct);
        await Heard.NextAsync<UnitStateChanged>(told => told is { Unit: SiteUnits.Reloadable, ActiveState: "active" } && told.Node == Second, Ct);
    }

    [Case]
    public async Task Monitor_EveryUnit_BeginsWithTheAgentAndNotWithItsUnits()
    {
        await BlueChi.StartUnitAsync(First, SiteUnits.Simple, Ct);
        Heard.SkipAll();
        await using var monitor = await _client.MonitorAsync(Ct);
        await monitor.SubscribeAsync(First, ["*"], Ct);
        await Heard.NextAsync<UnitNew>(told => told == new UnitNew(First, "*", true), Ct);
        await BlueChi.StartUnitAsync(First, SiteUnits.Reloadable, Ct);
        await Heard.NextAsync<UnitStateChanged>(told => told is { Unit: SiteUnits.Reloadable, ActiveState: "active" }, Ct);

        Assert.DoesNotContain(Heard.Of<UnitSignal>(), told => told.Unit == SiteUnits.Simple);
    }

    [Case]
    public async Task Monitor_UnitIsRunning_BeginsWithItsState()
    {
        await BlueChi.StartUnitAsync(First, SiteUnits.Simple, Ct);
        await using var monitor = await _client.MonitorAsync(Ct);
        await monitor.SubscribeAsync(First, [SiteUnits.Simple], Ct);

        await Heard.NextAsync<UnitNew>(told => told == new UnitNew(First, SiteUnits.Simple, true), Ct);
        await Heard.NextAsync<UnitStateChanged>(told => told == new UnitStateChanged(First, SiteUnits.Simple, "active", "running", true), Ct);
    }

    [Case]
    public async Task Monitor_InterestsOverlap_TellsEverythingOnce()
    {
        await using var monitor = await _client.MonitorAsync(Ct);
        await monitor.SubscribeAsync(First, [SiteUnits.Simple], Ct);
        await monitor.SubscribeAsync("*", [SiteUnits.Simple, SiteUnits.Reloadable], Ct);
        await monitor.SubscribeAsync(First, ["*"], Ct);
        await BlueChi.StartUnitAsync(First, SiteUnits.Simple, Ct);
        await BlueChi.StartUnitAsync(Second, SiteUnits.Reloadable, Ct);
        await Heard.NextAsync<UnitStateChanged>(told => told is { Unit: SiteUnits.Reloadable, ActiveState: "active" }, Ct);

        Assert.Single(Heard.Of<UnitStateChanged>(), told => told is { Unit: SiteUnits.Simple, ActiveState: "active", IsVirtual: false });
    }

    [Case]
    public async Task Monitor_InterestEnds_TellsNoMore()
    {
        await using var monitor = await _client.MonitorAsync(Ct);
        var interest = await monitor.SubscribeAsync(First, [SiteUnits.Simple], Ct);
        await monitor.SubscribeAsync(First, [SiteUnits.Reloadable], Ct);
        await BlueChi.StartUnitAsync(First, SiteUnits.Simple, Ct);
        await Heard.NextAsync<UnitStateChanged>(told => told is { Unit: SiteUnits.Simple, ActiveState: "active" }, Ct);
        await interest.DisposeAsync();
        await BlueChi.StopUnitAsync(First, SiteUnits.Simple, Ct);
        await BlueChi.StartUnitAsync(First, SiteUnits.Reloadable, Ct);
        await Heard.NextAsync<UnitStateChanged>(told => told is { Unit: SiteUnits.Reloadable, ActiveState: "active" }, Ct);

        Assert.DoesNotContain(Heard.Of<UnitStateChanged>(), told => told is { Unit: SiteUnits.Simple, ActiveState: "inactive" });
    }

    [Case]
    public async Task Monitor_InterestEndsFromWithinItsHandler_TellsNoMore()
    {
        var ended = new TaskCompletionSource();
        IAsyncDisposable? interest = null;
        await using var monitor = await BlueChi.CreateMonitorAsync(
            signal =>
            {
                Heard.Add(signal);
                if (signal is UnitStateChanged { Unit: SiteUnits.Simple, ActiveState: "active" })
                {
                    interest!.DisposeAsync().AsTask().ContinueWith(_ => ended.SetResult(), TaskScheduler.Default);
                }
            },
            Ct);
        interest = await monitor.SubscribeAsync(First, [SiteUnits.Simple], Ct);
        await BlueChi.StartUnitAsync(First, SiteUnits.Simple, Ct);
        await ended.Task.WaitAsync(Ct);
        await BlueChi.StopUnitAsync(First, SiteUnits.Simple, Ct);

        Assert.DoesNotContain(Heard.Of<UnitStateChanged>(), told => told is { Unit: SiteUnits.Simple, ActiveState: "inactive" });
    }

    [Case]
    public async Task Monitor_Closed_TellsNoMore()
    {
        var closed = await _client.MonitorAsync(Ct);
        await closed.SubscribeAsync(First, [SiteUnits.Simple], Ct);
        await closed.DisposeAsync();
        Assert.Empty(Heard.Of<UnitStateChanged>());
        await using var monitor = await _client.MonitorAsync(Ct);
        await monitor.SubscribeAsync(First, [SiteUnits.Reloadable], Ct);
        await BlueChi.StartUnitAsync(First, SiteUnits.Simple, Ct);
        await BlueChi.StartUnitAsync(First, SiteUnits.Reloadable, Ct);
        await Heard.NextAsync<UnitStateChanged>(told => told is { Unit: SiteUnits.Reloadable, ActiveState: "active" }, Ct);

        Assert.DoesNotContain(Heard.Of<UnitStateChanged>(), told => told.Unit == SiteUnits.Simple);
        Assert.NotEqual(closed.Id, monitor.Id);
    }

    [Case]
    public async Task Monitor_NodeNotAllowed_IsRefusedWhereBlueChiSaysNothing()
    {
        await using var monitor = await _client.MonitorAsync(Ct);

        await Assert.ThrowsAsync<UnknownNodeException>(() => monitor.SubscribeAsync("nobody", [SiteUnits.Simple], Ct));
    }

    [Case]
    public async Task Monitor_NodeNotConnected_TellsNothingUntilItIs()
    {
        await StopAgentAsync(First);
        await using var monitor = await _client.MonitorAsync(Ct);
        await monitor.SubscribeAsync(First, [SiteUnits.Simple], Ct);
        Assert.Empty(Heard.Of<UnitSignal>());
        await StartAgentAsync(First);
        await BlueChi.StartUnitAsync(First, SiteUnits.Simple, Ct);

        await Heard.NextAsync<UnitStateChanged>(told => told is { Unit: SiteUnits.Simple, ActiveState: "active" }, Ct);
    }
}
