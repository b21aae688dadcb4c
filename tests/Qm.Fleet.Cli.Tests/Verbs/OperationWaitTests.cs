using Qm.Fleet.V1;
using Xunit;

namespace Qm.Fleet.Cli.Tests.Verbs;

[Trait("Requirement", "QMF-CLI-007")]
public sealed class OperationWaitTests : CliTest
{
    public OperationWaitTests() => Environment["NO_COLOR"] = "1";

    [Fact]
    public async Task Restart_OperationEnds_ShowsEachStepOnce()
    {
        Prepare(Step("waits for the job"), Step("waits for the job"), Step("is up", done: true));

        Assert.Equal(ExitCode.Done, await RunAsync("restart", "ecu2", "radio.service"));
        Assert.Equal("RestartUnit ecu2 radio.service  operation/0199\n", Out.ToString());
        Assert.Equal("RestartUnit ecu2 radio.service: waits for the job\nDone in 0.0 s: is up\n", Errors);
    }

    [Fact]
    [Trait("Requirement", "QMF-CLI-003")]
    public async Task Restart_OperationFails_Is1WithItsError()
    {
        Prepare(Step("", done: true, error: "the job ended 'failed'"));

        Assert.Equal(ExitCode.Failed, await RunAsync("restart", "ecu2", "radio.service"));
        Assert.Equal("RestartUnit ecu2 radio.service failed: the job ended 'failed'\n", Errors);
    }

    [Fact]
    [Trait("Requirement", "QMF-CLI-003")]
    public async Task Restart_OperationLasts_Is5AndSaysThatItGoesOn()
    {
        Prepare();
        Server.Operations.OnWait = () => Time.Advance(TimeSpan.FromSeconds(10));

        Assert.Equal(ExitCode.TimedOut, await RunAsync("restart", "ecu2", "radio.service", "--timeout", "25s"));
        Assert.Equal([10, 10, 5], Server.Operations.Waits.Select(wait => wait.Timeout.ToTimeSpan().TotalSeconds));
        Assert.Equal("RestartUnit ecu2 radio.service has not ended after 25 s\nIt goes on without you; look with qmfleet get operation/0199\n", Errors);
    }

    [Fact]
    public async Task Cancel_OperationEnds_IsWhatWasAskedFor()
    {
        Prepare(Step("", done: true, error: "cancelled by ann"));

        Assert.Equal(ExitCode.Done, await RunAsync("cancel", "operation/0199", "--reason", "the wrong unit"));
        Assert.Equal(("operations/0199", "the wrong unit"), (Assert.Single(Server.Operations.Cancels).Name, Server.Operations.Cancels[0].Reason));
        Assert.Equal("operation/0199 ended: cancelled by ann\n", Out.ToString());
    }

    [Fact]
    public async Task RolloutStatus_RolloutRuns_WaitsForItsEnd()
    {
        var rollout = new Rollout { Name = "cockpit/7", Fleet = "cockpit", Phase = Rollout.Types.Phase.Progressing };
        Server.Rollouts.Stored.Add(rollout);
        Server.Fleets.Tell("cockpit", 7, Rollout.Types.Phase.Progressing, 1, "ecu2: RestartQm");
        var run = RunAsync("rollout", "status", "cockpit");
        await Error.SeeAsync("1 of 3 nodes ready: ecu2: RestartQm");
        rollout.Phase = Rollout.Types.Phase.Succeeded;
        Server.Fleets.Tell("cockpit", 7, Rollout.Types.Phase.Succeeded, 3, "");

        Assert.Equal(ExitCode.Done, await run);
        Assert.Equal("rollout/cockpit/7 Succeeded\n", Out.ToString());
    }

    private void Prepare(params Operation[] states)
    {
        Server.Nodes.Stored.Add(new() { Metadata = new() { Name = "ecu2" } });
        Server.Operations.Stored.Add(Server.Nodes.Begun);
        foreach (var state in states)
        {
            Server.Operations.Next.Enqueue(state);
        }
    }

    private Operation Step(string message, bool done = false, string error = "")
    {
        var step = Server.Nodes.Begun.Clone();
        (step.Message, step.Done, step.Error) = (message, done, error);
        return step;
    }
}
