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

    private void Store(bool deleting) => Server.Fleets.Stored.Add(new()
    {
        Metadata = new() { Name = "cockpit" },
        Status = new() { DeletingSince = deleting ? Now.ToTimestamp() : null, Rollout = new() { Name = "cockpit/2" } },
    });
}
