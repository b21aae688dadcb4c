using Qm.Fleet.Core.Rollouts;
using Xunit;

namespace Qm.Fleet.Core.Tests.Rollouts;

[Trait("Requirement", "QMF-ROLL-001")]
[Trait("Requirement", "QMF-RULE-3")]
public sealed class RolloutEngineTests
{
    private static readonly TimeSpan Soak = TimeSpan.FromMinutes(2);

    [Fact]
    public void Advance_DefaultPolicy_MovesOneAfterTheOther()
    {
        var fleet = new ModelFleet(RolloutPolicy.Default, ModelFleet.Names(4));

        Assert.Equal("4 of 4 nodes ready; every value was read back as wanted", fleet.Settle().Summary);
        Assert.Equal(RolloutPhase.Succeeded, fleet.State.Phase);
        Assert.Equal(ModelFleet.Names(4), fleet.Order);
    }

    [Fact]
    public void Advance_SettledFleet_ChangesNothing()
    {
        var fleet = new ModelFleet(RolloutPolicy.Default, ModelFleet.Names(3));
        fleet.Settle();
        var (state, order) = (fleet.State, fleet.Order.Count);

        var decision = fleet.Turn(TimeSpan.FromHours(1));

        Assert.Same(state, decision.State);
        Assert.Empty(decision.Notices);
        Assert.Equal(order, fleet.Order.Count);
    }

    [Fact]
    public void Advance_Batches_GoInTheirOrderAndTakeEveryNode()
    {
        var policy = new RolloutPolicy { Batches = [ModelFleet.Batch("canary=true"), ModelFleet.Batch("", "25%"), ModelFleet.Batch("")], MaxUnavailable = new(50, true) };
        var fleet = new ModelFleet(policy, ModelFleet.Names(8));
        fleet["ecu07"].Labels["canary"] = "true";
        fleet.Settle();

        Assert.Equal(RolloutPhase.Succeeded, fleet.State.Phase);
        Assert.Equal(["ecu07", "ecu01", "ecu02"], fleet.Order.Take(3));
        Assert.Equal([1, 2, 5], fleet.State.Members.Values.CountBy(member => member.Batch!.Value).OrderBy(batch => batch.Key).Select(batch => batch.Value));
        Assert.Equal(
            ["batch 1 of 3 (canary=true): ecu07", "batch 2 of 3 (25%): ecu01, ecu02", "batch 3 of 3 (100%): 5 nodes"],
            fleet.Notices.Where(notice => notice.Reason == "BatchStarted").Select(notice => notice.Message));
    }

    [Fact]
    public void Advance_NodeDownForAnotherReason_Counts()
    {
        var fleet = new ModelFleet(RolloutPolicy.Default, ModelFleet.Names(3));
        fleet["ecu03"].Seen = Availability.Away;
        fleet.Settle();

        Assert.Empty(fleet.Order);
        var hold = fleet.Decision.Holds["ecu01"];
        Assert.Equal(("Budget", "1 of the 3 nodes of the fleet are down (ecu03), and maxUnavailable 1 allows 1", false), (hold.Gate, hold.Reason, hold.Never));
        Assert.Equal("Offline", fleet.Decision.Holds["ecu03"].Gate);

        fleet["ecu03"].Seen = null;
        fleet.Settle();
        Assert.Equal(RolloutPhase.Succeeded, fleet.State.Phase);
    }

    [Fact]
    [Trait("Requirement", "QMF-RETIRE-003")]
    public void Advance_NodesBesideItInTheSameBudget_CountAndAreNoneOfIts()
    {
        var fleet = new ModelFleet(RolloutPolicy.Default, ModelFleet.Names(3));
        fleet["ecu03"].Seen = Availability.Away;
        fleet.Settle();
        fleet["ecu03"].Seen = null;
        // As when it has staged what is to come.
        var nodes = fleet.View().ToDictionary(static node => node.Key, node => node.Value with { Staged = fleet.State.To }, StringComparer.Ordinal);
        RolloutNode leaves = new() { Labels = new Dictionary<string, string>(), Availability = Availability.Serving };

        RolloutDecision With(RolloutNode beside) => RolloutEngine.Advance(
            fleet.State, fleet.Policy, nodes, fleet.Now, fleet.Decision, new Dictionary<string, RolloutNode>(StringComparer.Ordinal) { ["ecu09"] = beside });

        foreach (var down in new[] { leaves with { GoesDown = true }, leaves with { Availability = Availability.Down } })
        {
            var held = With(down);
            Assert.DoesNotContain(held.State.Members.Values, static member => member.State == MemberState.Moving);
            Assert.Equal("1 of the 4 nodes of the fleet are down (ecu09), and maxUnavailable 1 allows 1", held.Holds["ecu01"].Reason);
        }

        var goes = With(leaves);
        Assert.Equal("ecu01", Assert.Single(goes.State.Members, static member => member.Value.State == MemberState.Moving).Key);
        Assert.Equal(ModelFleet.Names(3), goes.State.Members.Keys);
    }

