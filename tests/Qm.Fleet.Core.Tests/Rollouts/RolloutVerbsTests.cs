using Qm.Fleet.Core.Rollouts;
using Xunit;

namespace Qm.Fleet.Core.Tests.Rollouts;

[Trait("Requirement", "QMF-ROLL-005")]
public sealed class RolloutVerbsTests
{
    [Fact]
    public void PauseAndResume_Repeated_ChangeNothingMore()
    {
        var fleet = new ModelFleet(RolloutPolicy.Default, ModelFleet.Names(2));
        var paused = RolloutVerbs.Pause(fleet.State, "admin", "the bench is in use", fleet.Now)!;
        Assert.Equal("admin paused it: the bench is in use", paused.Stop!.ToString());
        Assert.Same(paused, RolloutVerbs.Pause(paused, "other", "", fleet.Now));
        fleet.State = paused;
        fleet.Settle();
        Assert.Empty(fleet.Order);

        fleet.State = RolloutVerbs.Resume(fleet.State)!;
        Assert.Same(fleet.State, RolloutVerbs.Resume(fleet.State));
        fleet.Settle();
        Assert.Equal(RolloutPhase.Succeeded, fleet.State.Phase);
    }

    [Fact]
    public void Resume_AfterAFailure_GoesOnWithoutThatNode()
    {
        var fleet = Failed(out var failed);
        Assert.Equal(RolloutPhase.Paused, fleet.State.Phase);

        fleet.State = RolloutVerbs.Resume(fleet.State)!;
        fleet.Settle();

        Assert.Equal((RolloutPhase.Succeeded, MemberState.Returned), (fleet.State.Phase, fleet.State.Members[failed].State));
        Assert.Equal("2 of 3 nodes ready; as far as its policy asks; ecu02 failed: QM does not start", fleet.Decision.Summary);
    }

    [Fact]
    [Trait("Requirement", "QMF-RULE-8")]
    public void Retry_WhereItFailed_IsTheOnlyWayToHaveItTriedAgain()
    {
        var fleet = Failed(out var failed);
        fleet[failed].Bad = null;
        fleet.Settle();
        Assert.Equal(1, fleet.Order.Count(name => name == failed));

        Assert.Same(fleet.State, RolloutVerbs.Retry(fleet.State, ["ecu01"], fleet.Now));
        fleet.State = RolloutVerbs.Retry(fleet.State, [failed], fleet.Now)!;
        fleet.Settle();

        Assert.Equal((2, RolloutPhase.Succeeded), (fleet.Order.Count(name => name == failed), fleet.State.Phase));
        Assert.All(fleet.Nodes, node => Assert.Equal(ModelFleet.New, node.Revision));
    }

    [Fact]
    public void Abort_InTheMiddle_LeavesNodesWhereTheyAre()
    {
        var fleet = Failed(out _);
        fleet.State = RolloutVerbs.Abort(fleet.State, "admin", "")!;
        fleet.Settle();

        Assert.Equal((RolloutPhase.Aborted, "admin ended it"), (fleet.State.Phase, fleet.Decision.Message));
        Assert.Equal([ModelFleet.New, ModelFleet.Old, ModelFleet.Old], fleet.Nodes.Select(node => node.Revision));
        Assert.Same(fleet.State, RolloutVerbs.Abort(fleet.State, "other", ""));
    }

    [Theory]
    [InlineData(RolloutPhase.Succeeded)]
    [InlineData(RolloutPhase.Superseded)]
    [InlineData(RolloutPhase.RolledBack)]
    public void Verbs_OnARolloutThatHasEnded_AreNotPossible(RolloutPhase phase)
    {
        var state = new RolloutState(ModelFleet.Old, ModelFleet.New, phase);

        Assert.Null(RolloutVerbs.Pause(state, "admin", "", default));
        Assert.Null(RolloutVerbs.Resume(state));
        Assert.Null(RolloutVerbs.Abort(state, "admin", ""));
    }

    private static ModelFleet Failed(out string failed)
    {
        var fleet = new ModelFleet(RolloutPolicy.Default, ModelFleet.Names(3));
        failed = "ecu02";
        fleet[failed].Bad = (ModelFleet.New, "QM does not start");
        fleet.Settle();
        return fleet;
    }
}
