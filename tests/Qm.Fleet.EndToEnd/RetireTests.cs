using Qm.Fleet.Lab.Processes;
using Xunit;

namespace Qm.Fleet.EndToEnd;

/// <summary>A node that is taken out for good, beside others that go on.</summary>
public sealed class RetireTests
{
    [Fact]
    [Trait("Requirement", "QMF-RETIRE-001")]
    public async Task Retire_NodeOfARunningFleet_LeavesItAsItIsAndGoesOnWithTheOthers()
    {
        await using var lab = await FleetLab.StartAsync();
        await lab.ApplyAsync("cockpit.yaml");
        await lab.SettledAsync();
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

    [Fact]
    [Trait("Requirement", "QMF-RETIRE-002")]
    public async Task Reenroll_NodeWithAnotherKey_JoinsOnceMore()
    {
        await using var lab = await FleetLab.StartAsync(2);
        var node = lab.Lab.Nodes.Single(static node => node.Name == "ecu2");
        var before = await lab.RunAsync("get", "enrollment", "ecu2", "-o", "jsonpath={.fingerprint}");

        await lab.RunAsync("node", "retire", "ecu2", "--reason", "its disk is broken");
        await lab.RunAsync("node", "reenroll", "ecu2", "--reason", "it has another disk");
        Directory.Delete(Path.Combine(node.Root, "etc/qm-fleet/pki"), recursive: true);
        var token = (await lab.RunAsync("join-token", "create", "again", "--node", "ecu2")).Split('\n')[0];
        await LabEnrollment.WriteTokenAsync(node, token, FleetLab.Ct);
        await lab.NodeAsync("ecu2", NodeWatch.HasExtension, "ecu2 is connected");

        Assert.NotEqual(before, await lab.RunAsync("get", "enrollment", "ecu2", "-o", "jsonpath={.fingerprint}"));
        Assert.DoesNotContain("may enrol once more", await lab.RunAsync("describe", "node", "ecu2"), StringComparison.Ordinal);
        Assert.DoesNotContain(await lab.EventsAsync(), static told => told.Reason == "EnrollmentTakeover");
    }
}