    [Fact]
    public void Advance_DownNodeThatNobodyBringsUp_IsToldToNeedSomebody()
    {
        var fleet = new ModelFleet(RolloutPolicy.Default, ModelFleet.Names(3));
        (fleet["ecu03"].IsUp, fleet["ecu03"].Cordoned) = (false, true);
        fleet.Settle();

        var hold = fleet.Decision.Holds["ecu01"];
        Assert.Equal(("Budget", "mending ecu03, or a larger maxUnavailable", true), (hold.Gate, hold.Release, hold.Never));
        Assert.True(fleet.Decision.Holds["ecu03"].Never);
    }

    [Fact]
    public void Advance_WindowClosesBeforeAnythingWasDone_TheNodeWaitsAgainAndNothingIsHeldAgainstIt()
    {
        Assert.True(MaintenanceWindow.TryParse("12:00-12:30 UTC", out var window, out _));
        var fleet = new ModelFleet(RolloutPolicy.Default with { Windows = [window] }, ModelFleet.Names(2));
        fleet.Turn();
        Assert.All(fleet.Nodes, node => node.Work());
        fleet.Turn();
        Assert.Equal(["ecu01"], fleet.Order);

        fleet["ecu01"].Postpones = true;
        fleet.Turn(TimeSpan.FromMinutes(30));
        Assert.Equal(MemberState.Waiting, fleet.State.Members["ecu01"].State);
        Assert.Equal(("Window", false), (fleet.Decision.Holds["ecu01"].Gate, fleet.State.Members["ecu01"].HasFailed));
        Assert.Contains(fleet.Notices, notice => notice is { Reason: "NodePostponed", Node: "ecu01", IsBad: false });

        fleet["ecu01"].Postpones = false;
        fleet.Turn(TimeSpan.FromHours(23.5));
        fleet.Settle();
        Assert.Equal(RolloutPhase.Succeeded, fleet.State.Phase);
    }

    // What a turn makes is made for what changed, however many nodes wait.
    [Fact]
    public void Advance_NothingIsNew_AllocatesNoMoreForAThousandNodesThanForTen()
    {
        Assert.InRange(Allocated(1_000), 0, Allocated(10) + 512);

        static long Allocated(int count)
        {
            var fleet = new ModelFleet(RolloutPolicy.Default with { BudgetPer = "vehicle", Soak = Soak }, ModelFleet.Names(count));
            foreach (var (node, index) in fleet.Nodes.Select((node, index) => (node, index)))
            {
                node.Labels["vehicle"] = $"v{index / 5}";
            }

            fleet.Turn();
            Assert.All(fleet.Nodes, node => node.Work());
            fleet.Turn();
            fleet.Turn();
            var (view, least) = (fleet.View(), long.MaxValue);
            for (var round = 0; round < 5; round++)
            {
                var before = GC.GetAllocatedBytesForCurrentThread();
                var decision = RolloutEngine.Advance(fleet.State, fleet.Policy, view, fleet.Now, fleet.Decision);
                least = Math.Min(least, GC.GetAllocatedBytesForCurrentThread() - before);
                Assert.Same(fleet.State, decision.State);
            }

            return least;
        }
    }

    [Fact]
    public void Advance_NodeThatIsDownAlready_NeedsNoRoom()
    {
        var fleet = new ModelFleet(RolloutPolicy.Default, ModelFleet.Names(3));
        Assert.All(fleet.Nodes, node => (node.Revision, node.IsUp) = ("", false));
        fleet.Turn();
        Assert.All(fleet.Nodes, node => node.Work());
        fleet.Turn();

        Assert.Equal(ModelFleet.Names(3), fleet.Order);
    }

