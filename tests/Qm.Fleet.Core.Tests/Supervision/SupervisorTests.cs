using System.Collections.Immutable;
using Qm.Fleet.Core.Reconcile;
using Qm.Fleet.Core.Supervision;
using Xunit;
using static Qm.Fleet.Core.Tests.Supervision.SupervisedNode;

namespace Qm.Fleet.Core.Tests.Supervision;

/// <summary>What is done about a unit that fails, and when.</summary>
public sealed class SupervisorTests
{
    private const string Qm = "qm.service";

    private static readonly SupervisionPolicy Plain = SupervisionPolicy.Default with
    {
        Restart = SupervisionPolicy.Default.Restart with { Jitter = 0, Budget = new(3, TimeSpan.FromMinutes(10)) },
        QmBudget = new(2, TimeSpan.FromHours(1)),
    };

    [Fact, Trait("Requirement", "QMF-RULE-9")]
    public void Judge_NothingFails_DoesNothing()
    {
        var node = new SupervisedNode(Plain);
        Assert.Null(node.Judge().Step);
        node.Pass(TimeSpan.FromDays(1));
        var verdict = node.Judge();
        Assert.Null(verdict.Step);
        Assert.Empty(node.Notices);
        Assert.Same(verdict.State, node.Judge().State);
    }

    [Fact, Trait("Requirement", "QMF-SUPER-001")]
    public void Judge_WorkloadFailed_IsRestartedAfterItsWaitAndToldToBeHealed()
    {
        var node = new SupervisedNode(Plain);
        node.Judge();
        node.Set(Down());

        var waits = Assert.IsType<NodeStep.Wait>(node.Judge().Step);
        Assert.Equal(("Backoff", node.Now + TimeSpan.FromSeconds(1)), (waits.For, waits.LookAgain));
        node.Pass(TimeSpan.FromSeconds(1));
        var heal = Assert.IsType<NodeStep.Heal>(node.Judge().Step);
        Assert.Equal((Radio, Radio, "radio.service is failed (exit-code); restart 1 of 3 per 10m"), (heal.Unit, heal.For, heal.Reason));

        Assert.Equal(Radio, node.Act(heals: true)?.Unit);
        node.Pass(TimeSpan.FromMilliseconds(800));
        Assert.Null(node.Judge().Step);
        Assert.Equal(["UnitFailing", "Healed"], node.Reasons);
        Assert.Equal("radio.service runs again after 0.8 s, 1 of 3 restarts used", node.Notices[^1].Message);
    }

    [Fact, Trait("Requirement", "QMF-SUPER-001")]
    public void Judge_FailsAgainAndAgain_WaitsLongerEachTimeAndBeginsAnewOnceItStaysWell()
    {
        var node = new SupervisedNode(Plain with { Restart = Plain.Restart with { Budget = new(50, TimeSpan.FromMinutes(10)), Max = TimeSpan.FromSeconds(20) } });
        node.Judge();
        node.Set(Down());
        var waits = new List<double>();
        for (var restart = 0; restart < 7; restart++)
        {
            var before = node.Now;
            Assert.NotNull(node.Act(heals: false));
            waits.Add((node.Now - before).TotalSeconds);
        }

        Assert.Equal([1, 2, 4, 8, 16, 20, 20], waits);

        Assert.NotNull(node.Act(heals: true));
        node.Judge();
        node.Pass(node.Policy.Restart.ResetAfter);
        node.Judge();
        node.Set(Down());
        var failed = node.Now;
        Assert.NotNull(node.Act(heals: true));
        Assert.Equal(TimeSpan.FromSeconds(1), node.Now - failed);
    }

