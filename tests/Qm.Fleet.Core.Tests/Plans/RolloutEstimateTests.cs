using Qm.Fleet.Core.Plans;
using Qm.Fleet.Core.Rollouts;
using Qm.Fleet.Core.Tests.Rollouts;
using Xunit;

namespace Qm.Fleet.Core.Tests.Plans;

/// <summary>What is slow is told apart from what does not end.</summary>
[Trait("Requirement", "QMF-ROLL-005")]
public sealed class RolloutEstimateTests
{
    private static readonly TimeSpan Soak = TimeSpan.FromMinutes(2);
    private static readonly TimeSpan Move = TimeSpan.FromSeconds(40);

    [Fact]
    public void Of_NobodyHasComeThrough_SaysWhatIsTheMost()
    {
        var fleet = Begun(RolloutPolicy.Default, 3);
        var estimate = Estimate(fleet);

        Assert.Equal((null, false, "no node has come through yet; one that takes longer than 10 min has failed"), (estimate.End, estimate.Never, estimate.Because));
    }

    [Fact]
    public void Of_FirstIsThrough_CountsWavesAndSoaks()
    {
        var policy = RolloutPolicy.Default with { Soak = Soak, Batches = [new(null, new(1, false)), new(null, Amount.All)], MaxUnavailable = new(2, false) };
        var fleet = Begun(policy, 6);
        Bring(fleet, "ecu01");
        var estimate = Estimate(fleet);

        // The canary's soak, then five nodes by two, and the last one's soak.
        Assert.Equal(Move, estimate.PerNode);
        Assert.Equal([fleet.Now + Soak, fleet.Now + Soak + (3 * Move) + Soak], estimate.Batches);
        Assert.Equal((estimate.Batches[1], "", false), (estimate.End, estimate.Because, estimate.Never));
    }

    [Fact]
    public void Of_WindowIsClosed_BeginsWhenItOpens()
    {
        Assert.True(MaintenanceWindow.TryParse("12:00-12:30 UTC", out var window, out _));
        var fleet = Begun(RolloutPolicy.Default with { Windows = [window] }, 2);
        Bring(fleet, "ecu01");
        Assert.Equal(fleet.Now + Move, Estimate(fleet).End);

        fleet["ecu02"].Postpones = true;
        fleet.Turn(TimeSpan.FromHours(1));
        Assert.Equal(new DateTimeOffset(2026, 6, 2, 12, 0, 0, TimeSpan.Zero) + Move, Estimate(fleet).End);
    }

    [Fact]
    public void Of_NodeThatIsAway_NobodyCanTell()
    {
        var fleet = Begun(RolloutPolicy.Default with { MaxUnavailable = new(2, false) }, 3, away: "ecu03");
        Bring(fleet, "ecu01");
        var estimate = Estimate(fleet);

        Assert.Equal((null, "ecu03: on its way", false), (estimate.End, estimate.Because, estimate.Never));
        Assert.Equal(fleet.Now + Move, Assert.Single(estimate.Batches));
    }

    [Fact]
    public void Of_WhatOnlySomebodyCanEnd_SaysSoAtOnce()
    {
        var fleet = Begun(RolloutPolicy.Default, 3);
        fleet["ecu02"].Cordoned = true;
        Bring(fleet, "ecu01");
        Assert.True(Estimate(fleet).Never);

        fleet.State = RolloutVerbs.Pause(fleet.State, "anna", "the bench is in use", fleet.Now)!;
        fleet.Turn();
        Assert.Equal((true, "ecu02: the node is cordoned"), (Estimate(fleet).Never, Estimate(fleet).Because));
    }

    [Fact]
    public void PaceOf_TwiceAsLongAsTheOthers_IsSlow()
    {
        var fleet = Begun(RolloutPolicy.Default, 3);
        Bring(fleet, "ecu01");
        fleet.Turn();
        fleet["ecu02"].Work();
        fleet.Turn(TimeSpan.FromSeconds(70));
        Assert.Equal("", Estimate(fleet).PaceOf(fleet.State.Members["ecu02"], fleet.Now));

        fleet.Turn(TimeSpan.FromSeconds(30));
        Assert.Equal("slow: 100 s so far, the others took 40 s", Estimate(fleet).PaceOf(fleet.State.Members["ecu02"], fleet.Now));
    }

    private static ModelFleet Begun(RolloutPolicy policy, int count, string? away = null)
    {
        var fleet = new ModelFleet(policy, ModelFleet.Names(count));
        if (away is not null)
        {
            fleet[away].Seen = Availability.Away;
        }

        fleet.Turn();
        foreach (var node in fleet.Nodes)
        {
            node.Work();
        }

        fleet.Turn();
        return fleet;
    }

    private static void Bring(ModelFleet fleet, string name)
    {
        Assert.True(fleet[name].Work());
        fleet.Turn(Move);
        Assert.True(fleet[name].Work());
        fleet.Turn();
    }

    private static RolloutEstimate Estimate(ModelFleet fleet) => RolloutEstimate.Of(fleet.Decision, fleet.Policy, fleet.View(), fleet.Now);
}
