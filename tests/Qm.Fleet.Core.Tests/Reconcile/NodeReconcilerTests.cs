using CsCheck;
using Qm.Fleet.Core.Reconcile;
using Qm.Fleet.Core.Revisions;
using Xunit;
using static Qm.Fleet.Core.Tests.Reconcile.Reconciling;

namespace Qm.Fleet.Core.Tests.Reconcile;

public sealed class NodeReconcilerTests
{
    [Fact]
    [Trait("Requirement", "QMF-RECON-002")]
    public void Decide_BareNode_StagesCommitsStartsConfirms()
    {
        var node = new ModelNode();

        Settle(node, Revision("a", "2G", qm: 500));

        Assert.Equal(["Stage", "Commit", "StartQm", "Confirm"], node.Acts);
        Assert.True(node.Confirmed);
    }

    [Fact]
    [Trait("Requirement", "QMF-RECON-001")]
    [Trait("Requirement", "QMF-RULE-2")]
    public void Decide_ConvergedNode_IsReadyAndNothingElse()
    {
        var node = new ModelNode();
        var revision = Revision("a", "2G", qm: 500, workloads: ["radio"]);
        Settle(node, revision);
        node.Acts.Clear();

        Settle(node, revision);

        Assert.Empty(node.Acts);
    }

    // What starts the unit next is its owner, with what systemd knows.
    [Fact]
    [Trait("Requirement", "QMF-RECON-002")]
    public void Decide_ScoreOfASafetyUnitIsTakenAway_HasSystemdForgetIt()
    {
        var node = new ModelNode();
        var plain = Revision("a", "2G", qm: 500);
        var scored = RevisionRenderer.Render("b", plain.Environment with { Oom = plain.Environment.Oom with { Asil = plain.Environment.Oom.Asil.Add("brake.service", -900) } }, "ecu1");
        Settle(node, scored);
        node.Acts.Clear();

        Settle(node, plain);
        Assert.Equal(["Stage", "Commit", "ReloadHost", "Confirm"], node.Acts);
        node.Acts.Clear();
        Settle(node, plain);
        Assert.Empty(node.Acts);
    }

    [Fact]
    [Trait("Requirement", "QMF-RECON-002")]
    [Trait("Requirement", "QMF-RULE-1")]
    public void Decide_ScoreOfASafetyUnitIsTakenAwayByControllersThatAreKilledAfterEachAct_HasSystemdForgetItOnce()
    {
        var node = new ModelNode();
        var plain = Revision("a", "2G", qm: 500);
        var scored = RevisionRenderer.Render("b", plain.Environment with { Oom = plain.Environment.Oom with { Asil = plain.Environment.Oom.Asil.Add("brake.service", -900) } }, "ecu1");
        Settle(node, scored);
        node.Acts.Clear();

        while (NodeReconciler.Decide(node.View(plain, new()), DateTimeOffset.UnixEpoch) is NodeStep.Act act)
        {
            node.Apply(act, plain);
            Assert.InRange(node.Acts.Count, 0, 4);
        }

        Assert.Equal(["Stage", "Commit", "ReloadHost", "Confirm"], node.Acts);
    }

    [Fact]
    [Trait("Requirement", "QMF-ROLL-008")]
    public void Decide_FleetIsDeleted_TakesEverythingAwayAndThenNothing()
    {
        var (node, removal) = (new ModelNode(), RevisionRenderer.Render(Removal.Revision, Removal.Environment, "ecu1"));
        Settle(node, Revision("a", "2G", qm: 550, workloads: ["radio"]));
        node.Acts.Clear();

        Settle(node, removal);
        Assert.Equal(["Stage", "Commit", "ReloadHost", "SetLimits", "RestartQm", "Confirm"], node.Acts.Where(act => act != "StopWorkload"));
        Assert.Equal(("max", 500, 0), (node.Kernel("memory.high"), node.QmScore, removal.Files.Length));

        node.Acts.Clear();
        Settle(node, removal);
        node.QmRuns = false;
        Settle(node, removal);
        Assert.Empty(node.Acts);
    }

    // A window is asked for where a move begins, a precondition at each step that disrupts; what disrupts nothing waits for neither.
    [Theory]
    [InlineData("Window", new[] { "Stage" }, new[] { "StartQm", "Confirm" })]
    [InlineData("Precondition", new[] { "Stage" }, new string[0])]
    [Trait("Requirement", "QMF-ROLL-007")]
    public void Decide_SomethingHoldsTheNodeWhoseTurnItIs_NothingIsDisrupted(string gate, string[] before, string[] after)
    {
        var (node, revision, held) = (new ModelNode(), Revision("a", "2G", qm: 500), new NodeStep.Wait(gate, "not now"));

        Go(node, revision, held);
        Assert.Equal(before, node.Acts);

        node.Apply(new NodeStep.Commit(revision.Name, TimeSpan.FromMinutes(2), ""), revision);
        node.Acts.Clear();
        Go(node, revision, held);
        Assert.Equal(after, node.Acts);
    }

    [Fact]
    [Trait("Requirement", "QMF-RECON-003")]
    public void Decide_ChangedLimit_IsSetLiveAndQmKeepsItsPid()
    {
        var node = new ModelNode();
        Settle(node, Revision("a", "2G", qm: 500));
        var pid = node.Pid;
        node.Acts.Clear();

        Settle(node, Revision("b", "1536M", qm: 500));

        Assert.Equal(["Stage", "Commit", "SetLimits", "Confirm"], node.Acts);
        Assert.Equal(pid, node.Pid);
        Assert.Equal("1610612736", node.Kernel("memory.high"));
    }

