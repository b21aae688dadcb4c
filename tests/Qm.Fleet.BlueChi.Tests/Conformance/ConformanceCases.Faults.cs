using Qm.Fleet.BlueChi.Jobs;
using Xunit;

namespace Qm.Fleet.BlueChi.Tests.Conformance;

/// <content>Agents and controllers that go in the middle of things.</content>
public abstract partial class ConformanceCases
{
    [Fact]
    [Trait("Requirement", "QMF-BLUECHI-003")]
    public async Task Job_AgentGoes_IsUnknownAtOnceAndTheUnitGoesOn()
    {
        var job = await BlueChi.BeginJobAsync(JobType.Start, First, SiteUnits.Slow, JobMode.Replace, Ct);
        await UntilAsync(First, SiteUnits.Slow, state => state.ActiveState == "activating");

        await Site.StopAgentAsync(First, Ct);
        var outcome = await job.Outcome.WaitAsync(Ct);
        await Site.StartAgentAsync(First, Ct);
        await OnlineAsync(First);

        Assert.Equal((JobResult.Unknown, Settlement.CannotTell), (outcome.Result, outcome.Settlement));
        await UntilAsync(First, SiteUnits.Slow, state => state.ActiveState == "active");
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    [Trait("Requirement", "QMF-BLUECHI-001")]
    [Trait("Requirement", "QMF-BLUECHI-003")]
    public async Task Job_ControllerGoes_IsUnknownAndTheUnitGoesOn(bool clean)
    {
        var job = await BlueChi.BeginJobAsync(JobType.Start, First, SiteUnits.Slow, JobMode.Replace, Ct);
        await UntilAsync(First, SiteUnits.Slow, state => state.ActiveState == "activating");

        await Site.StopControllerAsync(clean, Ct);
        var outcome = await job.Outcome.WaitAsync(Ct);
        await Told.UntilAsync("disconnected");
        await Site.StartControllerAsync(Ct);
        await Told.UntilAsync("connected");
        BlueChi = await _client!.BlueChiAsync(Ct);
        await OnlineAsync(First);

        Assert.Equal(JobResult.Unknown, outcome.Result);
        await UntilAsync(First, SiteUnits.Slow, state => state.ActiveState == "active");
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    [Trait("Requirement", "QMF-BLUECHI-001")]
    [Trait("Requirement", "QMF-BLUECHI-004")]
    public async Task Session_ControllerRestarts_IsAnotherOneWithNumbersFromTheBeginning(bool clean)
    {
        var old = BlueChi;
        var first = await BlueChi.BeginJobAsync(JobType.Start, First, SiteUnits.Simple, JobMode.Replace, Ct);
        var second = await BlueChi.BeginJobAsync(JobType.Start, Second, SiteUnits.Simple, JobMode.Replace, Ct);
        await Task.WhenAll(first.Outcome, second.Outcome).WaitAsync(Ct);

        await Site.StopControllerAsync(clean, Ct);
        await Told.UntilAsync("disconnected");
        await Assert.ThrowsAsync<ConnectionLostException>(() => old.ListNodesAsync(Ct));
        await Site.StartControllerAsync(Ct);
        await Told.UntilAsync("connected");
        BlueChi = await _client!.BlueChiAsync(Ct);
        await OnlineAsync(First);
        await OnlineAsync(Second);
        var again = await BlueChi.BeginJobAsync(JobType.Restart, First, SiteUnits.Simple, JobMode.Replace, Ct);

        Assert.Equal((1u, JobResult.Done), (again.Id, (await again.Outcome.WaitAsync(Ct)).Result));
        await Assert.ThrowsAsync<ConnectionLostException>(() => old.ListNodesAsync(Ct));
    }

    [Fact]
    [Trait("Requirement", "QMF-BLUECHI-004")]
    public async Task Session_ControllerRestarts_HearsOfUnitsAgain()
    {
        await Site.StopControllerAsync(clean: true, Ct);
        await Site.StartControllerAsync(Ct);
        await Told.UntilAsync("disconnected");
        await Told.UntilAsync("connected");
        BlueChi = await _client!.BlueChiAsync(Ct);
        await OnlineAsync(First);

        await StartedAsync(First, SiteUnits.Simple);

        await Told.UntilAsync($"{First} {SiteUnits.Simple} changed");
    }

    [Fact]
    [Trait("Requirement", "QMF-BLUECHI-003")]
    public async Task Start_AgentIsFrozen_IsNeverSentAndNeverCarriedOut()
    {
        var before = await StateAsync(First, SiteUnits.Simple);
        await Site.SetFrozenAsync(First, true, Ct);
        try
        {
            await Assert.ThrowsAsync<NodeOfflineException>(() => BlueChi.StartUnitAsync(First, SiteUnits.Simple, Ct));
        }
        finally
        {
            await Site.SetFrozenAsync(First, false, Ct);
        }

        await OnlineAsync(First);
        await StartedAsync(First, SiteUnits.Reloadable);
        Assert.Equal((before.ActiveState, before.InvocationId), (await StateAsync(First, SiteUnits.Simple)) is var after ? (after.ActiveState, after.InvocationId) : default);
    }

    [Fact]
    [Trait("Requirement", "QMF-BLUECHI-005")]
    public async Task Calls_OneAgentIsFrozen_CostTheOtherNothing()
    {
        await Site.SetFrozenAsync(First, true, Ct);
        try
        {
            var stuck = BlueChi.GetUnitStateAsync(First, SiteUnits.Simple, Ct);
            await StartedAsync(Second, SiteUnits.Simple);

            Assert.False(stuck.IsCompleted);
            await Assert.ThrowsAnyAsync<BlueChiException>(() => stuck);
        }
        finally
        {
            await Site.SetFrozenAsync(First, false, Ct);
        }
    }

    [Fact]
    public async Task SetNodeLogLevel_AgentIsFrozen_IsNotSent()
    {
        await Site.SetFrozenAsync(First, true, Ct);
        try
        {
            await Assert.ThrowsAsync<NodeOfflineException>(() => BlueChi.SetNodeLogLevelAsync(First, BlueChiLogLevel.Info, Ct));
            Assert.NotEmpty(await BlueChi.ListNodesAsync(Ct));
        }
        finally
        {
            await Site.SetFrozenAsync(First, false, Ct);
        }
    }

    [Fact]
    [Trait("Requirement", "QMF-BLUECHI-006")]
    public async Task Flood_OfOneNode_IsNamedAndTheOtherIsHeard()
    {
        await using var client = new SiteClient(Site, Ct, options =>
            (options.FloodLimit, options.FloodPause, options.FloodResync) = (200, TimeSpan.FromSeconds(1), TimeSpan.FromMilliseconds(500)));
        var blueChi = await client.BlueChiAsync(Ct);
        await StartedAsync(First, SiteUnits.Simple);

        try
        {
            await Site.FloodAsync(First, SiteUnits.Simple, 5_000, Ct);
        }
        catch (SiteLacksException e)
        {
            Assert.Skip(e.Message);
        }

        await client.Floods.UntilAsync($"{First} floods");
        Assert.Equal(JobResult.Done, (await blueChi.StartUnitAsync(Second, SiteUnits.Simple, Ct)).Result);
        await client.Told.UntilAsync($"{Second} {SiteUnits.Simple} changed");
        await client.Floods.UntilAsync($"{First} is calm");
    }
}
