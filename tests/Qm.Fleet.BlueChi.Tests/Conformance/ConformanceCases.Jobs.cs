using Qm.Fleet.BlueChi.Jobs;
using Xunit;

namespace Qm.Fleet.BlueChi.Tests.Conformance;

/// <content>Jobs that go as they should, or are refused.</content>
public abstract partial class ConformanceCases
{
    private const string NoSuchUnit = "org.freedesktop.systemd1.NoSuchUnit";

    [Fact]
    public async Task Start_UnitIsDown_IsDoneAndActive()
    {
        var outcome = await BlueChi.StartUnitAsync(First, SiteUnits.Simple, Ct);

        Assert.Equal(new JobOutcome(JobResult.Done, "done"), outcome);
        Assert.Equal("active", await Site.AskSystemdAsync(First, SiteUnits.Simple, "ActiveState", Ct));
        Assert.Equal("inactive", await Site.AskSystemdAsync(Second, SiteUnits.Simple, "ActiveState", Ct));
    }

    [Fact]
    public async Task Start_UnitIsActive_IsDoneAndChangesNothing()
    {
        await StartedAsync(First, SiteUnits.Simple);
        var before = await StateAsync(First, SiteUnits.Simple);

        await StartedAsync(First, SiteUnits.Simple);

        Assert.Equal(before, await StateAsync(First, SiteUnits.Simple));
    }

    [Fact]
    public async Task Stop_UnitIsActive_IsDoneAndInactive()
    {
        await StartedAsync(First, SiteUnits.Simple);

        Assert.Equal(JobResult.Done, (await BlueChi.StopUnitAsync(First, SiteUnits.Simple, Ct)).Result);

        Assert.Equal("inactive", (await StateAsync(First, SiteUnits.Simple)).ActiveState);
    }

    [Fact]
    public async Task Restart_UnitIsActive_IsAnotherInvocation()
    {
        await StartedAsync(First, SiteUnits.Simple);
        var before = await StateAsync(First, SiteUnits.Simple);

        Assert.Equal(JobResult.Done, (await BlueChi.RestartUnitAsync(First, SiteUnits.Simple, Ct)).Result);
        var after = await StateAsync(First, SiteUnits.Simple);

        Assert.Equal(("active", 32), (after.ActiveState, after.InvocationId.Length));
        Assert.NotEqual(before.InvocationId, after.InvocationId);
        Assert.True(after.InactiveExit > before.InactiveExit);
    }

    [Fact]
    public async Task Restart_UnitIsDown_StartsIt()
    {
        Assert.Equal(JobResult.Done, (await BlueChi.RestartUnitAsync(First, SiteUnits.Simple, Ct)).Result);
        Assert.Equal("active", (await StateAsync(First, SiteUnits.Simple)).ActiveState);
    }

    [Fact]
    public async Task Start_UnitFails_IsFailed()
    {
        Assert.Equal(new JobOutcome(JobResult.Failed, "failed"), await BlueChi.StartUnitAsync(First, SiteUnits.Failing, Ct));

        var state = await StateAsync(First, SiteUnits.Failing);
        Assert.Equal(("failed", "exit-code"), (state.ActiveState, state.Result));
    }

    [Fact]
    public async Task Start_Oneshot_IsDoneAndInactiveAgain()
    {
        Assert.Equal(JobResult.Done, (await BlueChi.StartUnitAsync(First, SiteUnits.Oneshot, Ct)).Result);
        Assert.Equal("inactive", (await StateAsync(First, SiteUnits.Oneshot)).ActiveState);
    }

    [Theory]
    [InlineData(JobType.Start)]
    [InlineData(JobType.Stop)]
    [InlineData(JobType.Restart)]
    public async Task Job_NoSuchUnit_IsRefused(JobType type)
    {
        var error = await Assert.ThrowsAsync<UnknownUnitException>(() => BlueChi.BeginJobAsync(type, First, "nosuch.service", JobMode.Replace, Ct));

        Assert.Equal(NoSuchUnit, error.ErrorName);
    }

