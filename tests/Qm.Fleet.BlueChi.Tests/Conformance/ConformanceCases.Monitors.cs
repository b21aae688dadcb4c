using Xunit;

namespace Qm.Fleet.BlueChi.Tests.Conformance;

/// <content>Monitors, and how little their signals are worth.</content>
public abstract partial class ConformanceCases
{
    private static string Runs(string unit, string node) => $"{node} {unit} active running real";

    [Fact]
    public async Task Monitor_OneUnit_TellsItsStatesAndProperties()
    {
        var (monitor, log) = await MonitorAsync((First, SiteUnits.Simple));
        await using var _ = monitor;

        await StartedAsync(First, SiteUnits.Simple);
        await log.UntilAsync(Runs(SiteUnits.Simple, First));
        await BlueChi.StopUnitAsync(First, SiteUnits.Simple, Ct);
        var seen = await log.UntilAsync($"{First} {SiteUnits.Simple} inactive dead real");

        Assert.Contains($"{First} {SiteUnits.Simple} properties", seen);
    }

    [Fact]
    public async Task Monitor_UnitsOfOneNode_TellsNothingElse()
    {
        var log = new SignalLog(Ct);
        await using var monitor = await BlueChi.CreateMonitorAsync(signal => log.Add(Line(signal)), Ct);
        await monitor.SubscribeAsync(First, [SiteUnits.Simple, SiteUnits.Reloadable], Ct);

        await StartedAsync(Second, SiteUnits.Simple);
        await StartedAsync(First, SiteUnits.Oneshot);
        await StartedAsync(First, SiteUnits.Simple);
        await StartedAsync(First, SiteUnits.Reloadable);
        var seen = await log.UntilAsync(Runs(SiteUnits.Reloadable, First));

        Assert.Contains(Runs(SiteUnits.Simple, First), seen);
        Assert.DoesNotContain(seen, line => line.StartsWith(Second, StringComparison.Ordinal) || line.Contains(SiteUnits.Oneshot, StringComparison.Ordinal));
    }

    [Fact]
    public async Task Monitor_EverythingOfEveryNode_TellsBoth()
    {
        var (monitor, log) = await MonitorAsync(("*", "*"));
        await using var _ = monitor;

        await StartedAsync(First, SiteUnits.Simple);
        await log.UntilAsync(Runs(SiteUnits.Simple, First));
        await StartedAsync(Second, SiteUnits.Simple);
        await log.UntilAsync(Runs(SiteUnits.Simple, Second));
    }

    [Fact]
    public async Task Monitor_EverythingOfANode_BeginsWithTheAgentAsAUnit()
    {
        var (monitor, log) = await MonitorAsync((First, "*"));
        await using var _ = monitor;

        Assert.Equal([$"{First} * new virtual"], await log.UntilAsync($"{First} * new virtual"));
    }

    [Fact]
    [Trait("Requirement", "QMF-BLUECHI-007")]
    public async Task Monitor_OverlappingInterests_AreToldOnce()
    {
        var (monitor, log) = await MonitorAsync((First, SiteUnits.Simple), (First, "*"), ("*", SiteUnits.Simple), (First, SiteUnits.Simple));
        await using var _ = monitor;

        await StartedAsync(First, SiteUnits.Simple);
        await StartedAsync(First, SiteUnits.Reloadable);
        var seen = await log.UntilAsync(Runs(SiteUnits.Reloadable, First));

        Assert.Single(seen, line => line == Runs(SiteUnits.Simple, First));
    }

    [Fact]
    [Trait("Requirement", "QMF-BLUECHI-007")]
    public async Task Monitor_OneOfTwoInterestsEnds_TheOtherIsToldOn()
    {
        var log = new SignalLog(Ct);
        await using var monitor = await BlueChi.CreateMonitorAsync(signal => log.Add(Line(signal)), Ct);
        var wide = await monitor.SubscribeAsync(First, ["*"], Ct);
        await monitor.SubscribeAsync(First, [SiteUnits.Reloadable], Ct);
        await wide.DisposeAsync();

        await StartedAsync(First, SiteUnits.Simple);
        await StartedAsync(First, SiteUnits.Reloadable);
        var seen = await log.UntilAsync(Runs(SiteUnits.Reloadable, First));

        Assert.DoesNotContain(Runs(SiteUnits.Simple, First), seen);
    }

