using Qm.Fleet.Core.Rollouts;
using Xunit;

namespace Qm.Fleet.Core.Tests.Rollouts;

/// <summary>What is not known, or was not watched, is held neither for a node nor against it.</summary>
[Trait("Requirement", "QMF-ROLL-001")]
public sealed class RolloutUncertaintyTests
{
    [Fact]
    [Trait("Requirement", "QMF-RULE-3")]
    public void Advance_BlueChiHasJustStarted_QmsItHasNotHeardOfAreNotMoved()
    {
        var fleet = new ModelFleet(RolloutPolicy.Default, ModelFleet.Names(4));
        Stage(fleet);
        Assert.All(fleet.Nodes, node => node.Seen = Availability.Unregistered);
        fleet.State = new(ModelFleet.Old, ModelFleet.New, RolloutPhase.Progressing);
        fleet.Settle();

        Assert.Empty(fleet.Order);
        Assert.Equal("Budget", fleet.Decision.Holds["ecu01"].Gate);

        Assert.All(fleet.Nodes, node => node.Seen = null);
        fleet.Turn();
        Assert.Equal(["ecu01"], fleet.Order);
    }

    [Fact]
    public void Advance_OneQmThatBlueChiDoesNotHear_MayBeMendedWhereTheOthersLeaveRoom()
    {
        var fleet = new ModelFleet(RolloutPolicy.Default, ModelFleet.Names(3));
        Stage(fleet);
        fleet["ecu02"].Seen = Availability.Unregistered;
        fleet.State = new(ModelFleet.Old, ModelFleet.New, RolloutPhase.Progressing);
        fleet.Turn();

        Assert.Equal(["ecu02"], fleet.Order);
    }

    [Fact]
    public void Advance_ControllerWasAway_TheDeadlineBeginsAnew()
    {
        var policy = RolloutPolicy.Default with { Deadline = TimeSpan.FromMinutes(10) };
        var fleet = new ModelFleet(policy, ModelFleet.Names(1));
        Stage(fleet);
        fleet.Turn();
        Assert.Equal(MemberState.Moving, fleet.State.Members["ecu01"].State);

        var back = fleet.Now.AddHours(1);
        Dictionary<string, RolloutNode> View() => new(StringComparer.Ordinal)
        {
            ["ecu01"] = fleet.View()["ecu01"] with { Availability = Availability.Unheard, IsKnown = false, Progress = NodeProgress.Working, WatchedSince = back },
        };
        var soon = RolloutEngine.Advance(fleet.State, policy, View(), back);
        Assert.Equal(MemberState.Moving, soon.State.Members["ecu01"].State);
        Assert.Equal(back.AddMinutes(10), soon.Wake);

        var late = RolloutEngine.Advance(fleet.State, policy, View(), back.AddMinutes(10));
        Assert.True(late.State.Members["ecu01"].HasFailed);
    }

    [Fact]
    public void Advance_BatchOfNodesThatAreAway_TakesOthersThatFit()
    {
        var fleet = new ModelFleet(RolloutPolicy.Default with { Batches = [ModelFleet.Batch("", "1"), ModelFleet.Batch("")], MaxUnavailable = new(2, false) }, ["ecu01"]);
        fleet["ecu01"].Seen = Availability.Away;
        fleet.Settle();
        Assert.Equal("batch 1 waits for one of ecu01", fleet.Decision.Message);

        fleet.Add("ecu02");
        fleet.Settle();
        Assert.Equal(["ecu02"], fleet.Order);
    }

    [Fact]
    public void Advance_NodeOfTheBatchWasNotLookedAtYet_NobodyTakesItsPlace()
    {
        var fleet = new ModelFleet(RolloutPolicy.Default with { Batches = [ModelFleet.Batch("", "1"), ModelFleet.Batch("")], MaxUnavailable = new(2, false) }, ModelFleet.Names(3));
        fleet.Turn();
        fleet["ecu01"].Seen = Availability.Unheard;
        fleet.Settle();
        Assert.Empty(fleet.Order);

        fleet["ecu01"].Seen = null;
        fleet.Settle();
        Assert.Equal("ecu01", fleet.Order[0]);
    }