    [Fact, Trait("Requirement", "QMF-SUPER-002")]
    public void Judge_NothingHelps_EscalatesStepByStepAndEndsInQuarantine()
    {
        var node = new SupervisedNode(Plain);
        node.View = node.View with { CanRevert = true };
        node.Judge();
        node.Set(Down());

        var done = new List<string>();
        while (node.Act(heals: false) is { } heal)
        {
            done.Add(heal.Unit);
        }

        Assert.Equal([Radio, Radio, Radio, Qm, Qm], done);
        var revert = node.Judge();
        Assert.Equal("radio.service is failed (exit-code), and restarts do not help", revert.Revert);
        Assert.Equal("Revert", Assert.IsType<NodeStep.Wait>(revert.Step).For);

        // It went back, and that does not help either: what it had before is a new chance, and QM's budget is the node's.
        node.View = node.View with { Revision = "r0", CanRevert = false };
        done.Clear();
        while (node.Act(heals: false) is { } heal)
        {
            done.Add(heal.Unit);
        }

        Assert.Equal([Radio, Radio, Radio], done);
        Assert.Equal("Release", Assert.IsType<NodeStep.Wait>(node.Judge().Step).For);
        Assert.NotNull(node.State.Quarantine);
        Assert.Single(node.Reasons, "NodeQuarantined");
        Assert.Equal(NoticeSeverity.Critical, node.Notices.Single(notice => notice.Reason == "NodeQuarantined").Severity);
        node.Pass(TimeSpan.FromDays(1));
        Assert.Null(node.Act(heals: true));
    }

    [Fact, Trait("Requirement", "QMF-SUPER-002")]
    public void Judge_TheLastStepIsARestart_IsRepeatedAsFarAsItsBudgetGoes()
    {
        var node = new SupervisedNode(Plain with { Steps = [Escalation.RestartUnit] });
        node.Judge();
        node.Set(Down());
        var times = new List<DateTimeOffset>();
        for (var restart = 0; restart < 9; restart++)
        {
            Assert.NotNull(node.Act(heals: false));
            times.Add(node.Now);
        }

        Assert.All(times, time => Assert.True(times.Count(other => other > time - TimeSpan.FromMinutes(10) && other <= time) <= 3));
        Assert.Null(node.State.Quarantine);
    }

    [Fact, Trait("Requirement", "QMF-SUPER-003")]
    public void Judge_SystemdIsAtIt_IsLeftToSystemdUntilTheUnitDoesNotStayUp()
    {
        var node = new SupervisedNode(Plain);
        node.Judge();
        node.Set(Down("activating", "exit-code") with { SubState = "auto-restart", InvocationId = "radio0" });
        Assert.Null(node.Judge().Step);

        // Two restarts between two looks, which only NRestarts tells.
        node.Set(Running("radio2", restarts: 2));
        Assert.Null(node.Judge().Step);
        node.Pass(TimeSpan.FromSeconds(5));
        node.Set(Running("radio3", restarts: 3));
        var waits = Assert.IsType<NodeStep.Wait>(node.Judge().Step);
        Assert.Contains("radio.service does not stay up: it restarted 3 times or more in 10m", waits.Reason, StringComparison.Ordinal);

        // One more restart of the same cures nothing.
        Assert.Equal(Qm, node.Act(heals: true)?.Unit);
        Assert.Null(node.Judge().Step);
        Assert.Contains("Escalated", node.Reasons);
    }

    // systemd counts a restart when it queues it, and the unit has another InvocationID only when it is made.
    [Fact, Trait("Requirement", "QMF-SUPER-003")]
    public void Judge_RestartThatIsQueuedAndThenMade_CountsOnce()
    {
        var node = new SupervisedNode(Plain);
        node.Set(Running("a"));
        node.Judge();
        node.Set(Running("a", restarts: 1) with { ActiveState = "activating", SubState = "auto-restart-queued", JobId = 145 });
        node.Judge();
        Assert.Empty(node.State.Units[Radio].SelfRestarts);
        node.Set(Running("b", restarts: 1));
        node.Judge();
        Assert.Single(node.State.Units[Radio].SelfRestarts);
    }

    // systemd says failed for a moment before it waits for RestartSec; a unit that crashes again and again is not told with each of its states.
    [Fact, Trait("Requirement", "QMF-SUPER-003")]
    public void Judge_SystemdWaitsToRestartWhatFailed_IsLeftToSystemdAndNotTold()
    {
        var node = new SupervisedNode(Plain);
        node.Judge();
        node.Set(Down() with { SubState = "failed-before-auto-restart", InvocationId = "radio0" });
        Assert.Null(node.Judge().Step);
        node.Set(Down("activating") with { SubState = "auto-restart", InvocationId = "radio0" });
        node.Pass(TimeSpan.FromMinutes(5));
        Assert.Null(node.Judge().Step);

        node.Set(Running("radio1", restarts: 1));
        Assert.Null(node.Judge().Step);
        Assert.Empty(node.Reasons);
    }

