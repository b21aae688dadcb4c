using Qm.Fleet.BlueChi.Jobs;
using Xunit;

namespace Qm.Fleet.BlueChi.Tests.Conformance;

/// <content>What BlueChi does that nobody would think of, and what this client makes of it.</content>
public abstract partial class ConformanceCases
{
    [Fact]
    [Trait("Requirement", "QMF-BLUECHI-003")]
    public async Task Call_AgentIsFrozen_IsUnknownAndCarriedOutLate()
    {
        await BlueChi.StartUnitAsync(First, SiteUnits.Failing, Ct);
        await Site.SetFrozenAsync(First, true, Ct);
        try
        {
            await Assert.ThrowsAsync<OutcomeUnknownException>(() => BlueChi.ResetFailedUnitAsync(First, SiteUnits.Failing, Ct));
            Assert.Equal("failed", await Site.AskSystemdAsync(First, SiteUnits.Failing, "ActiveState", Ct));
        }
        finally
        {
            await Site.SetFrozenAsync(First, false, Ct);
        }

        await OnlineAsync(First);
        await UntilAsync(First, SiteUnits.Failing, state => state.ActiveState == "inactive");
    }

    [Fact]
    public async Task AgentLost_UnitsAreToldOfflineBeforeTheNode()
    {
        await StartedAsync(First, SiteUnits.Simple);
        // Into the same log as the session, for the order between the two.
        await using var monitor = await BlueChi.CreateMonitorAsync(signal => Told.Add(Line(signal)), Ct);
        await monitor.SubscribeAsync(First, [SiteUnits.Simple], Ct);
        await Told.UntilAsync($"{First} {SiteUnits.Simple} active running virtual");

        await Site.StopAgentAsync(First, Ct);
        await Told.UntilAsync($"{First} {SiteUnits.Simple} inactive agent-offline virtual");
        await Told.UntilAsync($"{First} {SiteUnits.Simple} removed virtual");
        await Told.UntilAsync($"{First} Offline");
        await Site.StartAgentAsync(First, Ct);
        await Told.UntilAsync($"{First} Online");
        await Told.UntilAsync($"{First} {SiteUnits.Simple} new virtual");
        await Told.UntilAsync($"{First} {SiteUnits.Simple} active running virtual");
    }

    [Fact]
    public async Task AgentLost_EverythingOfTheNode_IsOneUnitThatGoesAndComes()
    {
        await using var monitor = await BlueChi.CreateMonitorAsync(signal => Told.Add(Line(signal)), Ct);
        await monitor.SubscribeAsync(First, ["*"], Ct);

        await Site.StopAgentAsync(First, Ct);
        await Told.UntilAsync($"{First} * inactive agent-offline virtual");
        await Told.UntilAsync($"{First} * removed virtual");
        await Told.UntilAsync($"{First} Offline");
        await Site.StartAgentAsync(First, Ct);
        await Told.UntilAsync($"{First} Online");
        await Told.UntilAsync($"{First} * new virtual");
    }

    [Fact]
    public async Task ControllerSaysGoodbye_NodesAreToldOfflineAndTheSiteDownOnce()
    {
        await Site.StopControllerAsync(clean: true, Ct);
        var seen = await Told.UntilAsync("disconnected");
        await Site.StartControllerAsync(Ct);

        Assert.Single(seen, "system Down");
        Assert.Contains($"{First} Offline", seen);
        Assert.Contains($"{Second} Offline", seen);
    }

    [Fact]
    [Trait("Requirement", "QMF-BLUECHI-004")]
    public async Task ControllerRestarts_AgentThatSurvivedTellsANewMonitorNothingOfBefore()
    {
        await StartedAsync(First, SiteUnits.Simple);
        var (before, told) = await MonitorAsync((First, SiteUnits.Simple));
        await told.UntilAsync($"{First} {SiteUnits.Simple} active running virtual");
        await RestartControllerAsync();
        await before.DisposeAsync();
        var (monitor, log) = await MonitorAsync((First, SiteUnits.Simple), (First, SiteUnits.Reloadable));
        await using var _ = monitor;

        await StartedAsync(First, SiteUnits.Reloadable);
        var seen = await log.UntilAsync(Runs(SiteUnits.Reloadable, First));

        Assert.DoesNotContain(seen, line => line.Contains(SiteUnits.Simple, StringComparison.Ordinal));
        Assert.Equal("active", (await StateAsync(First, SiteUnits.Simple)).ActiveState);
    }

    [Fact]
    [Trait("Requirement", "QMF-BLUECHI-003")]
    public async Task ControllerRestarts_JobOfBefore_EndsANewOneOfTheSameNumber()
    {
        const string Earlier = "conformance-earlier.service";
        const string Later = "conformance-later.service";
        foreach (var unit in new[] { Earlier, Later })
        {
            await Site.WriteUnitAsync(First, unit, "[Service]\nExecStartPre=/bin/sleep 60\nExecStart=/bin/sleep infinity\n", Ct);
        }

        await BlueChi.ReloadAsync(First, Ct);
        await RestartControllerAsync();
        var earlier = await BlueChi.BeginJobAsync(JobType.Start, First, Earlier, JobMode.Replace, Ct);
        await UntilAsync(First, Earlier, state => state.ActiveState == "activating");
        await RestartControllerAsync();
        var later = await BlueChi.BeginJobAsync(JobType.Start, First, Later, JobMode.Replace, Ct);
        await UntilAsync(First, Later, state => state.ActiveState == "activating");

        Assert.Equal((1u, 1u), (earlier.Id, later.Id));
        // The agent tells the controller of today that number 1 has ended.
        Assert.Equal(JobResult.Done, (await BlueChi.StopUnitAsync(First, Earlier, Ct)).Result);
        var outcome = await later.Outcome.WaitAsync(Ct);
        var state = await StateAsync(First, Later);
        await BlueChi.StopUnitAsync(First, Later, Ct);

        Assert.Equal((new JobOutcome(JobResult.Failed, "canceled"), "activating"), (outcome, state.ActiveState));
    }

    private async Task RestartControllerAsync()
    {
        await Site.StopControllerAsync(clean: false, Ct);
        await Site.StartControllerAsync(Ct);
        BlueChi = await _client!.AfterAsync(BlueChi, Ct);
        await OnlineAsync(First);
        await OnlineAsync(Second);
    }
}
