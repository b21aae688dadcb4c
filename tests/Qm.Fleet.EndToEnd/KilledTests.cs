using Qm.Fleet.Lab.Nodes;
using Xunit;

namespace Qm.Fleet.EndToEnd;

public sealed class KilledTests
{
    // Long enough to be killed in the middle of.
    private static readonly NodeTimings Slow = NodeTimings.Fast with { Stop = TimeSpan.FromMilliseconds(700), Start = TimeSpan.FromMilliseconds(300) };

    [Fact]
    [Trait("Requirement", "QMF-E2E-004")]
    [Trait("Requirement", "QMF-RULE-1")]
    public async Task Controller_KilledWhileQmRestarts_GoesOnAndDoesNothingTwice()
    {
        await using var lab = await FleetLab.StartAsync(timings: Slow);
        await lab.ApplyAsync("cockpit.yaml");
        await lab.SettledAsync();

        await lab.ApplyAsync("cockpit-tight.yaml");
        var wanted = (await lab.CockpitAsync()).Status.Revision;
        await lab.StepAsync("ecu1", "RestartQm");
        await lab.Lab.Controller.KillAsync();
        await lab.Lab.StartControllerAsync(FleetLab.Ct);
        var nodes = await lab.ConvergedAsync(wanted);

        Assert.All(nodes, node =>
        {
            Assert.Equal(550, node.Value.Status.Report.Oom.Qm);
            Assert.Equal(1u, lab.Calls(node.Key, "RestartUnit"));
        });
    }

    [Fact]
    [Trait("Requirement", "QMF-E2E-004")]
    [Trait("Requirement", "QMF-RULE-1")]
    public async Task Controller_KilledRightAfterTheAnswer_LosesNothing()
    {
        await using var lab = await FleetLab.StartAsync();

        var output = await lab.ApplyAsync("cockpit.yaml");
        await lab.Lab.Controller.KillAsync();
        await lab.Lab.StartControllerAsync(FleetLab.Ct);
        var nodes = await lab.ConvergedAsync();

        Assert.All(nodes.Values, node => Assert.Contains($"revision {node.Status.Revision}", output, StringComparison.Ordinal));
        Assert.Single(await lab.EventsAsync(), item => item.Reason == "FleetCreated");
    }

    [Fact]
    [Trait("Requirement", "QMF-E2E-005")]
    public async Task Agent_KilledWhileItsNodeMoves_ComesBackAndFinishes()
    {
        await using var lab = await FleetLab.StartAsync(timings: Slow);
        await lab.ApplyAsync("cockpit.yaml");
        await lab.SettledAsync();

        await lab.ApplyAsync("cockpit-tight.yaml");
        var wanted = (await lab.CockpitAsync()).Status.Revision;
        await lab.StepAsync("ecu1", "RestartQm");
        await lab.Lab.AgentOf(lab.Lab.Nodes[0])!.KillAsync();
        await lab.Lab.StartAgentAsync("agent-ecu1", [lab.Lab.Nodes[0]]);
        var nodes = await lab.ConvergedAsync(wanted);

        Assert.All(nodes.Keys, node => Assert.Equal(1u, lab.Calls(node, "RestartUnit")));
    }
}
