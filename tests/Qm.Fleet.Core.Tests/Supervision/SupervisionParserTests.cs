using CsCheck;
using Qm.Fleet.Core.Environments;
using Qm.Fleet.Core.Rollouts;
using Qm.Fleet.Core.Supervision;
using Xunit;

namespace Qm.Fleet.Core.Tests.Supervision;

[Trait("Requirement", "QMF-SUPER-008")]
public sealed class SupervisionParserTests
{
    [Fact]
    public void Parse_NothingGiven_IsTheDefault() => Assert.Equal(SupervisionPolicy.Default, Parse(new()).Value!.Supervision);

    [Fact]
    public void Parse_Everything_IsReadBack()
    {
        var policy = Parse(new()
        {
            Initial = "500ms",
            Max = "2m",
            Factor = "1.5",
            Jitter = "20%",
            Budget = "7 per 1h",
            ResetAfter = "30m",
            QmBudget = "1 per 1d",
            FleetBudget = "100 per 1h",
            Correlated = "30%",
            Within = "90s",
            Escalation = ["restart-unit", "quarantine"],
            Pending = "3s",
        }).Value!.Supervision;

        Assert.Equal(new RestartPolicy(TimeSpan.FromMilliseconds(500), TimeSpan.FromMinutes(2), 1.5, 20, new(7, TimeSpan.FromHours(1)), TimeSpan.FromMinutes(30)), policy.Restart);
        Assert.Equal((new RestartBudget(1, TimeSpan.FromDays(1)), new RestartBudget(100, TimeSpan.FromHours(1))), (policy.QmBudget, policy.FleetBudget));
        Assert.Equal((new Amount(30, true), TimeSpan.FromSeconds(90), TimeSpan.FromSeconds(3)), (policy.Correlated, policy.Within, policy.Pending));
        Assert.Equal([Escalation.RestartUnit, Escalation.Quarantine], policy.Steps);
    }

    [Fact]
    public void Parse_EverythingWrong_TellsAllAtOnce() => Assert.Equal(
        [
            "spec.supervision.restart.factor: \"0.5\" is not a number from 1 to 10",
            "spec.supervision.restart.jitter: \"1\" is not a part; expected such as 20%",
            "spec.supervision.restart.budget: \"0 per 10m\" allows 0; expected 1 to 1000",
            "spec.supervision.restartQm.budget: \"often\" is not a budget; expected a number and a time, such as 5 per 10m",
            "spec.supervision.fleet.budget: \"5 per 0\" counts over 0s; expected 1s to 7d",
            "spec.supervision.escalation[1]: restart-unit disrupts less than quarantine before it; write them from the mildest to the hardest",
            "spec.supervision.escalation[2]: \"pray\" is not a step; known are restart-unit, restart-qm, revert-revision, quarantine",
            "spec.supervision.escalation[3]: quarantine stands twice",
            "spec.supervision.restart.initial: 1ms is faster than systemd restarts a unit itself; expected at least 100ms",
            "spec.supervision.restart.max: 0s is below initial (1ms)",
            "spec.supervision.restart.resetAfter: after 0s every failure would count as the first, and nothing would ever be escalated; expected at least 1s, such as 10m",
            "spec.supervision.fleet.within: no two nodes fail within 1ms; expected at least 1s, such as 1m",
            "spec.supervision.fleet.correlated: 0% would make a common cause of every failure; expected such as 50%",
            "spec.supervision.pending: 6m would hide what is wrong for that long; expected at most 5m",
        ],
        Parse(new()
        {
            Initial = "1ms",
            Max = "0",
            Factor = "0.5",
            Jitter = "1",
            Budget = "0 per 10m",
            ResetAfter = "0s",
            QmBudget = "often",
            FleetBudget = "5 per 0",
            Correlated = "0%",
            Within = "1ms",
            Escalation = ["quarantine", "restart-unit", "pray", "quarantine"],
            Pending = "6m",
        }).Problems.Select(problem => problem.ToString()));

    [Theory]
    [InlineData("1ns")]
    [InlineData("-1s")]
    [InlineData("1e9s")]
    [InlineData("99999999999999999999d")]
    [InlineData("5 s")]
    [InlineData("s")]
    public void Parse_WhatIsNoTime_IsRefused(string text) =>
        Assert.Contains(Parse(new() { Initial = text }).Problems, problem => problem.ToString().Contains("is not a time", StringComparison.Ordinal));

    [Fact]
    public void Delay_AnyPolicyAndAttempt_StaysWithinItsBounds() =>
        Gen.Select(Gen.Int[100, 100_000], Gen.Int[1, 1_000], Gen.Double[1, 10], Gen.Int[0, 100], Gen.Int[0, 2_000_000], Gen.Double[0, 1]).Sample((initial, times, factor, jitter, attempt, random) =>
        {
            var first = TimeSpan.FromMilliseconds(initial);
            var policy = new RestartPolicy(first, first * times, factor, jitter, new(1, first), first);
            var delay = policy.Delay(attempt, random);
            Assert.InRange(delay, TimeSpan.Zero, policy.Max);
            Assert.True(delay >= first * (1 - (jitter / 100.0)) - TimeSpan.FromMilliseconds(1), $"{delay}");
        });

    [Fact]
    public void Budget_WrittenAndRead_IsTheSame() =>
        Gen.Select(Gen.Int[1, RestartBudget.CountMax], Gen.Int[1, 7 * 86_400]).Sample((count, seconds) =>
        {
            var budget = new RestartBudget(count, TimeSpan.FromSeconds(seconds));
            Assert.True(RestartBudget.TryParse($"{budget}", out var read, out var problem), problem);
            Assert.Equal(budget, read);
        });

    private static Parsed<FleetSpec> Parse(SupervisionManifest supervision) => FleetParser.Parse(new()
    {
        Name = "cockpit",
        Selector = "zone=cockpit",
        Environment = new() { RootfsPreinstalled = true },
        Supervision = supervision,
    });
}
