using Qm.Fleet.V1;
using Xunit;

namespace Qm.Fleet.EndToEnd;

/// <summary>Load that is shed while QM is under pressure, beside what a person froze.</summary>
[Trait("Requirement", "QMF-SHED-003")]
public sealed class LoadSheddingTests
{
    private const string Selector = "  selector: zone=cockpit";
    private const string Workloads = "    workloads:\n";
    private const string Rule = "  supervision: {loadShedding: [{name: calm, when: {pressure: memory, above: 20%}, until: {below: 10%, for: 5s}, freeze: [navi, radio]}]}";

    [Fact]
    public async Task Pressure_ThatComesAndGoes_FreezesAndThawsItsOwnOverAKillOfTheController()
    {
        await using var lab = await StartAsync();
        await lab.RunAsync("freeze", "ecu1", "navi.service");

        Press(lab, 60);
        Assert.Contains("memory pressure of QM is above 20%", (await lab.EventsUntilAsync("LoadShed", "ecu1"))[^1].Message, StringComparison.Ordinal);
        Assert.Equal("radio.service", (await lab.EventsUntilAsync("WorkloadFrozen", "ecu1"))[^1].Unit);
        Assert.Equal(("frozen", "frozen"), await StatesAsync(lab));

        // The next controller knows what it has to thaw, and that the other is not its own.
        await lab.Lab.Controller.KillAsync();
        Press(lab, 1);
        await lab.Lab.StartControllerAsync(FleetLab.Ct);
        Assert.Equal("radio.service", (await lab.EventsUntilAsync("WorkloadThawed", "ecu1"))[^1].Unit);
        await lab.SettledAsync();

        Assert.Equal(("frozen", "running"), await StatesAsync(lab));
        Assert.Equal(["radio.service", "radio.service"], (await lab.EventsAsync()).Where(static one => one.Reason is "WorkloadFrozen" or "WorkloadThawed").Select(static one => one.Unit));
    }

    // People who work on a node see it as its environment has it.
    [Fact]
    public async Task Maintenance_WhileLoadIsShed_BringsTheLoadBackUnderTheSamePressure()
    {
        await using var lab = await StartAsync();
        await lab.RunAsync("freeze", "ecu1", "navi.service");
        Press(lab, 60);
        await lab.EventsUntilAsync("WorkloadFrozen", "ecu1");

        await lab.ApplyNodesAsync("{name: ecu1, labels: {zone: cockpit}}", "{maintenance: true}");

        Assert.Contains("the rule holds no more for this node", (await lab.EventsUntilAsync("LoadRestored", "ecu1"))[^1].Message, StringComparison.Ordinal);
        Assert.Equal("radio.service", (await lab.EventsUntilAsync("WorkloadThawed", "ecu1"))[^1].Unit);
        Assert.Equal(("frozen", "running"), await StatesAsync(lab));

        // And what was shed for the pressure is shed for it again.
        await lab.ApplyNodesAsync("{name: ecu1, labels: {zone: cockpit}}", "{maintenance: false}");
        Assert.All(await lab.EventsAsync("WorkloadFrozen", count: 2), static one => Assert.Equal("radio.service", one.Unit));
    }

    private static async Task<FleetLab> StartAsync()
    {
        var lab = await FleetLab.StartAsync(nodes: 1);
        await lab.ApplyAsync(
            "cockpit.yaml",
            (Selector, $"{Selector}\n{Rule}"),
            (Workloads, $"{Workloads}      - name: navi\n        quadlet: {{Container: {{Image: \"localhost/navi:1\"}}, Install: {{WantedBy: default.target}}}}\n"));
        await lab.SettledAsync();
        return lab;
    }

    private static void Press(FleetLab lab, int percent) => lab.Lab.Nodes[0].Context.Kernel.WriteCgroup("/qm.service", "memory.pressure",
        FormattableString.Invariant($"some avg10={percent}.00 avg60=0.00 avg300=0.00 total=0\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=0"));

    private static async Task<(string Navi, string Radio)> StatesAsync(FleetLab lab)
    {
        var units = (await new NodeService.NodeServiceClient(lab.Lab.Channel).ListUnitsAsync(new() { Node = "ecu1" }, cancellationToken: FleetLab.Ct)).Units;
        return (units.Single(static unit => unit.Name == "navi.service").FreezerState, units.Single(static unit => unit.Name == "radio.service").FreezerState);
    }
}
