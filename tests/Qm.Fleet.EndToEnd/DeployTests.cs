using Qm.Fleet.Lab.Processes;
using Qm.Fleet.V1;
using Xunit;

namespace Qm.Fleet.EndToEnd;

public sealed class DeployTests
{
    [Fact]
    [Trait("Requirement", "QMF-E2E-001")]
    public async Task Apply_Cockpit_IsReadBackFromEveryNode()
    {
        await using var lab = await FleetLab.StartAsync();

        await lab.ApplyAsync("cockpit.yaml");
        var nodes = await lab.SettledAsync();

        Assert.Equal(3, nodes.Count);
        Assert.All(nodes.Values, node =>
        {
            Assert.True(NodeWatch.Holds(node, "QmActive") && NodeWatch.Holds(node, "QmOnline") && NodeWatch.Holds(node, "Verified"));
            Assert.All(node.Status.Checks, check => Assert.True(check.Result is Check.Types.Result.Pass or Check.Types.Result.Pending, check.ToString()));
            var oom = node.Status.Report.Oom;
            Assert.Equal((0, 500, 750), (oom.Host, oom.Qm, Assert.Single(oom.Nested).Score));
            Assert.Equal(("2147483648", "3221225472", "1"),
                (lab.Cgroup(node.Metadata.Name, "memory.high"), lab.Cgroup(node.Metadata.Name, "memory.max"), lab.Cgroup(node.Metadata.Name, "cpu.idle")));
        });
    }

    [Fact]
    [Trait("Requirement", "QMF-RULE-2")]
    public async Task Apply_SameAgain_NeitherCallsNorWrites()
    {
        await using var lab = await FleetLab.StartAsync();
        await lab.ApplyAsync("cockpit.yaml");
        await lab.SettledAsync();
        var (calls, files, before) = (lab.Lab.BlueChi.Counters.Total, OwnedFiles.Of(lab.Lab.Nodes.Select(node => node.Root)), await lab.CockpitAsync());

        var again = await lab.ApplyAsync("cockpit.yaml");
        var same = await lab.CockpitAsync();
        var reworded = await lab.ApplyAsync("cockpit.yaml", ("MemoryHigh: 2G", "MemoryHigh: 2048M"));
        var after = await lab.CockpitAsync();

        Assert.Contains("fleet/cockpit unchanged", again, StringComparison.Ordinal);
        Assert.Equal(before.Metadata.Generation, same.Metadata.Generation);
        // Other words for the same environment: the spec is another, the revision is not, so no rollout begins.
        Assert.Equal($"fleet/cockpit configured  revision {before.Status.Revision}", reworded.Trim());
        Assert.Equal((before.Metadata.Generation + 1, before.Status.Revision), (after.Metadata.Generation, after.Status.Revision));
        Assert.Equal(calls, lab.Lab.BlueChi.Counters.Total);
        Assert.Empty(OwnedFiles.Of(lab.Lab.Nodes.Select(node => node.Root)).ChangesSince(files));
    }

    [Fact]
    [Trait("Requirement", "QMF-RULE-2")]
    public async Task Controller_RestartedOverConvergedFleet_NeitherCallsNorWrites()
    {
        await using var lab = await FleetLab.StartAsync();
        await lab.ApplyAsync("cockpit.yaml");
        await lab.SettledAsync();
        var (calls, files) = (lab.Lab.BlueChi.Counters.Total, OwnedFiles.Of(lab.Lab.Nodes.Select(node => node.Root)));

        await lab.Lab.Controller.KillAsync();
        await lab.Lab.StartControllerAsync(FleetLab.Ct);
        await lab.ConvergedAsync();

        Assert.Equal(calls, lab.Lab.BlueChi.Counters.Total);
        Assert.Empty(OwnedFiles.Of(lab.Lab.Nodes.Select(node => node.Root)).ChangesSince(files));
    }

    [Fact]
    [Trait("Requirement", "QMF-E2E-002")]
    public async Task Apply_OtherMemoryHigh_IsLiveAndQmKeepsItsPid()
    {
        await using var lab = await FleetLab.StartAsync();
        await lab.ApplyAsync("cockpit.yaml");
        var before = await lab.SettledAsync();

        await lab.ApplyAsync("cockpit.yaml", ("MemoryHigh: 2G", "MemoryHigh: 1536M"));
        var after = await lab.ConvergedAsync((await lab.CockpitAsync()).Status.Revision);

        Assert.All(after, node =>
        {
            Assert.Equal("1610612736", lab.Cgroup(node.Key, "memory.high"));
            Assert.Equal(before[node.Key].Status.Report.Oom.QmInitPid, node.Value.Status.Report.Oom.QmInitPid);
            Assert.Equal(0u, lab.Calls(node.Key, "RestartUnit"));
        });
    }

    [Fact]
    [Trait("Requirement", "QMF-E2E-002")]
    public async Task Apply_LimitRemoved_GoesBackInTheKernelToo()
    {
        await using var lab = await FleetLab.StartAsync(nodes: 1);
        await lab.ApplyAsync("cockpit.yaml", ("      MemoryHigh: 2G\n", "      MemoryHigh: 2G\n      AllowedCPUs: 1-2\n      CPUQuota: 60%\n"));
        await lab.SettledAsync();
        Assert.Equal(("2147483648", "1-2", "60000 100000"), Limits());

        await lab.ApplyAsync("cockpit.yaml", ("      MemoryHigh: 2G\n", ""));
        await lab.ConvergedAsync((await lab.CockpitAsync()).Status.Revision);

        Assert.Equal(("max", "0-3", "max 100000"), Limits());

        (string, string, string) Limits() => (lab.Cgroup("ecu1", "memory.high"), lab.Cgroup("ecu1", "cpuset.cpus"), lab.Cgroup("ecu1", "cpu.max"));
    }