    [Fact]
    public void Advance_NodeAway_IsPassedOverAndCaughtUp()
    {
        var fleet = new ModelFleet(RolloutPolicy.Default with { MaxUnavailable = new(2, false) }, ModelFleet.Names(3));
        fleet["ecu01"].Seen = Availability.Away;
        fleet.Settle();

        Assert.Equal(["ecu02", "ecu03"], fleet.Order);
        Assert.Equal((RolloutPhase.Progressing, "waits for ecu01: on its way"), (fleet.State.Phase, fleet.Decision.Message));

        fleet["ecu01"].Seen = null;
        fleet.Settle();
        Assert.Equal(RolloutPhase.Succeeded, fleet.State.Phase);
        Assert.Equal("ecu01", fleet.Order[^1]);
    }

    [Fact]
    public void Advance_NodeCordoned_IsLeftAloneAndHoldsNobodyUp()
    {
        var fleet = new ModelFleet(RolloutPolicy.Default, ModelFleet.Names(3));
        fleet["ecu02"].Cordoned = true;
        fleet.Settle();

        Assert.Equal(["ecu01", "ecu03"], fleet.Order);
        Assert.Equal(("Cordoned", RolloutPhase.Progressing), (fleet.Decision.Holds["ecu02"].Gate, fleet.State.Phase));
    }

    [Fact]
    public void Advance_BudgetPerGroup_HoldsInEachGroup()
    {
        var fleet = new ModelFleet(RolloutPolicy.Default with { BudgetPer = "vehicle" }, ModelFleet.Names(4));
        foreach (var (name, vehicle) in ModelFleet.Names(4).Zip(["a", "a", "b", "b"]))
        {
            fleet[name].Labels["vehicle"] = vehicle;
        }

        fleet.Turn();
        Assert.All(fleet.Nodes, node => node.Work());
        fleet.Turn();

        Assert.Equal(["ecu01", "ecu03"], fleet.Order);
        Assert.Equal("1 of the 2 nodes of vehicle=a are down (ecu01), and maxUnavailable 1 allows 1", fleet.Decision.Holds["ecu02"].Reason);
    }

    [Fact]
    public void Advance_BudgetThatRoundsToNothing_CanNeverBeMet()
    {
        var fleet = new ModelFleet(RolloutPolicy.Default with { MaxUnavailable = new(25, true) }, ModelFleet.Names(3));
        fleet.Settle();

        Assert.Empty(fleet.Order);
        Assert.All(fleet.Decision.Holds.Values, hold => Assert.True(hold.Never));
        Assert.Equal("waits for ecu01: maxUnavailable 25% of the 3 nodes of the fleet is 0, so none may ever go down", fleet.Decision.Message);
    }

    // It passes apply, and dies 40 s later.
    [Fact]
    public void Advance_RevisionThatDiesLater_IsStoppedBySoakAndOnlyItsBatchMoved()
    {
        var policy = new RolloutPolicy
        {
            Batches = [ModelFleet.Batch("", "2"), ModelFleet.Batch("", "10%"), ModelFleet.Batch("", "20%"), ModelFleet.Batch("", "40%"), ModelFleet.Batch("")],
            MaxUnavailable = new(2, false),
            Soak = Soak,
            OnFailure = OnFailure.RollbackBatch,
        };
        var fleet = new ModelFleet(policy, ModelFleet.Names(20));
        fleet.Settle();
        Assert.Equal(["ecu01", "ecu02"], fleet.Order);
        Assert.Equal(("Soaking", fleet.Now + Soak), (fleet.Decision.Holds["ecu01"].Gate, fleet.Decision.Holds["ecu01"].Until));

        (fleet["ecu02"].Fault, fleet["ecu02"].IsUp) = ("radio.service is failed (exit-code)", false);
        fleet.Turn(TimeSpan.FromSeconds(40));
        Assert.Equal(RolloutPhase.RollingBack, fleet.State.Phase);
        fleet["ecu02"].Fault = null;
        fleet.Settle();

        Assert.Equal((RolloutPhase.RolledBack, "went back, because ecu02 failed: while it soaked: radio.service is failed (exit-code)"), (fleet.State.Phase, fleet.Decision.Message));
        Assert.Equal(["ecu01", "ecu02"], fleet.Order);
        Assert.All(fleet.Nodes, node => Assert.Equal(ModelFleet.Old, node.Revision));
        Assert.Equal(["ecu02"], fleet.State.Members.Where(member => member.Value.HasFailed).Select(member => member.Key));
        Assert.Contains(fleet.Notices, notice => notice is { Reason: "RevisionFailed", Node: "ecu02", IsBad: true });
    }