    [Fact]
    [Trait("Requirement", "QMF-RECON-003")]
    public void Decide_ChangedQmScore_RestartsQmOnce()
    {
        var node = new ModelNode();
        Settle(node, Revision("a", "2G", qm: 500));
        node.Acts.Clear();

        Settle(node, Revision("b", "2G", qm: 550));

        Assert.Equal(["Stage", "Commit", "RestartQm", "Confirm"], node.Acts);
        Assert.Equal(550, node.QmScore);
    }

    [Fact]
    [Trait("Requirement", "QMF-RECON-002")]
    public void Decide_WorkloadRemoved_IsStoppedBeforeConfirm()
    {
        var node = new ModelNode();
        Settle(node, Revision("a", "2G", qm: 500, workloads: ["maps", "radio"]));
        node.Acts.Clear();

        Settle(node, Revision("b", "2G", qm: 500, workloads: ["radio"]));

        Assert.Equal(["Stage", "Commit", "StopWorkload", "Confirm"], node.Acts);
    }

    [Fact]
    [Trait("Requirement", "QMF-RECON-002")]
    public void Decide_DriftInTheKernel_IsSetBack()
    {
        var node = new ModelNode();
        var revision = Revision("a", "2G", qm: 500);
        Settle(node, revision);
        node.Acts.Clear();
        node.Drift("memory.high", "max");

        Settle(node, revision);

        Assert.Equal(["SetLimits"], node.Acts);
        Assert.Equal("2147483648", node.Kernel("memory.high"));
    }

    [Fact]
    [Trait("Requirement", "QMF-RECON-003")]
    public void Decide_QmOfflineWithNewAgentConf_WaitsBeforeQmIsRestartedForIt()
    {
        var node = new ModelNode { QmRuns = true };
        var revision = Revision("a", "2G", qm: 500);
        var memory = new NodeMemory();
        NodeView View() => node.View(revision, memory) with { Qm = Presence.Offline };
        while (NodeReconciler.Decide(View(), Now) is NodeStep.Act act)
        {
            node.Apply(act, revision);
            memory = View().Memory.After(act, ActOutcome.Done, "", View(), Now);
        }

        var waits = NodeReconciler.Decide(View(), Now);
        memory = View().Memory.Deciding(waits, Now);
        var still = NodeReconciler.Decide(View(), Now + NodeReconciler.AgentGrace - TimeSpan.FromSeconds(1));
        var restart = NodeReconciler.Decide(View(), Now + NodeReconciler.AgentGrace);

        Assert.Equal(["Stage", "Commit", "SetLimits"], node.Acts);
        Assert.Equal(("WaitForQmOnline", "WaitForQmOnline", "RestartQm"), (waits.Name, still.Name, restart.Name));
    }

    [Fact]
    [Trait("Requirement", "QMF-LINK-002")]
    public void Evaluate_FileThatWinsOverOurs_IsNotTakenForQmsName()
    {
        var node = new ModelNode();
        var revision = Revision("a", "2G", qm: 500);
        Settle(node, revision);
        var evidence = node.View(revision, new()).Evidence!;

        Assert.Equal(CheckResult.Pass, Assert.Single(NodeChecks.Evaluate(revision, evidence), check => check.Name == "NodeName").Result);
        Assert.Equal(CheckResult.Fail, Assert.Single(NodeChecks.Evaluate(revision, evidence with { QmNodeName = "qm.x" }), check => check.Name == "NodeName").Result);
        Assert.DoesNotContain(NodeChecks.Evaluate(revision, evidence with { QmNodeName = "" }), check => check.Name == "NodeName");
    }

    [Fact]
    [Trait("Requirement", "QMF-RECON-002")]
    public void Decide_AnyHistoryOfRevisions_ConvergesOnTheLast() =>
        Gen.Select(Gen.OneOf("1G", "1536M", "2G"), Gen.OneOf(500, 550, 600), Gen.OneOf("radio", "maps", "store").Array[0, 3])
            .Select((high, qm, workloads) => Revision($"{high}-{qm}-{string.Join('-', workloads.Distinct())}", high, qm, [.. workloads.Distinct()]))
            .Array[1, 6]
            .Sample(history =>
            {
                var node = new ModelNode();
                foreach (var revision in history)
                {
                    // Interrupted anywhere: some acts of a revision are done, then the next one is wanted.
                    Settle(node, revision, atMost: 3, mustSettle: false);
                }

                Settle(node, history[^1]);

                Assert.Equal(history[^1].Name, node.Revision);
                Assert.Equal(history[^1].Environment.Oom.Qm, node.QmScore);
                Assert.True(node.Confirmed);
            });

    // As far as it goes by itself.
    private static void Go(ModelNode node, RenderedRevision revision, NodeStep.Wait held)
    {
        var memory = new NodeMemory();
        while (NodeReconciler.Decide(node.View(revision, memory) with { Held = held }, Now) is NodeStep.Act act)
        {
            memory = node.View(revision, memory).Memory.Deciding(act, Now).After(act, ActOutcome.Done, "", node.View(revision, memory), Now);
            node.Apply(act, revision);
        }
    }
}
