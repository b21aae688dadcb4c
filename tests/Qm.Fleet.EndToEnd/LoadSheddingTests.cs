using Qm.Fleet.V1;
using Xunit;

namespace Qm.Fleet.EndToEnd;

/// <summary>Load that is shed while QM is under pressure, beside what a person froze.</summary>
[Trait("Requirement", "QMF-SHED-003")]
public sealed class LoadSheddingTests
{
    private const string Selector = "  selector: zone=cockpit";
    private const string Workloads = "    workloads:\n";

    [Fact]
    public async Task Pressure_ThatComesAndGoes_FreezesAndThawsItsOwnOverAKillOfTheController()
    {
        await using var lab = await FleetLab.StartAsync(nodes: 1);
        await lab.ApplyAsync(
            "cockpit.yaml",
            (Selector, $"{Selector}\n  supervision: {{loadShedding: [{{name: calm, when: {{pressure: memory, above: 20%}}, until: {{below: 10%, for: 5s}}, freeze: [navi, radio]}}]}}"),
            (Workloads, $"{Workloads}      - name: navi\n        quadlet: {{Container: {{Image: \"localhost/navi:1\"}}, Install: {{WantedBy: default.target}}}}\n"));
        await lab.SettledAsync();
        await lab.RunAsync("freeze", "ecu1", "navi.service");

        Press(60);
        Assert.Contains("memory pressure of QM is above 20%", (await lab.EventsUntilAsync("LoadShed", "ecu1"))[^1].Message, StringComparison.Ordinal);
        Assert.Equal("radio.service", (await lab.EventsUntilAsync("WorkloadFrozen", "ecu1"))[^1].Unit);
        Assert.Equal(("frozen", "frozen"), await StatesAsync());

        // The next controller knows what it has to thaw, and that the other is not its own.
        await lab.Lab.Controller.KillAsync();
        Press(1);
        await lab.Lab.StartControllerAsync(FleetLab.Ct);
        Assert.Equal("radio.service", (await lab.EventsUntilAsync("WorkloadThawed", "ecu1"))[^1].Unit);
        await lab.SettledAsync();

        Assert.Equal(("frozen", "running"), await StatesAsync());
        Assert.Equal(["radio.service", "radio.service"], (await lab.EventsAsync()).Where(static one => one.Reason is "WorkloadFrozen" or "WorkloadThawed").Select(static one => one.Unit));

        void Press(int percent) => lab.Lab.Nodes[0].Context.Kernel.WriteCgroup("/qm.service", "memory.pressure",
            FormattableString.Invariant($"some avg10={percent}.00 avg60=0.00 avg300=0.00 total=0\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=0"));

        async Task<(string Navi, string Radio)> StatesAsync()
        {
            var units = (await new NodeService.NodeServiceClient(lab.Lab.Channel).ListUnitsAsync(new() { Node = "ecu1" }, cancellationToken: FleetLab.Ct)).Units;
            return (units.Single(static unit => unit.Name == "navi.service").FreezerState, units.Single(static unit => unit.Name == "radio.service").FreezerState);
        }
    }
}
