using Qm.Fleet.V1;
using Xunit;

namespace Qm.Fleet.Cli.Tests.Verbs;

[Trait("Requirement", "QMF-CLI-004")]
public sealed class ApplyWaitTests : CliTest
{
    private string Manifest => Write("fleet.yaml", """
        apiVersion: qm.fleet/v1
        kind: Fleet
        metadata: {name: cockpit}
        spec: {selector: zone=cockpit}
        """);

    [Fact]
    [Trait("Requirement", "QMF-CLI-002")]
    public async Task Apply_RolloutSucceeds_ShowsEachStepOnceOnStandardErrorAndEndsWell()
    {
        var run = RunAsync("apply", "-f", Manifest);
        Server.Fleets.Tell("cockpit", 1, Rollout.Types.Phase.Progressing, 1, "ecu2: RestartQm: its OOM score differs");
        Server.Fleets.Tell("cockpit", 1, Rollout.Types.Phase.Progressing, 1, "ecu2: RestartQm: its OOM score differs");
        Server.Fleets.Tell("cockpit", 1, Rollout.Types.Phase.Succeeded, 3, "");

        Assert.Equal(ExitCode.Done, await run);

        Assert.Equal("fleet/cockpit created  revision 9f3a61c2  rollout cockpit/1\n", Out.ToString());
        Assert.Equal("""
            cockpit/1  1 of 3 nodes ready: ecu2: RestartQm: its OOM score differs
            cockpit/1  3 of 3 nodes ready
            Converged in 0.0 s

            """, Errors);
    }

    [Fact]
    [Trait("Requirement", "QMF-CLI-003")]
    public async Task Apply_RolloutPauses_FailsWithItsReason()
    {
        var run = RunAsync("apply", "-f", Manifest);
        Server.Fleets.Tell("cockpit", 1, Rollout.Types.Phase.Paused, 1, "ecu2 failed: radio.service ended 'failed'");

        Assert.Equal(ExitCode.Failed, await run);

        Assert.Contains("rollout cockpit/1 is paused: ecu2 failed: radio.service ended 'failed'\nSee qmfleet rollout why cockpit\n", Errors, StringComparison.Ordinal);
    }

    [Fact]
    [Trait("Requirement", "QMF-CLI-003")]
    public async Task Apply_NotConvergedInTime_SaysWhatItWaitsForAndThatItGoesOn()
    {
        var run = RunAsync("apply", "-f", Manifest, "--timeout", "30s");
        Server.Fleets.Tell("cockpit", 1, Rollout.Types.Phase.Progressing, 2, "waits for ecu3: BlueChi says ecu3 is offline");
        await Error.SeeAsync("ecu3 is offline");
        Time.Advance(TimeSpan.FromSeconds(31));

        Assert.Equal(ExitCode.TimedOut, await run);

        Assert.EndsWith("""
            Not converged after 30 s; waiting for
              cockpit/1  2 of 3 nodes ready: waits for ecu3: BlueChi says ecu3 is offline
            It goes on without you; look with qmfleet describe fleet cockpit

            """, Errors, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Apply_ServerGoesAwayWhileWaiting_IsAskedAgain()
    {
        var run = RunAsync("apply", "-f", Manifest, "--timeout", "24h");
        Server.Fleets.Tell("cockpit", 1, Rollout.Types.Phase.Progressing, 1, "ecu2");
        Server.Fleets.GoAway();
        await Error.SeeAsync("the server went away (stopping); asking again");
        Server.Fleets.Tell("cockpit", 1, Rollout.Types.Phase.Succeeded, 3, "");
        using var pace = new PeriodicTimer(TimeSpan.FromMilliseconds(5));
        while (Server.Fleets.Watches < 2)
        {
            Time.Advance(TimeSpan.FromSeconds(1));
            await pace.WaitForNextTickAsync(TestContext.Current.CancellationToken);
        }

        Assert.Equal(ExitCode.Done, await run);
        Assert.Equal(2, Server.Fleets.Watches);
    }

    [Fact]
    public async Task Apply_NewerApplyOfSomebodyElse_EndsTheWait()
    {
        var run = RunAsync("apply", "-f", Manifest);
        Server.Fleets.Tell("cockpit", 2, Rollout.Types.Phase.Progressing, 0, "");

        Assert.Equal(ExitCode.Failed, await run);
        Assert.Contains("rollout cockpit/1 was superseded by cockpit/2", Errors, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Apply_FleetIsDeletedMeanwhile_EndsTheWait()
    {
        var run = RunAsync("apply", "-f", Manifest);
        Server.Fleets.TellDeleted("cockpit");

        Assert.Equal(ExitCode.Failed, await run);
        Assert.Contains("fleet cockpit was deleted; rollout cockpit/1 ended with it", Errors, StringComparison.Ordinal);
    }
}
