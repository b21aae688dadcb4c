using Qm.Fleet.BlueChi.Jobs;
using Xunit;

namespace Qm.Fleet.BlueChi.Tests.Conformance;

/// <content>Jobs of several clients on one unit, which one client alone never gives at once.</content>
public abstract partial class ConformanceCases<TFixture>
{
    [Case]
    public async Task BeginJob_AnotherClientStopsTheUnit_IsCanceled()
    {
        var other = await AnotherClientAsync();
        var start = await BeginAsync(JobType.Start, SiteUnits.Slow);
        await _client.ReachAsync(First, SiteUnits.Slow, "activating", Ct);

        Assert.Equal(JobResult.Done, (await other.BlueChi.StopUnitAsync(First, SiteUnits.Slow, Ct)).Result);
        Assert.Equal(new JobOutcome(JobResult.Failed, "canceled"), await start.Outcome.WaitAsync(Ct));
        Assert.Equal("inactive", await ActiveStateAsync(First, SiteUnits.Slow));
    }

    [Case]
    public async Task BeginJob_ModeFailAgainstAnotherClientsJob_IsRefused()
    {
        var other = await AnotherClientAsync();
        var start = await BeginAsync(JobType.Start, SiteUnits.Slow);
        await _client.ReachAsync(First, SiteUnits.Slow, "activating", Ct);

        var error = await Assert.ThrowsAsync<RefusedException>(() => other.BlueChi.BeginJobAsync(JobType.Stop, First, SiteUnits.Slow, JobMode.Fail, Ct));
        Assert.Equal("org.freedesktop.systemd1.TransactionIsDestructive", error.ErrorName);
        Assert.Equal(JobResult.Done, (await start.Outcome.WaitAsync(Ct)).Result);
    }

    [Case]
    [Trait("Requirement", "QMF-BLUECHI-003")]
    public async Task BeginJob_MergedWithAnotherClientsJob_IsNeverToldToEndAndSettledByTheUnit()
    {
        var other = await AnotherClientAsync();
        var older = await BeginAsync(JobType.Start, SiteUnits.Slow);
        await _client.ReachAsync(First, SiteUnits.Slow, "activating", Ct);
        var newer = await other.BlueChi.BeginJobAsync(JobType.Start, First, SiteUnits.Slow, JobMode.Replace, Ct);

        Assert.Equal(JobResult.Done, (await newer.Outcome.WaitAsync(Ct)).Result);
        var outcome = await older.Outcome.WaitAsync(Ct);
        Assert.Equal((JobResult.Unknown, Settlement.CarriedOut), (outcome.Result, outcome.Settlement));
        // It stays in BlueChi's books until the node goes.
        Assert.Equal(JobState.Running, await older.GetStateAsync(Ct));
        Assert.Equal(JobState.Gone, await newer.GetStateAsync(Ct));
    }

    [Case]
    public async Task Monitor_OfAnotherClientThatLeaves_IsNotDisturbed()
    {
        var other = await AnotherClientAsync();
        await using var monitor = await _client.MonitorAsync(Ct);
        await monitor.SubscribeAsync(First, [SiteUnits.Simple], Ct);
        await (await other.MonitorAsync(Ct)).SubscribeAsync(First, [SiteUnits.Simple], Ct);
        await other.DisposeAsync();
        _others.Remove(other);
        await BlueChi.StartUnitAsync(First, SiteUnits.Simple, Ct);

        await Heard.NextAsync<Monitors.UnitStateChanged>(told => told.ActiveState == "active", Ct);
    }

    [Case]
    public async Task JobsAndStates_OfAnotherClient_AreToldToThisOne()
    {
        var other = await AnotherClientAsync();
        await other.BlueChi.StartUnitAsync(Second, SiteUnits.Simple, Ct);

        await Heard.NextAsync<HintTold>(told => told is { Unit: SiteUnits.Simple, Hint: { ActiveState: "active", IsVirtual: false } } && told.Node == Second, Ct);
    }
}