    [Theory]
    [InlineData(OnFailure.Pause, RolloutPhase.Paused, "New Old Old")]
    [InlineData(OnFailure.RollbackBatch, RolloutPhase.RolledBack, "New Old Old")]
    [InlineData(OnFailure.Rollback, RolloutPhase.RolledBack, "Old Old Old")]
    public void Advance_NodeFails_GoesBackAndThePolicyDecidesForTheOthers(OnFailure onFailure, RolloutPhase phase, string after)
    {
        var policy = new RolloutPolicy { Batches = [ModelFleet.Batch("", "1"), ModelFleet.Batch("", "1"), ModelFleet.Batch("")], OnFailure = onFailure };
        var fleet = new ModelFleet(policy, ModelFleet.Names(3));
        fleet["ecu02"].Bad = (ModelFleet.New, "QM does not start");
        fleet.Settle();

        Assert.Equal(phase, fleet.State.Phase);
        Assert.Contains("ecu02 failed: QM does not start", fleet.Decision.Message, StringComparison.Ordinal);
        Assert.Equal(after, string.Join(' ', fleet.Nodes.Select(node => node.Revision == ModelFleet.New ? "New" : "Old")));
        Assert.Equal(MemberState.Returned, fleet.State.Members["ecu02"].State);
    }

    [Fact]
    public void Advance_FailuresWithinTheThreshold_AreLeftBehind()
    {
        var fleet = new ModelFleet(RolloutPolicy.Default with { SuccessThreshold = 75 }, ModelFleet.Names(4));
        fleet["ecu02"].Bad = (ModelFleet.New, "QM does not start");
        fleet.Settle();

        Assert.Equal((RolloutPhase.Succeeded, "3 of 4 nodes ready; as far as its policy asks; ecu02 failed: QM does not start"), (fleet.State.Phase, fleet.Decision.Summary));
    }

    [Theory]
    [InlineData(1, 0, null, "the kernel killed 1 times for memory")]
    [InlineData(0, 2, null, "units restarted by themselves 2 times, allowed are 1")]
    [InlineData(0, 0, 21.5, "memory pressure is 21.5 %, allowed is 20 %")]
    public void Advance_GateBrokenWhileItSoaks_FailsTheNode(long kills, long restarts, double? pressure, string why)
    {
        var fleet = new ModelFleet(RolloutPolicy.Default with { Soak = Soak, MaxRestarts = 1, MaxPressure = 20 }, ModelFleet.Names(2));
        fleet["ecu01"].Health = new(5, HealthMark.None.Restarts.Add("radio.service", 1));
        fleet.Settle();
        Assert.Equal(MemberState.Soaking, fleet.Turn(TimeSpan.FromSeconds(30)).State.Members["ecu01"].State);

        (fleet["ecu01"].Health, fleet["ecu01"].Pressure) = (new(5 + kills, HealthMark.None.Restarts.Add("radio.service", 1 + restarts)), pressure);
        fleet.Turn(TimeSpan.FromSeconds(30));

        Assert.Equal($"while it soaked: {why}", fleet.State.Members["ecu01"].Failure);
        Assert.Equal(RolloutPhase.Paused, fleet.State.Phase);
    }

    // A lost link is not a failed QM; what cannot be seen does not count towards the soak either.
    [Fact]
    public void Advance_LinkLostWhileItSoaks_SoaksAnewOnceItIsBack()
    {
        var fleet = new ModelFleet(RolloutPolicy.Default with { Soak = Soak }, ModelFleet.Names(2));
        fleet.Settle();
        fleet["ecu01"].Seen = Availability.Away;
        fleet.Turn(TimeSpan.FromSeconds(90));
        var member = fleet.State.Members["ecu01"];
        Assert.Equal((MemberState.Soaking, false, null), (member.State, member.HasFailed, member.HealthySince));

        fleet["ecu01"].Seen = null;
        fleet.Turn(TimeSpan.FromSeconds(60));
        fleet.Turn(TimeSpan.FromSeconds(60));
        Assert.Equal(MemberState.Soaking, fleet.State.Members["ecu01"].State);
        fleet.Turn(TimeSpan.FromSeconds(60));
        Assert.Equal(MemberState.Done, fleet.State.Members["ecu01"].State);
    }