    [Fact]
    public async Task Start_NoSuchUnit_IsAnOutcomeOfTheWait()
    {
        var outcome = await BlueChi.StartUnitAsync(First, "nosuch.service", Ct);

        Assert.Equal((JobResult.Refused, NoSuchUnit), (outcome.Result, outcome.ErrorName));
    }

    [Theory]
    [InlineData("no/such/name")]
    [InlineData("name-without-type")]
    public async Task Start_NoNameOfAUnit_IsRefused(string unit) => Assert.Equal(JobResult.Refused, (await BlueChi.StartUnitAsync(First, unit, Ct)).Result);

    [Fact]
    public async Task Start_IsolateWhatMayNot_IsRefused()
    {
        var error = await Assert.ThrowsAsync<RefusedException>(() => BlueChi.BeginJobAsync(JobType.Start, First, SiteUnits.Simple, JobMode.Isolate, Ct));

        Assert.Equal("org.freedesktop.systemd1.NoIsolation", error.ErrorName);
    }

    [Fact]
    public async Task Reload_UnitThatCan_IsDone()
    {
        await StartedAsync(First, SiteUnits.Reloadable);

        Assert.Equal(JobResult.Done, (await BlueChi.ReloadUnitAsync(First, SiteUnits.Reloadable, Ct)).Result);
    }

    [Fact]
    public async Task Reload_UnitThatCannot_IsRefused()
    {
        await StartedAsync(First, SiteUnits.Simple);

        var outcome = await BlueChi.ReloadUnitAsync(First, SiteUnits.Simple, Ct);

        Assert.Equal((JobResult.Refused, "org.freedesktop.systemd1.JobTypeNotApplicable"), (outcome.Result, outcome.ErrorName));
    }

    [Fact]
    public async Task Job_UnderWay_IsRunningAndThenGone()
    {
        var job = await BlueChi.BeginJobAsync(JobType.Start, First, SiteUnits.Slow, JobMode.Replace, Ct);
        await UntilAsync(First, SiteUnits.Slow, state => state.ActiveState == "activating");

        Assert.Equal(JobState.Running, await job.GetStateAsync(Ct));
        Assert.False(job.Outcome.IsCompleted);
        Assert.Equal(JobResult.Done, (await job.Outcome.WaitAsync(Ct)).Result);
        Assert.Equal(JobState.Gone, await job.GetStateAsync(Ct));
        await job.CancelAsync(Ct);
    }

    [Fact]
    public async Task Job_Cancelled_IsFailedWithSystemdsWordAndTheUnitGoesOn()
    {
        var job = await BlueChi.BeginJobAsync(JobType.Start, First, SiteUnits.Slow, JobMode.Replace, Ct);
        await UntilAsync(First, SiteUnits.Slow, state => state.ActiveState == "activating");

        await job.CancelAsync(Ct);

        Assert.Equal(new JobOutcome(JobResult.Failed, "canceled"), await job.Outcome.WaitAsync(Ct));
        Assert.Equal(JobState.Gone, await job.GetStateAsync(Ct));
        // What it set going goes on.
        Assert.Equal("active", (await UntilAsync(First, SiteUnits.Slow, state => state.ActiveState != "activating")).ActiveState);
    }

    [Fact]
    public async Task Job_StoppedBySomebodyElse_IsCanceled()
    {
        await using var other = new SiteClient(Site, Ct);
        var job = await BlueChi.BeginJobAsync(JobType.Start, First, SiteUnits.Slow, JobMode.Replace, Ct);
        await UntilAsync(First, SiteUnits.Slow, state => state.ActiveState == "activating");

        var stop = await (await other.BlueChiAsync(Ct)).StopUnitAsync(First, SiteUnits.Slow, Ct);

        Assert.Equal((JobResult.Done, new JobOutcome(JobResult.Failed, "canceled")), (stop.Result, await job.Outcome.WaitAsync(Ct)));
    }