    [Fact, Trait("Requirement", "QMF-SUPER-004")]
    public void Judge_WorkloadWithAProbeThatWasNeverStarted_IsNoFailure()
    {
        var node = new SupervisedNode(Plain);
        node.View = node.View with { IsSettled = false, Probes = new Dictionary<string, ProbeReading> { [Radio] = new(Radio, null, 0, "") } };
        node.Set(Down("inactive", "success"));
        node.Judge();
        Assert.Empty(node.Notices);

        node.Set(Running("radio0"));
        node.Judge();
        node.View = node.View with { IsSettled = true };
        node.Set(Down("inactive", "success") with { InvocationId = "radio0" });
        Assert.Contains("radio.service is inactive (success)", node.Judge().Step!.Reason, StringComparison.Ordinal);
    }

    [Fact, Trait("Requirement", "QMF-SUPER-003")]
    public void Judge_QmItselfDoesNotStayUp_IsNotRestartedOnceMore()
    {
        var node = new SupervisedNode(Plain);
        node.View = node.View with { CanRevert = true };
        node.Judge();
        for (var restart = 1; restart <= 3; restart++)
        {
            node.SetQm(Running($"qm{restart}", restart));
            node.Judge();
            node.Pass(TimeSpan.FromSeconds(8));
        }

        Assert.Contains("qm.service does not stay up", node.Judge().Revert, StringComparison.Ordinal);
    }

    [Fact, Trait("Requirement", "QMF-SUPER-003")]
    public void Judge_QmRestarted_DoesNotCountForWhatRunsInIt()
    {
        var node = new SupervisedNode(Plain);
        node.Judge();
        for (var restart = 1; restart < 3; restart++)
        {
            node.SetQm(Running($"qm{restart}", restart));
            node.Set(Running($"radio{restart}"));
            node.Judge();
        }

        Assert.Empty(node.State.Units[Radio].SelfRestarts);
        Assert.Equal(2, node.State.Units[Qm].SelfRestarts.Length);
    }

    [Fact, Trait("Requirement", "QMF-RULE-9")]
    public void Judge_TheNodeIsNotHeard_StartsNothing()
    {
        var node = new SupervisedNode(Plain);
        node.Judge();
        node.View = node.View with { Host = Presence.Offline, Qm = null, Workloads = ImmutableSortedDictionary<string, UnitReading>.Empty, IsSettled = false };
        Assert.Null(node.Judge().Step);
        node.Pass(TimeSpan.FromHours(1));
        Assert.Null(node.Judge().Step);
        Assert.Empty(node.Notices);
    }

    [Fact, Trait("Requirement", "QMF-RULE-9")]
    public void Judge_ARolloutOrAPersonIsAtIt_Waits()
    {
        var node = new SupervisedNode(Plain);
        node.Judge();
        node.Set(Down());
        node.View = node.View with { IsSettled = false };
        node.Pass(TimeSpan.FromMinutes(1));
        Assert.Null(node.Judge().Step);

        node.View = node.View with { IsSettled = true, Silenced = "the node is in maintenance" };
        node.Pass(TimeSpan.FromMinutes(1));
        var waits = Assert.IsType<NodeStep.Wait>(node.Judge().Step);
        Assert.Equal(("Silence", "radio.service is failed (exit-code), and nothing is done about it: the node is in maintenance"), (waits.For, waits.Reason));
        Assert.Equal(["UnitFailing"], node.Reasons);

        node.View = node.View with { Silenced = null };
        Assert.IsType<NodeStep.Heal>(node.Judge().Step);
    }