    [Fact]
    public void Advance_NodeThatNeverGetsReady_FailsAtItsDeadline()
    {
        var fleet = new ModelFleet(RolloutPolicy.Default, ModelFleet.Names(2));
        fleet.Turn();
        Assert.All(fleet.Nodes, node => node.Work());
        Assert.Equal(MemberState.Moving, fleet.Turn().State.Members["ecu01"].State);
        Assert.Equal(fleet.Now + RolloutPolicy.Default.Deadline, fleet.Decision.Wake);

        fleet.Turn(RolloutPolicy.Default.Deadline);

        Assert.Equal("it was not Ready within 10 min: on its way", fleet.State.Members["ecu01"].Failure);
    }

    [Fact]
    public void Advance_NodeWithNothingBefore_IsStuckWhereItFailed()
    {
        var fleet = new ModelFleet(RolloutPolicy.Default, ModelFleet.Names(1));
        (fleet["ecu01"].Revision, fleet["ecu01"].Bad) = ("", (ModelFleet.New, "QM does not start"));
        fleet.Settle();

        Assert.Equal((RolloutPhase.Paused, MemberState.Stuck), (fleet.State.Phase, fleet.State.Members["ecu01"].State));
        Assert.Contains(fleet.Notices, notice => notice is { Reason: "NodeStuck", Message: "there is nothing to go back to; QM does not start" });
    }

    [Fact]
    public void Advance_NodeWentBackByItself_IsToldToHaveFailedOnceAndToBeBackOnce()
    {
        var fleet = new ModelFleet(RolloutPolicy.Default, ModelFleet.Names(1));
        fleet["ecu01"].Bad = (ModelFleet.New, "nobody confirmed it");
        fleet.Turn();
        fleet["ecu01"].Work();
        fleet.Turn();
        fleet["ecu01"].Work();
        fleet.Turn();
        (fleet["ecu01"].Revision, fleet["ecu01"].IsUp) = (ModelFleet.Old, true);
        fleet.Settle();

        Assert.Equal(["RevisionFailed", "NodeReturned"], fleet.Notices.Where(notice => notice.Node.Length > 0).Select(notice => notice.Reason));
    }

    [Fact]
    [Trait("Requirement", "QMF-ROLL-008")]
    public void Advance_DeletedFleetCannotBeCleanedSomewhere_PausesWhateverThePolicyIsContentWith()
    {
        var policy = RolloutPolicy.Default with { Soak = Soak, SuccessThreshold = 50, OnFailure = OnFailure.Rollback };
        var fleet = new ModelFleet(policy, ModelFleet.Names(3)) { State = new(ModelFleet.Old, "removed", RolloutPhase.Progressing) };
        fleet["ecu02"].Bad = ("removed", "the disk is full");
        fleet.Settle();

        Assert.Equal((RolloutPhase.Paused, "ecu02 failed: the disk is full"), (fleet.State.Phase, fleet.State.Reason));
        // Without a soak, and nothing is brought back.
        Assert.Equal(MemberState.Done, fleet.State.Members["ecu01"].State);
        fleet["ecu02"].Bad = null;
        fleet.State = RolloutVerbs.Retry(fleet.State, [], fleet.Now)!;
        fleet.Settle();
        Assert.Equal(RolloutPhase.Succeeded, fleet.State.Phase);
    }

    [Fact]
    public void Advance_CanaryAway_HoldsTheOthersUntilItIsBack()
    {
        var policy = new RolloutPolicy { Batches = [ModelFleet.Batch("canary"), ModelFleet.Batch("")], MaxUnavailable = new(2, false) };
        var fleet = new ModelFleet(policy, ModelFleet.Names(3));
        fleet["ecu03"].Labels["canary"] = "true";
        fleet["ecu03"].Seen = Availability.Away;
        fleet.Settle();

        Assert.Equal("batch 1 waits for one of ecu03", fleet.Decision.Message);
        Assert.Empty(fleet.Order);
        fleet["ecu03"].Seen = null;
        fleet.Settle();
        Assert.Equal("ecu03", fleet.Order[0]);
        Assert.Equal(RolloutPhase.Succeeded, fleet.State.Phase);
    }

