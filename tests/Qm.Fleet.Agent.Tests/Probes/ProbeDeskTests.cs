using Qm.Fleet.Agent.Revisions;
using Qm.Fleet.Core.Environments;
using Qm.Fleet.Core.Supervision;
using Qm.Fleet.V1;

namespace Qm.Fleet.Agent.Tests.Probes;

[Trait("Requirement", "QMF-PROBE-003")]
public sealed class ProbeDeskTests
{
    private const string Radio = "radio.service";

    [Fact]
    public async Task Probes_OneThatNeverAnswers_DelayNoOther()
    {
        await using var probes = new ScriptedProbes();
        probes.Containers[Radio] = ScriptedProbes.Container("a");
        probes.Containers["navi.service"] = ScriptedProbes.Container("b");
        probes.Answers["navi.service"] = static () => new TaskCompletionSource<ProbeOutcome>().Task;
        probes.Desk.Set(new() { Probes = { ScriptedProbes.Probe(Radio), ScriptedProbes.Probe("navi.service") } });

        await probes.UntilAsync(() => probes.Made(Radio).Count >= 5);

        Assert.Single(probes.Made("navi.service"));
        Assert.Equal(ProbeResult.Types.State.Healthy, probes.Result(Radio).State);
        Assert.Equal(ProbeResult.Types.State.Unknown, probes.Result("navi.service").State);
    }

    [Fact(Timeout = 60_000)]
    public async Task Probes_ManyAtOnce_AreBoundedAndAllHaveTheirTurn()
    {
        await using var probes = new ScriptedProbes();
        using var gate = new SemaphoreSlim(0);
        string[] units = [.. Enumerable.Range(0, 20).Select(index => FormattableString.Invariant($"w{index}.service"))];
        foreach (var unit in units)
        {
            probes.Containers[unit] = ScriptedProbes.Container(unit);
            probes.Answers[unit] = async () =>
            {
                await gate.WaitAsync(TestContext.Current.CancellationToken);
                return ProbeOutcome.Success;
            };
        }

        probes.Desk.Set(new() { Probes = { units.Select(unit => ScriptedProbes.Probe(unit)) } });
        await probes.UntilAsync(() => probes.MostAtOnce == LivenessProbeParser.MaxProbesAtOnce);
        gate.Release(1000);
        await probes.UntilAsync(() => units.All(unit => probes.Result(unit).State == ProbeResult.Types.State.Healthy));

        Assert.Equal(LivenessProbeParser.MaxProbesAtOnce, probes.MostAtOnce);
    }

    [Fact]
    public async Task Probe_FirstOfAContainer_WaitsForItsDelayAndItsShareOfChance()
    {
        await using var probes = new ScriptedProbes(jitter: 0.5);
        probes.Containers[Radio] = ScriptedProbes.Container("a");
        probes.Desk.Set(new() { Probes = { ScriptedProbes.Probe(Radio, period: 3600, initialDelay: 60) } });

        await probes.UntilAsync(() => probes.Made(Radio).Count == 1);

        // Half of the ten seconds over which first probes are spread.
        Assert.True(probes.Made(Radio)[0] >= TimeSpan.FromSeconds(65), $"it was made after {probes.Made(Radio)[0]}");
    }

    [Fact]
    public async Task Probe_OfAnotherContainer_BeginsAnew()
    {
        await using var probes = new ScriptedProbes();
        probes.Containers[Radio] = ScriptedProbes.Container("a");
        probes.Answers[Radio] = static () => Task.FromResult(ProbeOutcome.Failure("refused"));
        probes.Desk.Set(new() { Probes = { ScriptedProbes.Probe(Radio, initialDelay: 600) } });
        await probes.UntilAsync(() => probes.Result(Radio) is { State: ProbeResult.Types.State.Unhealthy, Failures: 3, Message: "refused" });
        var before = probes.Made(Radio)[^1];

        probes.Containers[Radio] = ScriptedProbes.Container("b");
        await probes.UntilAsync(() => probes.Result(Radio).Container.EndsWith("-b", StringComparison.Ordinal));
        Assert.Equal((ProbeResult.Types.State.Unknown, 0), (probes.Result(Radio).State, probes.Result(Radio).Failures));
        var count = probes.Made(Radio).Count;
        await probes.UntilAsync(() => probes.Made(Radio).Count > count);

        Assert.True(probes.Made(Radio)[count] - before >= TimeSpan.FromSeconds(600), "it was probed before its initial delay was over");
    }