    [Fact, Trait("Requirement", "QMF-SUPER-004")]
    public void Judge_ProbeFails_RestartsWhatRuns()
    {
        var node = new SupervisedNode(Plain);
        node.Judge();
        node.View = node.View with { Probes = new Dictionary<string, ProbeReading> { [Radio] = new(Radio, false, 3, "connection refused") } };
        Assert.Contains("radio.service runs, and its probe failed 3 times in a row: connection refused", node.Judge().Step!.Reason, StringComparison.Ordinal);
        Assert.Equal(Radio, node.Act(heals: true)?.Unit);

        // What is not known of the new container is no failure.
        node.View = node.View with { Probes = new Dictionary<string, ProbeReading> { [Radio] = new(Radio, null, 0, "") } };
        Assert.Null(node.Judge().Step);
        Assert.Contains("Healed", node.Reasons);
    }

    // As seen where MemoryMax was below what QM needs: the unit stayed active, with nothing but conmon in it.
    [Fact, Trait("Requirement", "QMF-SUPER-003")]
    public void Judge_QmIsActiveWithoutAnInit_IsGivenTimeToBootAndThenRestarted()
    {
        var node = new SupervisedNode(Plain);
        node.Judge();
        node.View = node.View with { HasInit = false };
        var verdict = node.Judge();
        Assert.Null(verdict.Step);
        Assert.Equal(node.Now + Supervisor.BootGrace, verdict.Wake);
        node.Pass(Supervisor.BootGrace - TimeSpan.FromSeconds(1));
        Assert.Null(node.Judge().Step);
        node.Pass(TimeSpan.FromSeconds(1));
        Assert.Contains("qm.service is active, and there is no init in it", node.Judge().Step!.Reason, StringComparison.Ordinal);
        Assert.Equal(Qm, node.Act(heals: true)?.Unit);

        node.View = node.View with { HasInit = true };
        Assert.Null(node.Judge().Step);
    }

    [Fact, Trait("Requirement", "QMF-SUPER-003")]
    public void Judge_EndedWell_IsDone()
    {
        var node = new SupervisedNode(Plain);
        node.Judge();
        node.Set(Down("inactive", "success"));
        Assert.Null(node.Judge().Step);

        // QM never has done its work.
        node.SetQm(Down("inactive", "success"));
        Assert.Equal(Qm, node.Act(heals: true)?.Unit);
    }

    [Fact, Trait("Requirement", "QMF-SUPER-005")]
    public void Judge_LinkIsLostAgainAndAgain_QuarantinesTheNode()
    {
        var node = new SupervisedNode(Plain);
        for (var loss = 0; loss < Supervisor.LinkLossesMax; loss++)
        {
            Assert.Null(node.State.Quarantine);
            node.View = node.View with { Host = Presence.Online };
            node.Judge();
            node.Pass(TimeSpan.FromSeconds(10));
            node.View = node.View with { Host = Presence.Offline };
            node.Judge();
            node.Pass(TimeSpan.FromSeconds(10));
        }

        Assert.Contains("its link to BlueChi was lost 5 times in 10m", node.State.Quarantine?.Reason, StringComparison.Ordinal);
    }

    [Fact, Trait("Requirement", "QMF-SUPER-005")]
    public void Judge_BlueChiRestartsAgainAndAgain_IsNoFaultOfTheNodes()
    {
        var node = new SupervisedNode(Plain);
        for (var restart = 0; restart < 20; restart++)
        {
            foreach (var heard in (Presence[])[Presence.Unknown, Presence.Offline, Presence.Online])
            {
                node.View = node.View with { Host = heard };
                node.Judge();
                node.Pass(TimeSpan.FromSeconds(1));
            }
        }

        Assert.Null(node.State.Quarantine);
    }

    [Fact, Trait("Requirement", "QMF-SUPER-002")]
    public void Stored_IsWhatAnotherControllerGoesOnWith()
    {
        var node = new SupervisedNode(Plain);
        node.Judge();
        node.Set(Down());
        node.Act(heals: false);
        node.Act(heals: false);
        Assert.True(node.State.MustBeStored(NodeSupervision.New));
        var stored = node.State.Stored;
        Assert.Equal((2, 2), (stored.Units[Radio].Restarts.Length, stored.Units[Radio].Attempts));
        Assert.False(stored.MustBeStored(node.State));
        Assert.Equal("", stored.Units[Radio].InvocationId);
    }
}
