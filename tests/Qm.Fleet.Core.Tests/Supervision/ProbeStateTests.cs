using CsCheck;
using Qm.Fleet.Core.Environments;
using Qm.Fleet.Core.Supervision;
using Xunit;

namespace Qm.Fleet.Core.Tests.Supervision;

[Trait("Requirement", "QMF-PROBE-003")]
public sealed class ProbeStateTests
{
    private static readonly LivenessProbe Probe = new(new ProbeAction.UnixSocket("/run/radio.sock")) { SuccessThreshold = 2, FailureThreshold = 3 };

    [Theory]
    [InlineData("", null, 0)]
    [InlineData("+", null, 0)]
    [InlineData("++", true, 0)]
    [InlineData("--", null, 2)]
    [InlineData("---", false, 3)]
    [InlineData("------", false, 3)]
    [InlineData("++--+--", true, 2)]
    [InlineData("++---+", false, 0)]
    [InlineData("++---+-+", false, 0)]
    [InlineData("++---++", true, 0)]
    [InlineData("---?", null, 0)]
    [InlineData("--?--", null, 2)]
    public void After_ARowOfProbes_CountsAsKubernetesDoes(string row, bool? isHealthy, int failures)
    {
        var state = row.Aggregate(ProbeState.NotProbed, (before, sign) => before.After(Probe, Outcome(sign)));

        Assert.Equal((isHealthy, failures), (state.IsHealthy, state.Failures));
    }

    [Fact]
    public void After_FailuresPastTheThreshold_IsNoNews()
    {
        var state = "---".Aggregate(ProbeState.NotProbed, (before, sign) => before.After(Probe, Outcome(sign)));

        Assert.Equal(state, state.After(Probe, ProbeOutcome.Failure("another process id than the last time")));
    }

    [Fact]
    public void After_AnyRow_HealthIsWhatTheLastWholeRunOfOneKindSaid() => Gen.Select(Gen.Bool.Array[0, 40], Gen.Int[1, 5], Gen.Int[1, 5])
        .Sample((row, successes, failures) =>
        {
            var probe = Probe with { SuccessThreshold = successes, FailureThreshold = failures };
            var text = string.Concat(row.Select(good => good ? '+' : '-'));
            var state = text.Aggregate(ProbeState.NotProbed, (before, sign) => before.After(probe, Outcome(sign)));
            var (good, bad) = (text.LastIndexOf(new string('+', successes), StringComparison.Ordinal), text.LastIndexOf(new string('-', failures), StringComparison.Ordinal));
            var expected = (good, bad) == (-1, -1) ? (bool?)null : bad < 0 || (good >= 0 && good + successes > bad + failures);

            Assert.Equal(expected, state.IsHealthy);
            Assert.InRange(state.Failures, 0, failures);
            Assert.Equal(state.IsHealthy == true && state.Failures == 0, state.Message.Length == 0);
        });

    private static ProbeOutcome Outcome(char sign) => sign switch
    {
        '+' => ProbeOutcome.Success,
        '-' => ProbeOutcome.Failure("refused"),
        _ => ProbeOutcome.Unknown("podman is not there"),
    };
}
