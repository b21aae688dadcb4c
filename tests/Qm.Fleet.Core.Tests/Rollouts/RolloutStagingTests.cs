using Qm.Fleet.Core.Rollouts;
using Xunit;

namespace Qm.Fleet.Core.Tests.Rollouts;

/// <summary>The revision comes everywhere before the first node is disrupted, and nobody holds that up for ever.</summary>
[Trait("Requirement", "QMF-ROLL-001")]
public sealed class RolloutStagingTests
{
    [Fact]
    public void Advance_NodeStagesLate_DisruptsNobodyBeforeItIsStaged()
    {
        var fleet = new ModelFleet(RolloutPolicy.Default, ModelFleet.Names(3));
        fleet.Turn();
        fleet["ecu01"].Work();
        fleet["ecu03"].Work();
        fleet.Turn(TimeSpan.FromMinutes(1));

        Assert.Empty(fleet.Order);
        var hold = fleet.Decision.Holds["ecu01"];
        Assert.Equal(("Prefetch", "the revision is staged everywhere first; still without it: ecu02"), (hold.Gate, hold.Reason));
        Assert.Equal(hold.Until, fleet.Decision.Wake);
        Assert.Equal("Staging", fleet.Decision.Holds["ecu02"].Gate);

        fleet["ecu02"].Work();
        fleet.Settle();
        Assert.Equal(ModelFleet.Names(3), fleet.Order);
    }

    // One that never comes to it holds the others up for as long as a move may take, and no longer.
    [Fact]
    public void Advance_NodeNeverStages_HoldsTheOthersUpForTheDeadlineOnly()
    {
        var fleet = new ModelFleet(RolloutPolicy.Default, ModelFleet.Names(3));
        fleet["ecu02"].IsSlow = true;
        fleet.Settle();
        Assert.Empty(fleet.Order);

        fleet.Turn(RolloutPolicy.Default.Deadline);
        fleet.Settle();
        Assert.Equal(["ecu01", "ecu03"], fleet.Order);
        Assert.Equal(("Staging", RolloutPhase.Progressing), (fleet.Decision.Holds["ecu02"].Gate, fleet.State.Phase));
    }

    [Fact]
    public void Advance_NodeJoinsLater_HoldsNobodyUp()
    {
        var fleet = new ModelFleet(RolloutPolicy.Default, ModelFleet.Names(3));
        fleet.Turn();
        Assert.All(fleet.Nodes, node => node.Work());
        fleet.Turn();
        fleet.Add("ecu04");
        fleet["ecu04"].IsSlow = true;
        fleet.Settle();

        Assert.Equal(ModelFleet.Names(3), fleet.Order);
    }
}
