using CsCheck;
using Qm.Fleet.Core.Environments;
using Qm.Fleet.Core.Reconcile;
using Qm.Fleet.Core.Revisions;
using Xunit;

namespace Qm.Fleet.Core.Tests.Reconcile;

public sealed class NodeReconcilerTests
{
    private static readonly DateTimeOffset Now = new(2026, 1, 1, 0, 0, 0, TimeSpan.Zero);

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

    private static void Settle(ModelNode node, RenderedRevision revision, int atMost = 20, bool mustSettle = true)
    {
        var memory = new NodeMemory();
        for (var round = 0; round < atMost; round++)
        {
            var view = node.View(revision, memory);
            var step = NodeReconciler.Decide(view, Now);
            if (step is NodeStep.Ready)
            {
                return;
            }

            var act = step as NodeStep.Act;
            Assert.True(act is not null, $"after {string.Join(", ", node.Acts)}: {step.Name}: {step.Reason}");
            node.Apply(act, revision);
            memory = view.Memory.Deciding(step, Now).After(act, ActOutcome.Done, "", view, Now);
        }

        Assert.False(mustSettle, $"not settled after {atMost} acts: {string.Join(", ", node.Acts)}");
    }

    private static RenderedRevision Revision(string name, string memoryHigh, int qm, string[]? workloads = null, string? heartbeat = null)
    {
        var parsed = FleetParser.Parse(new FleetManifest
        {
            Name = "cockpit",
            Selector = "zone=cockpit",
            Environment = new()
            {
                RootfsPreinstalled = true,
                Resources = new Dictionary<string, string> { ["MemoryHigh"] = memoryHigh, ["CPUWeight"] = "idle" },
                OomQm = qm,
                OomNested = 750,
                HostAgent = heartbeat is null ? new Dictionary<string, string>() : new() { ["HeartbeatInterval"] = heartbeat },
                Workloads = [.. (workloads ?? []).Select(workload => new WorkloadManifest
                {
                    Name = workload,
                    Quadlet = new Dictionary<string, IReadOnlyDictionary<string, IReadOnlyList<string>>>
                    {
                        ["Container"] = new Dictionary<string, IReadOnlyList<string>> { ["Image"] = [$"localhost/{workload}:1"] },
                    },
                })],
            },
        });
        Assert.Empty(parsed.Problems);
        return RevisionRenderer.Render(name, parsed.Value!.Environment, "ecu1");
    }
}