    [Fact]
    public void Advance_CanaryIsAway_NobodyTakesItsPlace()
    {
        var fleet = new ModelFleet(RolloutPolicy.Default with { Batches = [ModelFleet.Batch("canary=yes"), ModelFleet.Batch("")] }, ModelFleet.Names(3));
        fleet["ecu01"].Labels["canary"] = "yes";
        fleet["ecu01"].Seen = Availability.Away;
        fleet.Settle();

        Assert.Empty(fleet.Order);
        Assert.Contains("waits for one of ecu01", fleet.Decision.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Advance_BrokenNodeJoinsTheLastBatch_IsNotWaitedForByThoseThatWaitForIt()
    {
        var fleet = new ModelFleet(RolloutPolicy.Default with { Soak = TimeSpan.FromMinutes(1) }, ModelFleet.Names(2));
        Stage(fleet);
        fleet.Settle();
        Assert.Equal(["ecu01", "ecu02"], fleet.Order);

        fleet.Add("ecu03");
        fleet["ecu03"].IsUp = false;
        fleet.Settle();
        Assert.Equal(["ecu01", "ecu02", "ecu03"], fleet.Order);
    }

    [Fact]
    public void TargetOf_WaitingNodeThatHasNotGotWhatItHad_GetsThatBeforeTheNewOneIsStagedAgain()
    {
        var member = new RolloutMember(MemberState.Waiting, default, ModelFleet.Old);
        var decision = new RolloutDecision(
            new(ModelFleet.Old, ModelFleet.New, RolloutPhase.Progressing) { Members = RolloutState.NoMembers.Add("ecu01", member) },
            System.Collections.Immutable.ImmutableSortedDictionary<string, RolloutHold>.Empty, [], "", null);

        Assert.Equal(new(ModelFleet.New, false), decision.TargetOf("ecu01", "", static _ => false));
        Assert.Equal(new(ModelFleet.Old, true), decision.TargetOf("ecu01", ModelFleet.New, static _ => false));
        Assert.Equal(new(ModelFleet.Old, true), decision.TargetOf("ecu01", ModelFleet.Old, static _ => false));
        Assert.Equal(new(ModelFleet.New, false), decision.TargetOf("ecu01", ModelFleet.Old, static _ => true));
    }

    [Fact]
    public void HealthMark_OneUnitIsStartedAnew_TheRestartsOfOthersAreNotCountedAgain()
    {
        var before = Mark(3, ("qm.service", 1), ("radio.service", 2));

        Assert.Equal((0, 0), Mark(3, ("qm.service", 1), ("radio.service", 0)).Since(before));
        Assert.Equal((1, 2), Mark(4, ("qm.service", 1), ("radio.service", 4)).Since(before));
        Assert.Equal((2, 1), Mark(2, ("qm.service", 1), ("radio.service", 1)).Since(before));

        var renewed = before.Renewed(Mark(0, ("radio.service", 0), ("map.service", 5)));
        Assert.Equal(Mark(0, ("map.service", 5), ("qm.service", 1), ("radio.service", 0)), renewed);
        Assert.Equal((1, 2), Mark(1, ("map.service", 6), ("radio.service", 1)).Since(renewed));
    }

    [Fact]
    public void Advance_WorkloadIsStartedAnewByTheMove_ARestartOfQmBeforeItIsForgotten()
    {
        var fleet = new ModelFleet(RolloutPolicy.Default with { Soak = TimeSpan.FromMinutes(1) }, ModelFleet.Names(1));
        fleet["ecu01"].Health = Mark(0, ("qm.service", 1), ("radio.service", 1));
        Stage(fleet);
        fleet.Turn();
        fleet["ecu01"].Health = Mark(0, ("qm.service", 1), ("radio.service", 0));
        fleet.Settle();
        fleet.Turn(TimeSpan.FromMinutes(1));

        Assert.Equal(MemberState.Done, fleet.State.Members["ecu01"].State);
    }

    private static HealthMark Mark(long kills, params (string Unit, long Restarts)[] restarts) => new(
        kills, HealthMark.None.Restarts.AddRange(restarts.Select(unit => KeyValuePair.Create(unit.Unit, unit.Restarts))));

    private static void Stage(ModelFleet fleet)
    {
        fleet.Turn();
        Assert.All(fleet.Nodes, node => Assert.True(node.Work()));
    }
}