    [Fact]
    public async Task Job_ModeFailAgainstSomebodyElses_IsRefused()
    {
        await using var other = new SiteClient(Site, Ct);
        var blueChi = await other.BlueChiAsync(Ct);
        var job = await BlueChi.BeginJobAsync(JobType.Start, First, SiteUnits.Slow, JobMode.Replace, Ct);
        await UntilAsync(First, SiteUnits.Slow, state => state.ActiveState == "activating");

        var error = await Assert.ThrowsAsync<RefusedException>(() => blueChi.BeginJobAsync(JobType.Stop, First, SiteUnits.Slow, JobMode.Fail, Ct));

        Assert.Equal("org.freedesktop.systemd1.TransactionIsDestructive", error.ErrorName);
        Assert.Equal(JobResult.Done, (await job.Outcome.WaitAsync(Ct)).Result);
    }

    [Fact]
    [Trait("Requirement", "QMF-BLUECHI-003")]
    public async Task Job_MergedWithSomebodyElses_IsSettledByTheState()
    {
        await using var other = new SiteClient(Site, Ct);
        var blueChi = await other.BlueChiAsync(Ct);
        var older = await BlueChi.BeginJobAsync(JobType.Start, First, SiteUnits.Slow, JobMode.Replace, Ct);
        await UntilAsync(First, SiteUnits.Slow, state => state.ActiveState == "activating");
        var newer = await blueChi.BeginJobAsync(JobType.Start, First, SiteUnits.Slow, JobMode.Replace, Ct);

        Assert.True(newer.Id > older.Id);
        Assert.Equal(JobResult.Done, (await newer.Outcome.WaitAsync(Ct)).Result);
        var outcome = await older.Outcome.WaitAsync(Ct);
        Assert.Equal((JobResult.Unknown, Settlement.CarriedOut), (outcome.Result, outcome.Settlement));
        // It stays in BlueChi's books until its node goes.
        Assert.Equal((JobState.Running, JobState.Gone), (await older.GetStateAsync(Ct), await newer.GetStateAsync(Ct)));
    }

    [Fact]
    public async Task Job_OneWasRefusedBefore_SkipsItsNumber()
    {
        var before = await BlueChi.BeginJobAsync(JobType.Start, First, SiteUnits.Simple, JobMode.Replace, Ct);
        await before.Outcome.WaitAsync(Ct);
        await Assert.ThrowsAsync<UnknownUnitException>(() => BlueChi.BeginJobAsync(JobType.Start, First, "nosuch.service", JobMode.Replace, Ct));
        var after = await BlueChi.BeginJobAsync(JobType.Stop, First, SiteUnits.Simple, JobMode.Replace, Ct);
        await after.Outcome.WaitAsync(Ct);

        Assert.Equal(before.Id + 2, after.Id);
    }

    [Fact]
    [Trait("Requirement", "QMF-BLUECHI-005")]
    public async Task Jobs_OfDifferentUnitsAndNodes_DoNotWaitForEachOther()
    {
        var slow = await BlueChi.BeginJobAsync(JobType.Start, First, SiteUnits.Slow, JobMode.Replace, Ct);

        await StartedAsync(First, SiteUnits.Simple);
        await StartedAsync(Second, SiteUnits.Simple);

        Assert.False(slow.Outcome.IsCompleted);
        Assert.Equal(JobResult.Done, (await slow.Outcome.WaitAsync(Ct)).Result);
    }

    [Fact]
    [Trait("Requirement", "QMF-BLUECHI-005")]
    public async Task Jobs_OfOneUnit_AreCarriedOutInOrder()
    {
        var outcomes = await Task.WhenAll(
            BlueChi.StartUnitAsync(First, SiteUnits.Simple, Ct), BlueChi.RestartUnitAsync(First, SiteUnits.Simple, Ct), BlueChi.StopUnitAsync(First, SiteUnits.Simple, Ct));

        Assert.All(outcomes, outcome => Assert.Equal(JobResult.Done, outcome.Result));
        Assert.Equal("inactive", (await StateAsync(First, SiteUnits.Simple)).ActiveState);
    }
}