    [Fact]
    public async Task Probe_FailingBecauseItsContainerEnds_IsNotHeldAgainstIt()
    {
        await using var probes = new ScriptedProbes();
        probes.Containers[Radio] = ScriptedProbes.Container("a");
        probes.Answers[Radio] = () =>
        {
            probes.Containers.TryRemove(Radio, out _);
            return Task.FromResult(ProbeOutcome.Failure("connection refused"));
        };
        var told = new List<ProbeResult>();
        probes.Desk.Set(new() { Probes = { ScriptedProbes.Probe(Radio, failureThreshold: 1) } });
        await probes.UntilAsync(() =>
        {
            told.Add(probes.Result(Radio));
            return probes.Made(Radio).Count == 1 && probes.Result(Radio).Container.Length == 0;
        });

        Assert.DoesNotContain(told, result => result.State == ProbeResult.Types.State.Unhealthy);
        Assert.Equal((ProbeResult.Types.State.Unknown, "its container does not run"), (probes.Result(Radio).State, probes.Result(Radio).Message));
    }

    [Fact]
    [Trait("Requirement", "QMF-AGENT-003")]
    public async Task Set_TheSameAgain_GoesOnAndAnotherBeginsAnew()
    {
        await using var probes = new ScriptedProbes();
        probes.Containers[Radio] = ScriptedProbes.Container("a");
        probes.Answers[Radio] = static () => Task.FromResult(ProbeOutcome.Failure("refused"));
        probes.Desk.Set(new() { Probes = { ScriptedProbes.Probe(Radio) } });
        await probes.UntilAsync(() => probes.Result(Radio).State == ProbeResult.Types.State.Unhealthy);

        probes.Desk.Set(new() { Probes = { ScriptedProbes.Probe(Radio) } });
        Assert.Equal(3, probes.Result(Radio).Failures);

        probes.Desk.Set(new() { Probes = { ScriptedProbes.Probe(Radio, failureThreshold: 4) } });
        Assert.Equal(0, probes.Result(Radio).Failures);

        probes.Desk.Set(new());
        Assert.Empty(probes.Desk.Results());
    }

    [Fact]
    [Trait("Requirement", "QMF-AGENT-004")]
    [Trait("Requirement", "QMF-PROBE-001")]
    public async Task Set_WrongInManyWays_TellsAllOfThemAndChangesNothing()
    {
        await using var probes = new ScriptedProbes();
        probes.Desk.Set(new() { Probes = { ScriptedProbes.Probe(Radio) } });

        var refused = Assert.Throws<CommandRefusedException>(() => probes.Desk.Set(new()
        {
            Probes =
            {
                new Probe { Unit = "../x", LivenessProbe = new() { Exec = new() { Command = { "/bin/true" } }, PeriodSeconds = 0 }, Container = "--all" },
                new Probe { Unit = "x.socket", LivenessProbe = new() },
                ScriptedProbes.Probe("navi.service"), ScriptedProbes.Probe("navi.service"),
            },
        }));

        Assert.Equal("InvalidProbe", refused.Reason);
        Assert.All(["../x", "--all", "periodSeconds", "x.socket is no service", "exec, tcpSocket", "navi.service is named more than once"], problem => Assert.Contains(problem, refused.Message, StringComparison.Ordinal));
        Assert.Equal(Radio, Assert.Single(probes.Desk.Results()).Unit);
    }
}
