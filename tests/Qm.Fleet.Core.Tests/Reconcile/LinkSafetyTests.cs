using Qm.Fleet.Core.Reconcile;
using Xunit;
using static Qm.Fleet.Core.Tests.Reconcile.Reconciling;

namespace Qm.Fleet.Core.Tests.Reconcile;

/// <summary>Changes that could cut a node off: the order in which they are done, and the time they are granted.</summary>
public sealed class LinkSafetyTests
{
    [Fact]
    [Trait("Requirement", "QMF-RULE-7")]
    public void Decide_HostsAgentConfChangedOrRemoved_RestartsItBeforeAnythingElseAndConfirmsOverIt()
    {
        var node = new ModelNode();
        Settle(node, Revision("a", "2G", qm: 500));
        node.Acts.Clear();

        Settle(node, Revision("b", "1536M", qm: 500, heartbeat: "500"));
        Settle(node, Revision("c", "1536M", qm: 500));

        Assert.Equal(["Stage", "Commit", "RestartHostAgent", "SetLimits", "Confirm", "Stage", "Commit", "RestartHostAgent", "Confirm"], node.Acts);
        Assert.Equal(ConfirmDeadline.Link, node.ConfirmWithin);
    }

    [Fact]
    [Trait("Requirement", "QMF-RULE-7")]
    [Trait("Requirement", "QMF-RECON-004")]
    public void Decide_NodeCutOffByItsChange_WaitsUntilItGoesBackAndThenHasFailedThere()
    {
        var node = new ModelNode();
        var (good, bad) = (Revision("a", "2G", qm: 500), Revision("b", "2G", qm: 500, heartbeat: "500"));
        Settle(node, good);
        node.CutsOff = true;
        node.Acts.Clear();
        var memory = new NodeMemory();
        while (NodeReconciler.Decide(node.View(bad, memory), Now) is NodeStep.Act act)
        {
            var view = node.View(bad, memory);
            node.Apply(act, bad);
            memory = view.Memory.After(act, ActOutcome.Done, "", view, Now);
        }

        var cutOff = NodeReconciler.Decide(node.View(bad, memory), Now);
        node.GoBack(good);
        // A controller that was restarted meanwhile knows nothing but what it reads.
        var back = NodeReconciler.Decide(node.View(bad, new()), Now);
        var waits = NodeReconciler.Decide(node.View(bad, new(), mayMove: false), Now);
        var stillOffline = NodeReconciler.Decide(node.View(bad, new()) with { Host = Presence.Offline }, Now);
        Settle(node, good);

        Assert.Equal("WaitForHost", cutOff.Name);
        Assert.Contains("went back from it: nobody confirmed it", Assert.IsType<NodeStep.Failed>(back).Reason, StringComparison.Ordinal);
        Assert.Equal(back, stillOffline);
        // Only its turn makes it try; until then, and when people ask for another try, it is staged, and the node forgets.
        Assert.IsType<NodeStep.Stage>(waits);
        Assert.Equal(["Stage", "Commit", "RestartHostAgent", "Confirm"], node.Acts);
    }

    [Theory]
    [InlineData("1536M", 500, null, "", 1800)]
    [InlineData("2G", 500, "500", "", 60)]
    [InlineData("2G", 550, "500", "", 60 + 120)]
    [InlineData("2G", 550, "500", "maps,radio", 60 + (3 * 120))]
    [Trait("Requirement", "QMF-RULE-7")]
    public void Decide_Commit_IsGrantedTheTimeOfWhatItSetsOff(string memoryHigh, int qm, string? heartbeat, string workloads, int seconds)
    {
        var node = new ModelNode();
        Settle(node, Revision("a", "2G", qm: 500));

        Settle(node, Revision("b", memoryHigh, qm, workloads.Split(',', StringSplitOptions.RemoveEmptyEntries), heartbeat));

        Assert.Equal(TimeSpan.FromSeconds(seconds), node.ConfirmWithin);
    }

    // QM's own file is among those of every revision, and QM is not there yet.
    [Fact]
    [Trait("Requirement", "QMF-RULE-7")]
    public void Decide_FirstCommit_CouldCutQmOffAndMayStartIt()
    {
        var node = new ModelNode();

        Settle(node, Revision("a", "2G", qm: 500));

        Assert.Equal(ConfirmDeadline.Link + NodeReconciler.QmDeadline, node.ConfirmWithin);
    }
}
