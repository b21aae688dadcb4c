using Qm.Fleet.BlueChi.Jobs;
using Xunit;

namespace Qm.Fleet.BlueChi.Tests.Conformance;

/// <content>Jobs that one client gives.</content>
public abstract partial class ConformanceCases<TFixture>
{
    [Case]
    public async Task StartUnit_Inactive_IsDoneAndActive()
    {
        Assert.Equal(new JobOutcome(JobResult.Done, "done"), await BlueChi.StartUnitAsync(First, SiteUnits.Simple, Ct));

        Assert.Equal("active", await ActiveStateAsync(First, SiteUnits.Simple));
        Assert.Equal("inactive", await ActiveStateAsync(Second, SiteUnits.Simple));
    }

    [Case]
    public async Task StartUnit_Active_IsDoneAndTheSameInvocation()
    {
        await BlueChi.StartUnitAsync(First, SiteUnits.Simple, Ct);
        var before = await BlueChi.GetUnitStateAsync(First, SiteUnits.Simple, Ct);

        Assert.Equal(JobResult.Done, (await BlueChi.StartUnitAsync(First, SiteUnits.Simple, Ct)).Result);
        Assert.Equal(before.InvocationId, (await BlueChi.GetUnitStateAsync(First, SiteUnits.Simple, Ct)).InvocationId);
    }

    [Case]
    public async Task StartUnit_CommandFails_IsFailed()
    {
        Assert.Equal(new JobOutcome(JobResult.Failed, "failed"), await BlueChi.StartUnitAsync(First, SiteUnits.Failing, Ct));

        var state = await BlueChi.GetUnitStateAsync(First, SiteUnits.Failing, Ct);
        Assert.Equal(("failed", "failed", "exit-code"), (state.ActiveState, state.SubState, state.Result));
    }

    [Case]
    public async Task StartUnit_Oneshot_IsDoneAndInactiveAgain()
    {
        Assert.Equal(JobResult.Done, (await BlueChi.StartUnitAsync(First, SiteUnits.Oneshot, Ct)).Result);
        Assert.Equal("inactive", await ActiveStateAsync(First, SiteUnits.Oneshot));
    }

    [Case]
    public async Task Jobs_UnitMissing_AreRefused()
    {
        foreach (var job in new[] { BlueChi.StartUnitAsync, BlueChi.StopUnitAsync, BlueChi.RestartUnitAsync, BlueChi.ReloadUnitAsync })
        {
            var outcome = await job(First, "conformance-nosuch.service", Ct);
            Assert.Equal((JobResult.Refused, "org.freedesktop.systemd1.NoSuchUnit"), (outcome.Result, outcome.ErrorName));
        }
    }

    [Case]
    public async Task StopUnit_Active_IsDoneAndInactive()
    {
        await BlueChi.StartUnitAsync(First, SiteUnits.Simple, Ct);

        Assert.Equal(JobResult.Done, (await BlueChi.StopUnitAsync(First, SiteUnits.Simple, Ct)).Result);
        Assert.Equal("inactive", await ActiveStateAsync(First, SiteUnits.Simple));
    }

    [Case]
    public async Task RestartUnit_Active_IsAnotherInvocation()
    {
        await BlueChi.StartUnitAsync(First, SiteUnits.Simple, Ct);
        var before = await BlueChi.GetUnitStateAsync(First, SiteUnits.Simple, Ct);

        Assert.Equal(JobResult.Done, (await BlueChi.RestartUnitAsync(First, SiteUnits.Simple, Ct)).Result);
        var after = await BlueChi.GetUnitStateAsync(First, SiteUnits.Simple, Ct);
        Assert.Equal("active", after.ActiveState);
        Assert.NotEqual(before.InvocationId, after.InvocationId);
    }

    [Case]
    public async Task RestartUnit_Inactive_Starts()
    {
        Assert.Equal(JobResult.Done, (await BlueChi.RestartUnitAsync(First, SiteUnits.Simple, Ct)).Result);
        Assert.Equal("active", await ActiveStateAsync(First, SiteUnits.Simple));
    }

