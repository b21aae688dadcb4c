using System.Collections.Immutable;
using Microsoft.Extensions.Logging.Abstractions;
using Qm.Fleet.Controller.Gateway;
using Qm.Fleet.Controller.Reconcile;
using Qm.Fleet.Core.Environments;

namespace Qm.Fleet.Controller.Tests.Gateway;

/// <summary>Probes on a link, both ways, over a real connection.</summary>
[Trait("Requirement", "QMF-PROBE-004")]
public sealed class ProbeLinkTests
{
    private static readonly V1.ProbeResult Unhealthy = new() { Unit = "radio.service", State = V1.ProbeResult.Types.State.Unhealthy, Failures = 3, Message = "no tuner" };

    private static readonly ImmutableSortedDictionary<string, ImmutableSortedDictionary<string, ImmutableArray<string>>> Nothing =
        ImmutableSortedDictionary<string, ImmutableSortedDictionary<string, ImmutableArray<string>>>.Empty;

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Results_OfANode_AreKnownUntilItsLinkIsLost()
    {
        await using var controller = await RunningController.StartAsync();
        var links = controller.Service<IAgentLinks>();
        var heard = new Signal(links, "ecu1");
        using var agent = await Agent.ConnectAsync(controller);
        Assert.Empty(links.Probes("ecu1"));

        await agent.SendAsync(new() { ProbeResults = new() { Complete = true, Results = { Unhealthy } } });
        await heard.UntilAsync(() => links.Probes("ecu1").Count == 1);
        Assert.Equal(new("radio.service", false, 3, "no tuner"), links.Probes("ecu1")["radio.service"]);

        await agent.HangUpAsync();
        await heard.UntilAsync(() => !links.IsConnected("ecu1"));
        Assert.Empty(links.Probes("ecu1"));
    }

    [Fact]
    public async Task Sender_TellsOnEveryStreamOnceAndAgainWhenItIsAnother()
    {
        await using var controller = await RunningController.StartAsync();
        var links = controller.Service<IAgentLinks>();
        var heard = new Signal(links, "ecu1");
        var sender = new ProbeSender("ecu1", links, NullLogger.Instance);
        await sender.TellAsync(Environment(3), Ct);
        using (var agent = await Agent.ConnectAsync(controller))
        {
            await heard.UntilAsync(() => links.IsConnected("ecu1"));
            // Nothing to probe, and nobody who does: nothing is said.
            await sender.TellAsync(null, Ct);
            var first = await ToldAsync(agent, sender.TellAsync(Environment(3), Ct));
            Assert.Equal(("radio.service", "systemd-radio", "/bin/check", 3), (first.Unit, first.Container, first.LivenessProbe.Exec.Command.Single(), first.LivenessProbe.FailureThreshold));
            await sender.TellAsync(Environment(3), Ct);
            Assert.Equal(4, (await ToldAsync(agent, sender.TellAsync(Environment(4), Ct))).LivenessProbe.FailureThreshold);
            await agent.HangUpAsync();
            await heard.UntilAsync(() => !links.IsConnected("ecu1"));
        }

        using var again = await Agent.ConnectAsync(controller);
        await heard.UntilAsync(() => links.IsConnected("ecu1"));
        Assert.Equal(4, (await ToldAsync(again, sender.TellAsync(Environment(4), Ct))).LivenessProbe.FailureThreshold);
    }

    [Fact]
    public async Task Sender_OfANodeThatProbesWhatIsNotWantedAnyMore_EndsIt()
    {
        await using var controller = await RunningController.StartAsync();
        var links = controller.Service<IAgentLinks>();
        var heard = new Signal(links, "ecu1");
        using var agent = await Agent.ConnectAsync(controller);
        await agent.SendAsync(new() { ProbeResults = new() { Complete = true, Results = { Unhealthy } } });
        await heard.UntilAsync(() => links.Probes("ecu1").Count == 1);

        var telling = new ProbeSender("ecu1", links, NullLogger.Instance).TellAsync(null, Ct);
        var command = (await agent.ReceiveAsync()).Command;
        await agent.AnswerAsync(command.Id);
        await telling;
        Assert.Empty(command.SetProbes.Probes);
    }

    [Fact]
    public async Task Sender_RefusedByAnOlderAgent_DoesNotAskAgain()
    {
        await using var controller = await RunningController.StartAsync();
        var links = controller.Service<IAgentLinks>();
        var heard = new Signal(links, "ecu1");
        var sender = new ProbeSender("ecu1", links, NullLogger.Instance);
        using var agent = await Agent.ConnectAsync(controller);
        await heard.UntilAsync(() => links.IsConnected("ecu1"));
        var telling = sender.TellAsync(Environment(3), Ct);
        var command = (await agent.ReceiveAsync()).Command;
        await agent.SendAsync(new() { Result = new() { Id = command.Id, Reason = "UnknownCommand", Message = "older" } });
        await telling;

        await sender.TellAsync(Environment(3), Ct);
        var inspect = links.SendAsync("ecu1", new() { Inspect = new() }, RunningController.Deadline, Ct);
        var next = (await agent.ReceiveAsync()).Command;
        Assert.NotNull(next.Inspect);
        await agent.AnswerAsync(next.Id);
        await inspect;
    }

    private static async Task<V1.Probe> ToldAsync(Agent agent, Task telling)
    {
        var command = (await agent.ReceiveAsync()).Command;
        await agent.AnswerAsync(command.Id);
        await telling;
        return Assert.Single(command.SetProbes.Probes);
    }

    private static FleetEnvironment Environment(int failureThreshold) => new()
    {
        Workloads =
        [
            new("navi", Nothing, null),
            new("radio", Nothing, null) { LivenessProbe = new(new ProbeAction.Exec(["/bin/check"])) { FailureThreshold = failureThreshold } },
        ],
    };
}
