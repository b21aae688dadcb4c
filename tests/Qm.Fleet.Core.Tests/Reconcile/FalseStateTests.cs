using Qm.Fleet.Core.Reconcile;
using Xunit;
using static Qm.Fleet.Core.Tests.Reconcile.Reconciling;

namespace Qm.Fleet.Core.Tests.Reconcile;

/// <summary>What BlueChi, and a QM or a stranger behind it, says of a node is not taken for the node: its agent extension reads back what is so.</summary>
[Trait("Requirement", "QMF-THREAT-001")]
[Trait("Requirement", "QMF-RULE-11")]
public sealed class FalseStateTests
{
    [Fact]
    public void Decide_StrangerWithTheNodesNameOnBlueChi_IsNeitherReadyNorTouchedWithoutItsExtension()
    {
        var node = new ModelNode();
        var revision = Revision("a", "2G", qm: 500, workloads: ["radio"]);
        Settle(node, revision);

        // All that can be said over BlueChi is as wanted; the extension, which has a certificate of the name, says nothing.
        var step = NodeReconciler.Decide(node.View(revision, new NodeMemory()) with { Evidence = null }, Now);

        Assert.IsType<NodeStep.Wait>(step);
    }

    [Fact]
    public void Decide_QmSaysThatAllIsWell_WhileTheKernelSaysOtherwise_IsSetRightByTheKernel()
    {
        var node = new ModelNode();
        var revision = Revision("a", "2G", qm: 500, workloads: ["radio"]);
        Settle(node, revision);
        node.Acts.Clear();
        node.Drift("memory.high", "max");

        Settle(node, revision);

        Assert.Equal(["SetLimits"], node.Acts);
    }
}
