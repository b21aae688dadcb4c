using Qm.Fleet.V1;
using Xunit;

namespace Qm.Fleet.Cli.Tests.Verbs;

[Trait("Requirement", "QMF-CLI-012")]
public sealed class WaitTests : CliTest
{
    [Fact]
    public async Task Wait_NodeBecomesReady_EndsWellThen()
    {
        Server.Nodes.Stored.Add(Node("ecu1", Condition.Types.Status.False));
        var run = RunAsync("wait", "node/ecu1", "--for", "condition=Ready");
        await Error.SeeAsync("Ready is False: QM restarts");
        Server.Nodes.Tell(ChangeType.Snapshot, Node("ecu1", Condition.Types.Status.False));
        Server.Nodes.Tell(ChangeType.Bookmark, null);
        Server.Nodes.Tell(ChangeType.Modified, Node("ecu1", Condition.Types.Status.True));

        Assert.Equal(ExitCode.Done, await run);
        Assert.Equal(("node/ecu1 condition met\n", "node/ecu1: Ready is False: QM restarts\n"), (Out.ToString(), Errors));
    }

    [Fact]
    public async Task Wait_NodeStaysAsItIs_Is5AndSaysHowItIs()
    {
        Server.Nodes.Stored.Add(Node("ecu1", Condition.Types.Status.False));
        Server.Nodes.Stored.Add(Node("ecu2", Condition.Types.Status.True));
        var run = RunAsync("wait", "node", "ecu1", "ecu2", "--timeout", "30s");
        await Error.SeeAsync("Ready is False: QM restarts");
        Time.Advance(TimeSpan.FromSeconds(31));

        Assert.Equal(ExitCode.TimedOut, await run);
        Assert.EndsWith("node/ecu1: not so after 30 s: Ready is False: QM restarts\n", Errors, StringComparison.Ordinal);
        Assert.Equal("node/ecu2 condition met\n", Out.ToString());
    }

    [Fact]
    public async Task Wait_FleetUntilItIsGone_EndsWhenItIsDeleted()
    {
        Server.Fleets.Stored.Add(new() { Metadata = new() { Name = "cockpit" } });
        var run = RunAsync("wait", "fleet/cockpit", "--for", "delete");
        await Error.SeeAsync("it is still there");
        Server.Fleets.TellDeleted("cockpit");

        Assert.Equal(ExitCode.Done, await run);
        Assert.Equal("fleet/cockpit is gone\n", Out.ToString());
    }

    [Theory]
    [InlineData(Rollout.Types.Phase.Succeeded, ExitCode.Done)]
    [InlineData(Rollout.Types.Phase.Paused, ExitCode.Failed)]
    [InlineData(Rollout.Types.Phase.RolledBack, ExitCode.Failed)]
    public async Task Wait_FleetForItsRollout_EndsAsTheRolloutDoes(Rollout.Types.Phase phase, int expected)
    {
        Server.Fleets.Stored.Add(new() { Metadata = new() { Name = "cockpit" }, Status = new() { Rollout = new() { Name = "cockpit/7", Phase = Rollout.Types.Phase.Progressing } } });
        var run = RunAsync("wait", "fleet/cockpit");
        await Error.SeeAsync("rollout cockpit/7 is Progressing");
        Server.Fleets.Tell("cockpit", 7, phase, 1, "why");

        Assert.Equal(expected, await run);
    }

    [Fact]
    public async Task Wait_OperationFails_Is1WithItsError()
    {
        Server.Operations.Stored.Add(new() { Name = "operations/0199", Kind = "RestartUnit", Done = true, Error = "radio.service ended 'failed'" });

        Assert.Equal(ExitCode.Failed, await RunAsync("wait", "operation/0199"));
        Assert.Equal("operation/0199 failed: radio.service ended 'failed'\n", Errors);
    }

    [Fact]
    public async Task Wait_OperationThatRuns_IsAskedAfterAgain()
    {
        var operation = new Operation { Name = "operations/0199", Kind = "RestartQm", Message = "waits for QM" };
        Server.Operations.Stored.Add(operation);
        var run = RunAsync("wait", "operation", "0199", "--timeout", "24h");
        await Error.SeeAsync("operation/0199: it runs: waits for QM");
        operation.Done = true;
        using var pace = new PeriodicTimer(TimeSpan.FromMilliseconds(5));
        while (!run.IsCompleted)
        {
            Time.Advance(TimeSpan.FromSeconds(1));
            await pace.WaitForNextTickAsync(TestContext.Current.CancellationToken);
        }

        Assert.Equal(ExitCode.Done, await run);
    }

    [Theory]
    [InlineData("condition=ready=false", false)]
    [InlineData("condition=Ready=UNKNOWN", false)]
    [InlineData("condition=Ready", true)]
    [InlineData("phase=qm-down", true)]
    [InlineData("phase=QM_DOWN", true)]
    [InlineData("phase=Healthy", false)]
    [InlineData("jsonpath={.status.phase.phase}=QM_DOWN", true)]
    [InlineData("jsonpath=.status.phase.phase=QM_DOWN", true)]
    [InlineData("jsonpath={.status.conditions[?(@.type==\"Ready\")].status}=TRUE", true)]
    [InlineData("jsonpath={.metadata.name}", true)]
    [InlineData("jsonpath={.spec.cordoned}", false)]
    public void Judge_ANode_IsAsItIsAskedFor(string text, bool isMet)
    {
        var node = Node("ecu1", Condition.Types.Status.True);
        node.Status.Phase = new() { Phase = NodePhase.Types.Phase.QmDown };

        Assert.Equal((isMet, null), Cli.Verbs.WaitCondition.Parse(text).Judge(node));
    }

    [Theory]
    [InlineData("wait node/ecu1 --for noon")]
    [InlineData("wait node/ecu1 --for jsonpath={.a[}=1")]
    [InlineData("wait nodes")]
    [InlineData("wait node/ecu1 --all")]
    [InlineData("wait node/ecu1 ecu2")]
    [InlineData("wait event 12")]
    public async Task Wait_WrongLine_Is2(string line)
    {
        Assert.Equal(ExitCode.Invalid, await RunAsync(line.Split(' ')));
        Assert.Empty(Out.ToString());
    }

    [Fact]
    public async Task Wait_WhatIsNotThere_Is3() => Assert.Equal(ExitCode.NotFound, await RunAsync("wait", "node/ecu9"));

    private static Node Node(string name, Condition.Types.Status ready) => new()
    {
        Metadata = new() { Name = name },
        Status = new() { Conditions = { new Condition { Type = "Ready", Status = ready, Message = ready == Condition.Types.Status.True ? "" : "QM restarts" } } },
    };
}