    [Fact]
    public async Task Monitor_UnsubscribedFromInsideAHandler_IsSilent()
    {
        var log = new SignalLog(Ct);
        var done = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        IAsyncDisposable? interest = null;
        await using var monitor = await BlueChi.CreateMonitorAsync(signal =>
        {
            if (Line(signal) == Runs(SiteUnits.Simple, First) && interest is not null)
            {
                _ = EndAsync(interest);
            }

            log.Add(Line(signal));
        }, Ct);
        interest = await monitor.SubscribeAsync(First, [SiteUnits.Simple], Ct);
        await monitor.SubscribeAsync(First, [SiteUnits.Reloadable], Ct);

        await StartedAsync(First, SiteUnits.Simple);
        await done.Task.WaitAsync(Ct);
        await log.UntilAsync(Runs(SiteUnits.Simple, First));
        await BlueChi.StopUnitAsync(First, SiteUnits.Simple, Ct);
        await StartedAsync(First, SiteUnits.Reloadable);

        Assert.DoesNotContain($"{First} {SiteUnits.Simple} inactive dead real", await log.UntilAsync(Runs(SiteUnits.Reloadable, First)));

        async Task EndAsync(IAsyncDisposable ends)
        {
            await ends.DisposeAsync();
            done.SetResult();
        }
    }

    [Fact]
    public async Task Monitor_NoSuchNode_IsRefusedHere()
    {
        await using var monitor = await BlueChi.CreateMonitorAsync(_ => { }, Ct);

        await Assert.ThrowsAsync<UnknownNodeException>(() => monitor.SubscribeAsync("nobody", ["*"], Ct));
    }

    [Fact]
    public async Task Monitor_Closed_TakesNothingMore()
    {
        var monitor = await BlueChi.CreateMonitorAsync(_ => { }, Ct);
        var id = monitor.Id;
        await monitor.DisposeAsync();

        Assert.True((await BlueChi.CreateMonitorAsync(_ => { }, Ct)).Id > id);
        await Assert.ThrowsAnyAsync<Exception>(() => monitor.AddPeerAsync(BlueChi.UniqueName, Ct));
    }

    [Fact]
    public async Task Monitor_AgentIsLostAndFresh_TellsVirtuallyAndReplays()
    {
        await StartedAsync(First, SiteUnits.Simple);
        var (monitor, log) = await MonitorAsync((First, SiteUnits.Simple));
        await using var _ = monitor;
        await log.UntilAsync($"{First} {SiteUnits.Simple} active running virtual");

        await Site.StopAgentAsync(First, Ct);
        await log.UntilAsync($"{First} {SiteUnits.Simple} inactive agent-offline virtual");
        await log.UntilAsync($"{First} {SiteUnits.Simple} removed virtual");
        await Site.StartAgentAsync(First, Ct);

        await log.UntilAsync($"{First} {SiteUnits.Simple} new virtual");
        await log.UntilAsync($"{First} {SiteUnits.Simple} active running virtual");
        Assert.Equal("active", (await StateAsync(First, SiteUnits.Simple)).ActiveState);
    }

    [Fact]
    public async Task Monitor_AgentSurvivesACut_TellsNothingAgain()
    {
        await StartedAsync(First, SiteUnits.Simple);
        var (monitor, log) = await MonitorAsync((First, SiteUnits.Simple), (First, SiteUnits.Reloadable));
        await using var _ = monitor;

        await Site.CutAsync(First, Ct);
        try
        {
            await log.UntilAsync($"{First} {SiteUnits.Simple} inactive agent-offline virtual");
            await Told.UntilAsync($"{First} Offline");
        }
        finally
        {
            await Site.HealAsync(First, Ct);
        }

        await OnlineAsync(First);
        await StartedAsync(First, SiteUnits.Reloadable);
        var seen = await log.UntilAsync(Runs(SiteUnits.Reloadable, First));

        Assert.DoesNotContain(seen, line => line.Contains($"{SiteUnits.Simple} active", StringComparison.Ordinal));
        Assert.Equal("active", (await StateAsync(First, SiteUnits.Simple)).ActiveState);
    }

    [Fact]
    public async Task Monitor_Reload_TellsThatUnitsGoAndCome()
    {
        await StartedAsync(First, SiteUnits.Simple);
        var (monitor, log) = await MonitorAsync((First, SiteUnits.Simple), (First, SiteUnits.Reloadable));
        await using var _ = monitor;

        await BlueChi.ReloadAsync(First, Ct);
        await log.UntilAsync($"{First} {SiteUnits.Simple} removed real");
        await log.UntilAsync($"{First} {SiteUnits.Simple} new real");

        // systemd 252 tells no state after that, 257 does; what is so is read, and has not changed.
        Assert.Equal("active", (await StateAsync(First, SiteUnits.Simple)).ActiveState);
    }
}
