using Google.Protobuf.WellKnownTypes;
using Qm.Fleet.V1;
using Xunit;

namespace Qm.Fleet.Cli.Tests.Verbs;

[Trait("Requirement", "QMF-ROLL-008")]
public sealed class DeleteTests : CliTest
{
    [Fact]
    public async Task Delete_FleetThatIsTakenAway_WaitsUntilItIsGone()
    {
        Store(deleting: true);
        var run = RunAsync("delete", "fleet", "cockpit");
        Server.Fleets.Tell("cockpit", 2, Rollout.Types.Phase.Progressing, 1, "ecu2: ReloadHost");
        Server.Fleets.Tell("cockpit", 2, Rollout.Types.Phase.Succeeded, 3, "");
        Server.Fleets.TellDeleted("cockpit");

        Assert.Equal(ExitCode.Done, await run);
        Assert.Equal("fleet/cockpit deleting  rollout cockpit/2\n", Out.ToString());
        Assert.Equal("""
            cockpit/2  1 of 3 nodes ready: ecu2: ReloadHost
            cockpit/2  3 of 3 nodes ready
            Gone in 0.0 s

            """, Errors);
    }

    [Fact]
    public async Task Delete_NodeCannotBeCleaned_FailsWithItsReason()
    {
        Store(deleting: true);
        var run = RunAsync("delete", "fleet", "cockpit");
        Server.Fleets.Tell("cockpit", 2, Rollout.Types.Phase.Paused, 1, "ecu2 failed: the disk is full");

        Assert.Equal(ExitCode.Failed, await run);
        Assert.Contains("rollout cockpit/2 is paused: ecu2 failed: the disk is full\nSee qmfleet rollout why cockpit\n", Errors, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Delete_Orphan_IsDoneAtOnce()
    {
        Store(deleting: false);

        Assert.Equal(ExitCode.Done, await RunAsync("delete", "fleet", "cockpit", "--on-delete", "orphan"));
        Assert.Equal(("fleet/cockpit deleted\n", "", 0), (Out.ToString(), Errors, Server.Fleets.Watches));
    }

    [Fact]
    public async Task Delete_FleetCannotBeCleaned_KeepsItsNodes()
    {
        var files = StoreBoth();

        Assert.Equal(ExitCode.Invalid, await RunAsync("delete", "-f", files, "--no-wait"));
        Assert.Contains("a node that is forgotten is not cleaned", Errors, StringComparison.Ordinal);
        Assert.Single(Server.Nodes.Stored);

        var run = RunAsync("delete", "-f", files);
        Server.Fleets.Tell("cockpit", 2, Rollout.Types.Phase.Paused, 0, "ecu1 failed: the disk is full");
        Assert.Equal(ExitCode.Failed, await run);
        Assert.Single(Server.Nodes.Stored);
    }

    [Fact]
    public async Task Delete_FleetAndItsNodes_ForgetsTheNodesOnceTheFleetIsGone()
    {
        var run = RunAsync("delete", "-f", StoreBoth());
        Server.Fleets.TellDeleted("cockpit");
        Assert.Equal(ExitCode.Done, await run);
        Assert.Empty(Server.Nodes.Stored);
        Assert.EndsWith("node/ecu1 deleted\n", Out.ToString(), StringComparison.Ordinal);
    }

    private string StoreBoth()
    {
        Store(deleting: true);
        Server.Nodes.Stored.Add(new() { Metadata = new() { Name = "ecu1" } });
        return Write("all.yaml", """
            apiVersion: qm.fleet/v1
            kind: Node
            metadata: {name: ecu1}
            ---
            apiVersion: qm.fleet/v1
            kind: Fleet
            metadata: {name: cockpit}
            spec: {selector: zone=cockpit}
            """);
    }

    private void Store(bool deleting) => Server.Fleets.Stored.Add(new()
    {
        Metadata = new() { Name = "cockpit" },
        Status = new() { DeletingSince = deleting ? Now.ToTimestamp() : null, Rollout = new() { Name = "cockpit/2" } },
    });
}
