using Qm.Fleet.V1;
using Xunit;

namespace Qm.Fleet.Cli.Tests.Verbs;

[Trait("Requirement", "QMF-PLAN-003")]
public sealed class PlanTests : CliTest
{
    private const string Fleet = "{apiVersion: qm.fleet/v1, kind: Fleet, metadata: {name: cockpit}, spec: {selector: zone=cockpit}}";

    [Fact]
    public async Task Plan_Fleet_ShowsEverythingAndSaysThatNothingWasDone()
    {
        var path = Write("fleet.yaml", Fleet);
        Server.Fleets.Planned = _ => Plan();

        Assert.Equal(ExitCode.Done, await RunAsync("plan", "-f", path, "--diff"));

        Assert.Equal(
            """
            Fleet cockpit  9f3a61c2 -> 41d07be9    2 nodes match, 1 changes, in 2 batches
              environment.oom.qm  500 -> 550  QM restarts once on each node
            Batches   1: canary=true: no node
                      2: 100%: 2 nodes, ecu1, ecu2
                      maxUnavailable 1, soak 0 s
            Held by   Cordoned, ecu2: the node is cordoned; would be released by uncordon
            Ends      not as things are: waits for ecu2
            Warnings  QMF-W001 MemoryMax is not set
            On ecu1
              change  /etc/x.conf  (-1 +1)
                      @@ -1 +1 @@
                      -a
                      +b
              call    Node(ecu1).Reload   the score is another
              call    Node(ecu1).RestartUnit qm.service
              then    Ready: as wanted
            On ecu2
              then    WaitForUncordon: the node is cordoned

            """,
            Out.ToString());
        Assert.Equal($"Nothing has been changed. Apply with: qmfleet apply -f {path}\n", Error.ToString());
        Assert.Empty(Server.Fleets.Applies);
    }

    [Fact]
    public async Task Plan_AsJson_IsTheApisAnswer()
    {
        Server.Fleets.Planned = _ => Plan();

        Assert.Equal(ExitCode.Done, await RunAsync("plan", "-f", Write("fleet.yaml", Fleet), "-o", "json"));

        Assert.Equal(Plan(), FleetPlan.Parser.ParseJson(Out.ToString()));
        Assert.Equal("", Error.ToString());
    }

    [Fact]
    public async Task Plan_WhatCannotWork_IsShownAndEndsInvalid()
    {
        Server.Fleets.Planned = _ => new() { Fleet = "cockpit", Findings = { new Finding { Rule = "QMF-W011", Severity = Finding.Types.Severity.Error, Message = "none may ever go down" } } };

        Assert.Equal(ExitCode.Invalid, await RunAsync("plan", "-f", Write("fleet.yaml", Fleet)));

        Assert.Contains("Errors    QMF-W011 none may ever go down", Out.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Plan_ManifestThatIsWrong_IsToldByLine()
    {
        Server.Fleets.Violations = _ => [("fleets[0].spec.selector", "a selector is required")];

        Assert.Equal(ExitCode.Invalid, await RunAsync("plan", "-f", Write("fleet.yaml", Fleet)));

        Assert.Contains("1 problem, nothing was planned", Error.ToString(), StringComparison.Ordinal);
        Assert.Contains("spec.selector: a selector is required", Error.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    [Trait("Requirement", "QMF-PLAN-002")]
    public async Task Diff_TwoRevisions_AreComparedFieldByField()
    {
        Server.Revisions.Difference = new() { From = "9f3a61c2", To = "41d07be9", Changes = { Plan().Changes } };

        Assert.Equal(ExitCode.Done, await RunAsync("diff", "cockpit"));

        Assert.Equal("Fleet cockpit  9f3a61c2 -> 41d07be9\n  environment.oom.qm  500 -> 550  QM restarts once on each node\n", Out.ToString());
    }

    private static FleetPlan Plan() => new()
    {
        Fleet = "cockpit",
        Result = ApplyResult.Configured,
        FromRevision = "9f3a61c2",
        ToRevision = "41d07be9",
        Matching = 2,
        Pace = "maxUnavailable 1, soak 0 s",
        Message = "waits for ecu2",
        Changes = { new FieldChange { Path = "oom.qm", Before = { "500" }, After = { "550" }, Disrupts = Disruption.Qm, Consequence = "QM restarts once on each node" } },
        Batches = { new PlannedBatch { Batch = "canary=true" }, new PlannedBatch { Batch = "100%", Nodes = { "ecu1", "ecu2" } } },
        Held = { new PlannedHold { Nodes = { "ecu2" }, Hold = new() { Gate = "Cordoned", Reason = "the node is cordoned", Release = "uncordon" } } },
        Left = { new PlannedHold { Nodes = { "ecu2" }, Hold = new() { Gate = "Cordoned", Reason = "the node is cordoned", Release = "uncordon" } } },
        Findings = { new Finding { Rule = "QMF-W001", Severity = Finding.Types.Severity.Warning, Message = "MemoryMax is not set" } },
        Nodes =
        {
            new NodePlan
            {
                Nodes = { "ecu1" },
                Files = { new FilePlan { Path = "/etc/x.conf", Change = FilePlan.Types.Change.Edited, AddedLines = 1, RemovedLines = 1, Diff = "--- a\n+++ b\n@@ -1 +1 @@\n-a\n+b" } },
                Steps = { new PlannedStep { Act = "RestartQm", Reason = "the score is another", Disrupts = Disruption.Qm, Calls = { "Node(ecu1).Reload", "Node(ecu1).RestartUnit qm.service" } } },
                End = "Ready",
                EndReason = "as wanted",
                Disrupts = Disruption.Qm,
            },
            new NodePlan { Nodes = { "ecu2" }, End = "WaitForUncordon", EndReason = "the node is cordoned" },
        },
    };
}
