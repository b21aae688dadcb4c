using Qm.Fleet.V1;
using Xunit;

namespace Qm.Fleet.EndToEnd;

/// <summary>What fails is healed, within bounds, and what cannot be healed is left alone and told.</summary>
[Trait("Requirement", "QMF-E2E-008")]
public sealed class SupervisionTests
{
    private const string Selector = "  selector: zone=cockpit";

    [Fact]
    public async Task Workload_ThatIsKilled_IsRestartedOnceAndToldToBeHealed()
    {
        await using var lab = await FleetLab.StartAsync(nodes: 2);
        await lab.ApplyAsync("cockpit.yaml");
        await lab.SettledAsync();
        var restarts = Restarts(lab);

        await lab.RunAsync("lab", "fault", "ecu2", "kill-workload", "radio");
        var events = await lab.EventsUntilAsync("Healed", node: "ecu2");
        // Whom the kernel killed is told by another source, before or after.
        Assert.Equal(
            ["WorkloadStarted", "UnitFailing", "UnitRestarted", "Healed"],
            events.Where(one => one is { Node: "ecu2", Unit: "radio.service", Reason: not "OomKilled" }).Select(one => one.Reason));
        Assert.Contains("1 of 5 restarts used", events.Single(one => one.Reason == "Healed").Message, StringComparison.Ordinal);
        await lab.ConvergedAsync();
        Assert.Equal([restarts[0], restarts[1] + 1], Restarts(lab));
        Assert.Contains("radio.service  healthy", await lab.RunAsync("describe", "node", "ecu2"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Qm_ThatCrashesAgainAndAgain_IsLeftAloneUntilSomebodyReleasesTheNode()
    {
        await using var lab = await FleetLab.StartAsync(nodes: 2);
        await lab.ApplyAsync("cockpit.yaml");
        await lab.SettledAsync();

        await lab.RunAsync("lab", "fault", "ecu2", "crash-loop");
        var quarantined = (await lab.EventsUntilAsync("NodeQuarantined", node: "ecu2")).Single(one => one.Reason == "NodeQuarantined");
        Assert.Equal(Event.Types.Severity.Critical, quarantined.Severity);
        Assert.Contains("qm.service does not stay up", quarantined.Message, StringComparison.Ordinal);
        await lab.StepAsync("ecu2", "WaitForRelease");
        // systemd was at it all the time; one more restart would have been no help.
        Assert.Equal(0ul, lab.Calls("ecu2", "RestartUnit"));
        Assert.Contains("qmfleet node release ecu2 ends it", await lab.RunAsync("describe", "node", "ecu2"), StringComparison.Ordinal);

        await lab.RunAsync("lab", "clear");
        Assert.Equal("node/ecu2 released\n", await lab.RunAsync("node", "release", "ecu2", "--reason", "another power supply"));
        await lab.ConvergedAsync();
        Assert.Contains((await lab.EventsAsync()), one => one.Reason == "NodeReleased" && one.Message == "It is looked after again: another power supply.");
    }

    [Fact]
    public async Task WholeFleet_ThatFailsAtOnce_IsNotRestartedAndRaisesOneAlarm()
    {
        await using var lab = await FleetLab.StartAsync();
        await lab.ApplyAsync("cockpit.yaml", (Selector, $"{Selector}\n  supervision: {{restart: {{initial: 3s, jitter: 0%}}}}"));
        await lab.SettledAsync();
        var restarts = Restarts(lab);

        var fault = DocumentedFault.Of("The whole fleet fails at once");
        await lab.RunAsync([.. fault.Commands.Single()]);
        var events = await lab.EventsUntilAsync("CorrelatedFailure");
        foreach (var node in (string[])["ecu1", "ecu2", "ecu3"])
        {
            await lab.StepAsync(node, "WaitForCorrelatedFailure");
            await lab.NodeAsync(node, found => $"{found.Status?.Phase?.Phase}" == fault.Found.Single(), $"{node} is found {fault.Found.Single()}");
        }

        Assert.Single(events, one => one.Reason == "CorrelatedFailure" && one.Severity == Event.Types.Severity.Critical);
        Assert.Equal(restarts, Restarts(lab));

        // Somebody brings two of them up; the third is then healed.
        foreach (var node in lab.Lab.Nodes.Take(2))
        {
            await node.Qm!.Systemd.RunAsync(Qm.Fleet.Lab.Nodes.JobType.Start, "radio.service", FleetLab.Ct);
        }

        await lab.EventsUntilAsync("Healed", node: "ecu3");
        Assert.Equal(fault.Events.Single(), (await lab.EventsAsync()).Where(one => fault.Events[0].Contains(one.Reason)).Select(one => one.Reason));
    }

    [Fact]
    [Trait("Requirement", "QMF-SUPER-011")]
    public async Task Maintenance_SilencesHealingAndNotWatching()
    {
        await using var lab = await FleetLab.StartAsync(nodes: 1);
        await lab.ApplyAsync("cockpit.yaml");
        await lab.SettledAsync();
        await lab.ApplyNodesAsync("{name: ecu1, labels: {zone: cockpit}}", "{maintenance: true}");
        var restarts = Restarts(lab);

        await lab.RunAsync("lab", "fault", "ecu1", "kill-workload", "radio");
        await lab.StepAsync("ecu1", "WaitForSilence");
        await lab.EventsUntilAsync("NodeDegraded", node: "ecu1");
        Assert.Equal(restarts, Restarts(lab));

        // systemd restarts it before anybody looks.
        var onHost = lab.Calls("ecu1", "RestartUnit") + lab.Calls("ecu1", "StartUnit");
        await lab.Lab.Nodes[0].Host.KillAsync("brake-control.service", 137);
        Assert.Equal("brake-control.service", (await lab.EventsUntilAsync("HostUnitRestarted", node: "ecu1"))[^1].Unit);
        Assert.Equal(onHost, lab.Calls("ecu1", "RestartUnit") + lab.Calls("ecu1", "StartUnit"));

        await lab.ApplyNodesAsync("{name: ecu1, labels: {zone: cockpit}}", "{}");
        await lab.EventsUntilAsync("Healed", node: "ecu1");
        await lab.ConvergedAsync();
    }

    // What was restarted on the way to the revision stands in it, too.
    private static ulong[] Restarts(FleetLab lab) => [.. lab.Lab.Nodes.Select(node => lab.Calls("qm." + node.Name, "RestartUnit"))];
}