    [Fact]
    [Trait("Requirement", "QMF-E2E-002")]
    [Trait("Requirement", "QMF-CORE-006")]
    public async Task Apply_LimitsOfDisksAndOfSystemdOomd_ComeAndGoWithoutARestart()
    {
        await using var lab = await FleetLab.StartAsync(nodes: 1);
        await lab.ApplyAsync("cockpit.yaml");
        await lab.SettledAsync();

        await lab.ApplyAsync("cockpit.yaml", ("      MemoryHigh: 2G\n",
            "      MemoryHigh: 2G\n      IOReadBandwidthMax: [/var/qm 50M, /dev/sda 1G]\n      IOWriteIOPSMax: [/var/qm 500]\n      ManagedOOMSwap: auto\n      ManagedOOMPreference: avoid\n"));
        var limited = await lab.ConvergedAsync((await lab.CockpitAsync()).Status.Revision);
        Assert.Equal("253:0 rbps=50000000 wbps=max riops=max wiops=500\n8:0 rbps=1000000000 wbps=max riops=max wiops=max", lab.Cgroup("ecu1", "io.max"));
        Assert.Equal(("auto", "avoid"), (Property("ManagedOOMSwap"), limited["ecu1"].Status.Report.ManagedOomPreference));

        await lab.ApplyAsync("cockpit.yaml", ("      MemoryHigh: 2G\n", "      MemoryHigh: 2G\n      IOReadBandwidthMax: [/var/qm 40M]\n"));
        var lifted = await lab.ConvergedAsync((await lab.CockpitAsync()).Status.Revision);
        Assert.Equal("253:0 rbps=40000000 wbps=max riops=max wiops=max", lab.Cgroup("ecu1", "io.max"));
        Assert.Equal(("kill", "none"), (Property("ManagedOOMSwap"), lifted["ecu1"].Status.Report.ManagedOomPreference));
        Assert.Equal(0u, lab.Calls("ecu1", "RestartUnit"));

        string Property(string name) => ((BlueChi.Bus.BusValue.Text)lab.Lab.Nodes[0].Host.Properties("qm.service", "")[name]).Value;
    }

    [Fact]
    [Trait("Requirement", "QMF-AGENT-010")]
    public async Task Apply_DeviceThatANodeLacks_IsRefusedThereAndNothingIsChanged()
    {
        await using var lab = await FleetLab.StartAsync(nodes: 1);
        await lab.ApplyAsync("cockpit.yaml");
        var before = await lab.SettledAsync();

        await lab.ApplyAsync("cockpit.yaml", ("      MemoryHigh: 2G\n", "      MemoryHigh: 2G\n      IOReadBandwidthMax: [/dev/sdz 50M]\n"));
        await lab.NodeAsync("ecu1", node => node.Status.Step?.Name == "Failed" && node.Status.Step.Message.Contains("InvalidDevice", StringComparison.Ordinal)
            && node.Status.Report.Revision == before["ecu1"].Status.Report.Revision, "ecu1 refuses the device and keeps what it has");
    }

    [Fact]
    [Trait("Requirement", "QMF-E2E-003")]
    public async Task Apply_OtherQmScore_RestartsQmOncePerNode()
    {
        await using var lab = await FleetLab.StartAsync();
        await lab.ApplyAsync("cockpit.yaml");
        var before = await lab.SettledAsync();

        await lab.ApplyAsync("cockpit-tight.yaml");
        var after = await lab.ConvergedAsync((await lab.CockpitAsync()).Status.Revision);

        Assert.All(after, node =>
        {
            Assert.Equal(550, node.Value.Status.Report.Oom.Qm);
            Assert.NotEqual(before[node.Key].Status.Report.Oom.QmInitPid, node.Value.Status.Report.Oom.QmInitPid);
            Assert.Equal(1u, lab.Calls(node.Key, "RestartUnit"));
        });
    }

    [Fact]
    [Trait("Requirement", "QMF-ROLL-001")]
    public async Task Apply_WorkloadThatCannotStart_StopsAtTheFirstNode()
    {
        await using var lab = await FleetLab.StartAsync();
        await lab.ApplyAsync("cockpit.yaml");
        await lab.SettledAsync();
        lab.Lab.Nodes[0].Faults.FailStarts("radio.service", 100);

        await lab.ApplyAsync("cockpit.yaml", ("localhost/radio:3", "localhost/radio:4"));
        await lab.StepAsync("ecu1", "Failed");

        var fleet = await lab.CockpitAsync(Rollout.Types.Phase.Paused);
        Assert.Contains("ecu1 failed", fleet.Status.Rollout.Message, StringComparison.Ordinal);
        Assert.Equal((0u, 0u), (lab.Calls("qm.ecu2", "RestartUnit") - 1, lab.Calls("qm.ecu3", "RestartUnit") - 1));
    }
}
