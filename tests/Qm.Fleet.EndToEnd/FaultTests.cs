using Qm.Fleet.Lab.Processes;
using Qm.Fleet.V1;
using Xunit;

namespace Qm.Fleet.EndToEnd;

/// <summary>Faults as a person gives them, with qmfleet, and what the controller makes of them.</summary>
[Trait("Requirement", "QMF-LAB-004")]
public sealed class FaultTests
{
    [Fact]
    public async Task Freeze_OfOneNode_IsUnheardOfAndConvergesAfterThaw()
    {
        await using var lab = await FleetLab.StartAsync();
        lab.Lab.BlueChi.Faults.AgentTimeout = TimeSpan.FromMilliseconds(200);
        await lab.ApplyAsync("cockpit.yaml");
        await lab.SettledAsync();

        Assert.StartsWith("ecu2: BlueChi's agent is stopped;", await lab.RunAsync("lab", "fault", "ecu2", "freeze"), StringComparison.Ordinal);
        await lab.ApplyAsync("cockpit-tight.yaml");
        var wanted = (await lab.CockpitAsync()).Status.Revision;
        await lab.ConditionAsync("ecu2", "QmActive", Condition.Types.Status.Unknown);
        Assert.Equal("fault/ecu2/freeze\n", await lab.RunAsync("lab", "faults", "-o", "name"));

        await lab.RunAsync("lab", "fault", "ecu2", "thaw");
        var nodes = await lab.ConvergedAsync(wanted);
        Assert.Equal(550, nodes["ecu2"].Status.Report.Oom.Qm);
        Assert.Equal("no faults\n", await lab.RunAsync("lab", "faults"));
    }

    [Fact]
    public async Task Reboot_OfOneNode_ConvergesAgain()
    {
        await using var lab = await FleetLab.StartAsync(nodes: 2);
        await lab.ApplyAsync("cockpit.yaml");
        var boot = (await lab.SettledAsync())["ecu2"].Status.Report.Machine.BootId;
        var agent = lab.Lab.AgentOf(lab.Lab.Nodes[1])!.Id;

        await lab.RunAsync("lab", "fault", "ecu2", "reboot");
        await lab.NodeAsync("ecu2", node => NodeWatch.HasConverged(node) && node.Status.Report?.Machine.BootId != boot, "ecu2 has converged after another boot");
        Assert.NotEqual(agent, lab.Lab.AgentOf(lab.Lab.Nodes[1])!.Id);
    }

    [Fact]
    [Trait("Requirement", "QMF-PROBE-003")]
    [Trait("Requirement", "QMF-PROBE-004")]
    public async Task FailProbe_OfAWorkload_IsUnhealthyUntilItIsCleared()
    {
        await using var lab = await FleetLab.StartAsync(nodes: 1);
        await lab.ApplyAsync("cockpit.yaml", ("- name: radio", """
            - name: radio
                    livenessProbe: {exec: {command: [/bin/check, "$(id); exit 9"]}, periodSeconds: 3, timeoutSeconds: 3, failureThreshold: 2, successThreshold: 2}
            """));
        await lab.ConvergedAsync();
        await lab.NodeAsync("ecu1", node => Radio(node) is { State: ProbeResult.Types.State.Healthy, Failures: 0, Message: "" }, "the probe of radio says healthy");

        Assert.Equal("ecu1: the command that probes radio fails\n", await lab.RunAsync("lab", "fault", "ecu1", "fail-probe", "radio"));
        await lab.NodeAsync("ecu1", node => Radio(node) is { State: ProbeResult.Types.State.Unhealthy, Failures: 2 } failed && failed.Message.StartsWith("exit code 1: /bin/check", StringComparison.Ordinal),
            "the probe of radio says unhealthy");
        Assert.Contains("UNHEALTHY  radio.service  2 failed in a row", await lab.RunAsync("describe", "node", "ecu1"), StringComparison.Ordinal);
        Assert.Equal("fault/ecu1/fail-probe\n", await lab.RunAsync("lab", "faults", "-o", "name"));

        await lab.RunAsync("lab", "clear", "ecu1");
        await lab.NodeAsync("ecu1", node => Radio(node)?.State == ProbeResult.Types.State.Healthy, "the probe of radio says healthy again");
        Assert.DoesNotContain("UNHEALTHY", await lab.RunAsync("describe", "node", "ecu1"), StringComparison.Ordinal);

        static ProbeResult? Radio(Node node) => node.Status?.Probes.SingleOrDefault(probe => probe.Unit == "radio.service");
    }

    [Fact]
    public async Task Fault_OfANodeThatIsNotThere_SaysWhichAre()
    {
        await using var lab = await FleetLab.StartAsync(nodes: 1);
        Assert.Equal((3, "\"ecu7\": the lab has no such node; it has ecu1, qm.ecu1\n"), await lab.Lab.RunCliAsync(["lab", "fault", "ecu7", "freeze"], FleetLab.Ct));
    }
}
