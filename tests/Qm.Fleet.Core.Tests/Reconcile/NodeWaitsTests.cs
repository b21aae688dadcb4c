using Qm.Fleet.Core.Reconcile;
using Xunit;
using static Qm.Fleet.Core.Tests.Reconcile.Reconciling;

namespace Qm.Fleet.Core.Tests.Reconcile;

/// <summary>When nothing is done on a node: it cannot be reached, it is not its turn, or what was tried does not help.</summary>
public sealed class NodeWaitsTests
{
    [Fact]
    [Trait("Requirement", "QMF-RECON-004")]
    public void Decide_UnreachableNode_OnlyWaits()
    {
        var node = new ModelNode { Reachable = false };

        var step = NodeReconciler.Decide(node.View(Revision("a", "2G", qm: 500), new()), Now);

        Assert.Equal("WaitForHost", Assert.IsType<NodeStep.Wait>(step).Name);
    }

    [Fact]
    [Trait("Requirement", "QMF-RECON-004")]
    public void Decide_NotItsTurn_StagesAndNothingMore()
    {
        var node = new ModelNode();
        var revision = Revision("a", "2G", qm: 500);

        var first = NodeReconciler.Decide(node.View(revision, new(), mayMove: false), Now);
        node.Apply(Assert.IsType<NodeStep.Stage>(first), revision);
        var second = NodeReconciler.Decide(node.View(revision, new(), mayMove: false), Now);

        Assert.Equal("WaitForTurn", second.Name);
    }

    [Fact]
    [Trait("Requirement", "QMF-RECON-004")]
    public void Decide_KnownBadRevision_IsFailedAndNothingIsTried()
    {
        var node = new ModelNode();

        var step = NodeReconciler.Decide(node.View(Revision("a", "2G", qm: 500), new()) with { KnownBad = "it failed" }, Now);

        Assert.Equal(new NodeStep.Failed("it failed"), step);
    }

    [Fact]
    [Trait("Requirement", "QMF-RECON-004")]
    public void Decide_ActFailsAgainAndAgain_IsGivenUpWithItsLastWord()
    {
        var node = new ModelNode();
        var revision = Revision("a", "2G", qm: 500);
        var memory = new NodeMemory();
        var now = Now;
        for (var attempt = 1; attempt <= NodeMemory.MaxAttempts; attempt++)
        {
            var view = node.View(revision, memory);
            var act = Assert.IsType<NodeStep.Act>(NodeReconciler.Decide(view, now), exactMatch: false);
            memory = view.Memory.After(act, ActOutcome.Failed, "disk full", view, now);
            Assert.True(memory.NotBefore > now, "a failure must be followed by a pause");
            now = memory.NotBefore;
        }

        var step = NodeReconciler.Decide(node.View(revision, memory), now);

        Assert.Equal(new NodeStep.Failed("Stage: disk full"), step);
    }

    [Fact]
    [Trait("Requirement", "QMF-RECON-004")]
    public void Decide_RestartWithoutEffect_WaitsAndThenFailsInsteadOfRestartingAgain()
    {
        var node = new ModelNode();
        Settle(node, Revision("a", "2G", qm: 500));
        var revision = Revision("b", "2G", qm: 550);
        var memory = new NodeMemory();
        var view = node.View(revision, memory);
        while (NodeReconciler.Decide(view, Now) is NodeStep.Act act and not NodeStep.RestartQm)
        {
            node.Apply(act, revision);
            view = node.View(revision, view.Memory.After(act, ActOutcome.Done, "", view, Now));
        }

        var restart = Assert.IsType<NodeStep.RestartQm>(NodeReconciler.Decide(view, Now));
        memory = view.Memory.After(restart, ActOutcome.Done, "", view, Now);
        var waits = Assert.IsType<NodeStep.Wait>(NodeReconciler.Decide(node.View(revision, memory), Now));
        memory = memory.Deciding(waits, Now);
        var end = NodeReconciler.Decide(node.View(revision, memory), Now + NodeReconciler.EffectDeadline);

        Assert.Equal("WaitForEffect", waits.Name);
        Assert.IsType<NodeStep.Failed>(end);
    }
}
