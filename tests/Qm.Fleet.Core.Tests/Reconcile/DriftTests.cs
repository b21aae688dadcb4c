using Qm.Fleet.Core.Environments;
using Qm.Fleet.Core.Reconcile;
using Qm.Fleet.Core.Revisions;
using Xunit;

namespace Qm.Fleet.Core.Tests.Reconcile;

[Trait("Requirement", "QMF-DRIFT-003")]
public sealed class DriftTests
{
    private static readonly DateTimeOffset Now = new(2026, 1, 1, 0, 0, 0, TimeSpan.Zero);

    private NodeMemory _memory = new();

    [Theory]
    [InlineData("")]
    [InlineData("heal")]
    public void Decide_EditedFileToBeHealed_IsCommittedAgain(string drift)
    {
        var (node, revision) = Converged(drift);
        node.Edit(OwnedFileKind.QmContainerDropIn);

        Assert.IsType<NodeStep.Ready>(Run(node, revision));
        Assert.Equal(["Stage", "Commit", "Confirm"], node.Acts);

        // The very same again: what was done the last time is not in vain.
        node.Edit(OwnedFileKind.QmContainerDropIn);
        Assert.IsType<NodeStep.Ready>(Run(node, revision));
        Assert.Equal(["Stage", "Commit", "Confirm", "Stage", "Commit", "Confirm"], node.Acts);
    }

    [Fact]
    public void Decide_EveryDriftToBeTold_IsToldAndNothingIsDone()
    {
        var (node, revision) = Converged("report");
        node.Edit(OwnedFileKind.QmContainerDropIn);
        node.Edit(OwnedFileKind.Workload, "radio", remove: true);
        node.Drift("memory.high", "max");
        node.DriftScore(0);

        var wait = Assert.IsType<NodeStep.Wait>(Run(node, revision));
        Assert.Empty(node.Acts);
        Assert.Equal((Drift.Step, null, null), (wait.For, wait.LookAgain, wait.FailsAfter));
        Assert.All(
            (string[])["QmContainerDropIn", "was edited", "radio", "is gone", "MemoryHigh is infinity, wanted is 2G", "OOMScoreAdjust.qm is 0, wanted is 500", "drift: report"],
            part => Assert.Contains(part, wait.Reason, StringComparison.Ordinal));
    }

    [Fact]
    public void Decide_DriftUndoneByHand_IsReadyAgain()
    {
        var (node, revision) = Converged("report");
        node.Drift("memory.high", "max");
        Assert.IsType<NodeStep.Wait>(Run(node, revision));

        node.Drift("memory.high", "2147483648");
        Assert.IsType<NodeStep.Ready>(Run(node, revision));
    }

    // Who only wants to be told of changes still wants QM to run.
    [Fact]
    public void Decide_QmDownOnADriftedNode_IsStarted()
    {
        var (node, revision) = Converged("report");
        node.Edit(OwnedFileKind.QmContainerDropIn);
        node.QmRuns = false;

        Assert.IsType<NodeStep.Wait>(Run(node, revision));
        Assert.Equal(["StartQm"], node.Acts);
    }

    // On its way to a revision a node always differs from it.
    [Fact]
    public void Decide_NodeOnItsWay_IsBroughtThere()
    {
        var (node, _) = Converged("report");
        var next = Revision("b", "1536M", "report");

        Assert.IsType<NodeStep.Ready>(Run(node, next));
        Assert.Equal(["Stage", "Commit", "SetLimits", "Confirm"], node.Acts);
    }

    [Fact]
    public void Decide_PolicyChangedToHeal_HealsWhatWasOnlyTold()
    {
        var (node, told) = Converged("report");
        node.Edit(OwnedFileKind.QmContainerDropIn);
        Assert.IsType<NodeStep.Wait>(Run(node, told));

        Assert.IsType<NodeStep.Ready>(Run(node, Revision("b", "2G", "heal")));
        Assert.Contains("Commit", node.Acts);
    }

    private (ModelNode Node, RenderedRevision Revision) Converged(string drift)
    {
        var (node, revision) = (new ModelNode(), Revision("a", "2G", drift));
        Assert.IsType<NodeStep.Ready>(Run(node, revision));
        node.Acts.Clear();
        return (node, revision);
    }

    // Until nothing is left to do; as for a controller that goes on running, what was tried stays known.
    private NodeStep Run(ModelNode node, RenderedRevision revision)
    {
        for (var round = 0; round < 20; round++)
        {
            var view = node.View(revision, _memory);
            var step = NodeReconciler.Decide(view, Now);
            _memory = view.Memory.Deciding(step, Now);
            if (step is not NodeStep.Act act)
            {
                return step;
            }

            node.Apply(act, revision);
            _memory = _memory.After(act, ActOutcome.Done, "", view, Now);
        }

        throw new InvalidOperationException($"not settled: {string.Join(", ", node.Acts)}");
    }

    private static RenderedRevision Revision(string name, string memoryHigh, string drift) => RevisionRenderer.Render(name, Environments.Manifest.Checked(new EnvironmentManifest
    {
        RootfsPreinstalled = true,
        Resources = new Dictionary<string, string> { ["MemoryHigh"] = memoryHigh },
        OomQm = 500,
        Workloads = [Environments.Manifest.Workload("radio")],
        Drift = drift,
    }), "ecu1");
}