    [Fact]
    public void Advance_NodesJoinAndLeave_AreTakenAndForgotten()
    {
        var policy = new RolloutPolicy { Batches = [ModelFleet.Batch("", "1"), ModelFleet.Batch("")], Soak = Soak };
        var fleet = new ModelFleet(policy, ModelFleet.Names(3));
        fleet.Settle();
        Assert.Equal(["ecu01"], fleet.Order);

        fleet.Add("ecu00");
        fleet.Remove("ecu02");
        fleet.Settle();
        fleet.Turn(Soak);
        fleet.Settle();

        Assert.Equal(["ecu01", "ecu00"], fleet.Order.Take(2));
        Assert.Equal(["ecu00", "ecu01", "ecu03"], fleet.State.Members.Keys);
    }

    [Fact]
    public void Advance_NothingHeardYet_DecidesNothing()
    {
        var fleet = new ModelFleet(RolloutPolicy.Default, ModelFleet.Names(2));
        Assert.All(fleet.Nodes, node => node.Seen = Availability.Unheard);
        var decision = fleet.Turn();

        Assert.Equal("no node was heard yet", decision.Message);
        Assert.Empty(decision.State.Members);
        Assert.Equal(new(ModelFleet.New, false), decision.TargetOf("ecu01", "", static _ => true));
    }

    [Fact]
    public void Advance_WindowAndPrecondition_HoldNewNodesOnly()
    {
        Assert.True(MaintenanceWindow.TryParse("12:30-13:00 UTC", out var window, out _));
        var fleet = new ModelFleet(RolloutPolicy.Default with { Windows = [window] }, ModelFleet.Names(3));
        fleet.Settle();
        Assert.Equal(("Window", fleet.Now.AddMinutes(30)), (fleet.Decision.Holds["ecu01"].Gate, fleet.Decision.Wake));

        fleet["ecu01"].Blocked = new("vehicle-parked.target is inactive", false);
        fleet.Turn(TimeSpan.FromMinutes(30));
        Assert.Equal(["ecu02"], fleet.Order);
        Assert.Equal("vehicle-parked.target is inactive", fleet.Decision.Holds["ecu01"].Reason);

        // It closes while ecu02 is on its way, which it finishes.
        fleet["ecu01"].Blocked = null;
        fleet["ecu02"].Work();
        fleet.Turn(TimeSpan.FromMinutes(9));
        fleet["ecu02"].Work();
        fleet.Turn(TimeSpan.FromMinutes(21));
        fleet.Settle();
        Assert.Equal(["ecu02"], fleet.Order);
        Assert.Equal(MemberState.Done, fleet.State.Members["ecu02"].State);
        Assert.Equal(("Window", fleet.Now.AddHours(23.5)), (fleet.Decision.Holds["ecu01"].Gate, fleet.Decision.Holds["ecu01"].Until));
    }

    [Fact]
    public void Advance_StoppedByAPerson_HoldsUntilResumed()
    {
        var fleet = new ModelFleet(RolloutPolicy.Default, ModelFleet.Names(2));
        fleet.State = fleet.State with { Stop = new("admin", "the bench is in use", fleet.Now) };
        fleet.Settle();
        Assert.Empty(fleet.Order);
        Assert.Equal("admin paused it: the bench is in use", fleet.Decision.Message);

        fleet.State = fleet.State with { Stop = null };
        fleet.Settle();
        Assert.Equal(RolloutPhase.Succeeded, fleet.State.Phase);
    }

    [Fact]
    public void Supersede_InTheMiddle_GoesOnWithoutAStopAndKeepsTheBudget()
    {
        var fleet = new ModelFleet(RolloutPolicy.Default, ModelFleet.Names(3));
        fleet.Turn();
        Assert.All(fleet.Nodes, node => node.Work());
        fleet.Turn();
        fleet["ecu01"].Work();
        Assert.Equal(["ecu01"], fleet.State.Members.Where(member => member.Value.State == MemberState.Moving).Select(member => member.Key));

        fleet.State = fleet.State.Supersede("44444444", fleet.Now);
        Assert.Equal((MemberState.Moving, ModelFleet.Old), (fleet.State.Members["ecu01"].State, fleet.State.Members["ecu01"].Base));
        fleet.Settle();

        Assert.Equal(RolloutPhase.Succeeded, fleet.State.Phase);
        Assert.All(fleet.Nodes, node => Assert.Equal("44444444", node.Revision));
    }
}
