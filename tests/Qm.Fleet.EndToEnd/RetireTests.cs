using Xunit;

namespace Qm.Fleet.EndToEnd;

/// <summary>A node that is taken out for good, beside others that go on.</summary>
[Collection(nameof(FleetLab))]
public sealed class RetireTests
{
    [Fact]
    [Trait("Requirement", "QMF-RETIRE-001")]
    public async Task Retire_NodeOfARunningFleet_LeavesItAsItIsAndGoesOnWithTheOthers()
    {
        await using var lab = await FleetLab.StartAsync();
        await lab.ApplyAsync("cockpit.yaml");
        await lab.ConvergedAsync();
        var (limit, calls) = (lab.Cgroup("ecu2", "memory.high"), lab.Calls("ecu2", "SetUnitProperties"));

        Assert.Equal("node/ecu2 retired", (await lab.RunAsync("node", "retire", "ecu2", "--reason", "sold with the car")).Trim());
        await lab.ApplyAsync("cockpit.yaml", ("MemoryHigh: 2G", "MemoryHigh: 1G"));
        var fleet = await lab.CockpitAsync();
        await lab.NodeAsync("ecu1", node => node.Status.Revision == fleet.Status.Revision && node.Status.Step?.Name == "Ready", "ecu1 has the next revision");
        await lab.NodeAsync("ecu3", node => node.Status.Revision == fleet.Status.Revision && node.Status.Step?.Name == "Ready", "ecu3 has the next revision");

        Assert.Equal((limit, calls), (lab.Cgroup("ecu2", "memory.high"), lab.Calls("ecu2", "SetUnitProperties")));
        Assert.Contains("sold with the car", await lab.RunAsync("describe", "node", "ecu2"), StringComparison.Ordinal);
        var (code, output) = await lab.Lab.RunCliAsync(["node", "restart-qm", "ecu2"], FleetLab.Ct);
        Assert.True(code == 4 && output.Contains("was retired", StringComparison.Ordinal), output);

        // BlueChi still knows it; neither that nor a restart brings it back.
        await lab.RunAsync("delete", "node", "ecu2");
        await lab.Lab.Controller.KillAsync();
        await lab.Lab.StartControllerAsync(FleetLab.Ct);
        await lab.RunAsync("wait", "node/ecu1", "--for", "condition=Ready");
        Assert.Equal(["node/ecu1", "node/ecu3"], (await lab.RunAsync("get", "nodes", "-o", "name")).Split('\n', StringSplitOptions.RemoveEmptyEntries));
        await lab.RunAsync("node", "reenroll", "ecu2", "--reason", "bought back");
        Assert.Contains("cordoned", await lab.RunAsync("describe", "node", "ecu2"), StringComparison.Ordinal);
    }
}