    [Case]
    public async Task ReloadUnit_CanReload_IsDoneAndTheSameInvocation()
    {
        await BlueChi.StartUnitAsync(First, SiteUnits.Reloadable, Ct);
        var before = await BlueChi.GetUnitStateAsync(First, SiteUnits.Reloadable, Ct);

        Assert.Equal(JobResult.Done, (await BlueChi.ReloadUnitAsync(First, SiteUnits.Reloadable, Ct)).Result);
        var after = await BlueChi.GetUnitStateAsync(First, SiteUnits.Reloadable, Ct);
        Assert.Equal(("active", before.InvocationId), (after.ActiveState, after.InvocationId));
    }

    [Case]
    public async Task ReloadUnit_CannotReload_IsRefused()
    {
        await BlueChi.StartUnitAsync(First, SiteUnits.Simple, Ct);

        var outcome = await BlueChi.ReloadUnitAsync(First, SiteUnits.Simple, Ct);
        Assert.Equal((JobResult.Refused, "org.freedesktop.systemd1.JobTypeNotApplicable"), (outcome.Result, outcome.ErrorName));
    }

    [Case]
    public async Task BeginJob_UnitStartsSlowly_RunsAndIsGoneWhenDone()
    {
        var job = await BeginAsync(JobType.Start, SiteUnits.Slow);
        await _client.ReachAsync(First, SiteUnits.Slow, "activating", Ct);
        Assert.Equal(JobState.Running, await job.GetStateAsync(Ct));
        Assert.False(job.Outcome.IsCompleted);

        Assert.Equal(JobResult.Done, (await job.Outcome.WaitAsync(Ct)).Result);
        Assert.Equal(JobState.Gone, await job.GetStateAsync(Ct));
        Assert.Equal("active", await ActiveStateAsync(First, SiteUnits.Slow));
    }

    [Case]
    public async Task CancelJob_Running_IsCanceledAndTheUnitGoesOn()
    {
        var job = await BeginAsync(JobType.Start, SiteUnits.Slow);
        await _client.ReachAsync(First, SiteUnits.Slow, "activating", Ct);
        await job.CancelAsync(Ct);

        Assert.Equal(new JobOutcome(JobResult.Failed, "canceled"), await job.Outcome.WaitAsync(Ct));
        Assert.Equal(JobState.Gone, await job.GetStateAsync(Ct));
        await _client.ReachAsync(First, SiteUnits.Slow, "active", Ct);
    }

    [Case]
    public async Task CancelJob_Ended_DoesNothing()
    {
        var job = await BeginAsync(JobType.Start, SiteUnits.Simple);
        await job.Outcome.WaitAsync(Ct);
        await job.CancelAsync(Ct);

        Assert.Equal(JobResult.Done, (await job.Outcome).Result);
        Assert.Equal("active", await ActiveStateAsync(First, SiteUnits.Simple));
    }

    [Case]
    public async Task BeginJob_OneWasRefusedBefore_SkipsItsNumber()
    {
        var first = await BeginAsync(JobType.Start, SiteUnits.Simple);
        await first.Outcome.WaitAsync(Ct);
        await Assert.ThrowsAsync<UnknownUnitException>(() => BeginAsync(JobType.Start, "conformance-nosuch.service"));
        var second = await BeginAsync(JobType.Stop, SiteUnits.Simple);
        await second.Outcome.WaitAsync(Ct);

        Assert.Equal(first.Id + 2, second.Id);
    }

    [Case]
    public async Task BeginJob_ModeIsolateNotAllowed_IsRefused()
    {
        var error = await Assert.ThrowsAsync<RefusedException>(() => BlueChi.BeginJobAsync(JobType.Start, First, SiteUnits.Simple, JobMode.Isolate, Ct));

        Assert.Equal("org.freedesktop.systemd1.NoIsolation", error.ErrorName);
    }

    [Case]
    public async Task BeginJob_ManyUnitsOfManyNodes_AllEndAsTheirOwn()
    {
        string[] units = [SiteUnits.Simple, SiteUnits.Failing, SiteUnits.Oneshot, SiteUnits.Reloadable];
        var outcomes = await Task.WhenAll(
            from node in new[] { First, Second }
            from unit in units
            select BlueChi.StartUnitAsync(node, unit, Ct));

        Assert.Equal(
            [JobResult.Done, JobResult.Failed, JobResult.Done, JobResult.Done, JobResult.Done, JobResult.Failed, JobResult.Done, JobResult.Done],
            outcomes.Select(outcome => outcome.Result));
    }

    private Task<IUnitJob> BeginAsync(JobType type, string unit) => BlueChi.BeginJobAsync(type, First, unit, JobMode.Replace, Ct);
}
