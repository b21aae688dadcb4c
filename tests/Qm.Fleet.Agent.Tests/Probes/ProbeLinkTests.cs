using Microsoft.Extensions.Logging.Abstractions;
using Qm.Fleet.Agent.Configuration;
using Qm.Fleet.Agent.Probes;
using Qm.Fleet.V1;

namespace Qm.Fleet.Agent.Tests.Probes;

[Trait("Requirement", "QMF-PROBE-004")]
public sealed class ProbeLinkTests
{
    [Fact]
    public void Changes_OfAStream_AreAllOfItFirstThenWhatIsNewThenAllOfItWhenOneIsGone()
    {
        var changes = new ProbeChanges();
        Assert.Null(changes.Take([]));

        Assert.Equal(new ProbeResults { Complete = true, Results = { Result("a", 0), Result("b", 0) } }, changes.Take([Result("a", 0), Result("b", 0)]));
        Assert.Null(changes.Take([Result("a", 0), Result("b", 0)]));
        Assert.Equal(new ProbeResults { Results = { Result("b", 1) } }, changes.Take([Result("a", 0), Result("b", 1)]));
        Assert.Equal(new ProbeResults { Results = { Result("c", 0) } }, changes.Take([Result("a", 0), Result("b", 1), Result("c", 0)]));
        Assert.Equal(new ProbeResults { Complete = true, Results = { Result("a", 0) } }, changes.Take([Result("a", 0)]));
        Assert.Equal(new ProbeResults { Complete = true }, changes.Take([]));
        Assert.Null(changes.Take([]));
    }

    [Fact(Timeout = 60_000)]
    public async Task Agent_GivenAProbe_TellsWhatItSaysAndAllOfItOnTheNextStream()
    {
        using var node = new EmulatedNode();
        node.Write("bin/podman", "#!/bin/sh\n[ \"$7\" != systemd-radio ] || { echo no tuner >&2; exit 1; }\n");
        node.MakeExecutable("bin/podman");
        var (authority, server) = TestGateway.Certificates("127.0.0.1");
        TestGateway.Enrol(node, "ecu01", authority);
        await using var gateway = await TestGateway.StartAsync(server);
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        var agent = AgentHost.RunAsync(
            new AgentOptions { Root = node.Root, Controller = gateway.Address, SystemdPrograms = node.Of("bin") }, TimeProvider.System, NullLoggerFactory.Instance, () => 0, stop.Token);
        var stream = await gateway.NextStreamAsync();

        await stream.SendAsync(new() { SetProbes = new() { Probes = { Probe("radio"), Probe("navi") } } });
        var unhealthy = await UntilAsync(stream, result => result is { Unit: "radio.service", State: ProbeResult.Types.State.Unhealthy });
        Assert.Equal((1, "exit code 1: no tuner", "system.slice/radio.service/libpod-payload-aa"), (unhealthy.Failures, unhealthy.Message, unhealthy.Container));
        stream.End();

        var next = await gateway.NextStreamAsync();
        var all = await NextAsync(next);
        Assert.True(all.Complete);
        Assert.Equal([("navi.service", ProbeResult.Types.State.Unknown), ("radio.service", ProbeResult.Types.State.Unhealthy)], all.Results.Select(result => (result.Unit, result.State)));
        var refused = await next.DoAsync(new() { SetProbes = new() { Probes = { new Probe { Unit = "radio" } } } });
        Assert.Equal("InvalidProbe", refused.Result.Reason);
        await next.SendAsync(new() { SetProbes = new() });
        Assert.Equal(new() { Complete = true }, await NextAsync(next));
        await stop.CancelAsync();
        await agent;
    }

    private static Probe Probe(string name) => new()
    {
        Unit = $"{name}.service",
        Container = $"systemd-{name}",
        LivenessProbe = new() { Exec = new() { Command = { "/bin/check" } }, FailureThreshold = 1, PeriodSeconds = 10, TimeoutSeconds = 10 },
    };

    private static async Task<ProbeResults> NextAsync(TestGateway.Stream stream)
    {
        while (true)
        {
            if ((await stream.NextAsync()).ProbeResults is { } results)
            {
                return results;
            }
        }
    }

    private static async Task<ProbeResult> UntilAsync(TestGateway.Stream stream, Func<ProbeResult, bool> fits)
    {
        while (true)
        {
            if ((await NextAsync(stream)).Results.FirstOrDefault(fits) is { } result)
            {
                return result;
            }
        }
    }

    private static ProbeResult Result(string unit, int failures) => new() { Unit = unit, Failures = failures };
}
