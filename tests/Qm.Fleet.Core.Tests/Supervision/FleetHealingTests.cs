using CsCheck;
using Qm.Fleet.Core.Supervision;
using Xunit;

namespace Qm.Fleet.Core.Tests.Supervision;

/// <summary>What keeps a fleet from being restarted for a common cause.</summary>
public sealed class FleetHealingTests
{
    private static readonly DateTimeOffset Noon = new(2026, 7, 1, 12, 0, 0, TimeSpan.Zero);
    private static readonly SupervisionPolicy Policy = SupervisionPolicy.Default;

    [Fact, Trait("Requirement", "QMF-SUPER-006")]
    public void Judge_AFewFail_MayBeHealed()
    {
        var verdict = FleetHealing.Judge([Failing(Noon), Failing(Noon), Well(), Well(), Well(), Well()], Failing(Noon), 6, FleetSupervision.New, Policy, Noon);
        Assert.Null(verdict.Hold);
        Assert.Null(verdict.Notice);
        Assert.Same(FleetSupervision.New, verdict.State);
    }

    [Fact, Trait("Requirement", "QMF-SUPER-006")]
    public void Judge_HalfOfThemFailAtOnce_StopsHealingOnceAndUntilFewerDo()
    {
        NodeTrouble[] many = [Failing(Noon), Failing(Noon), Failing(Noon), Well(), Well(), Well()];
        var first = FleetHealing.Judge(many, many[0], 6, FleetSupervision.New, Policy, Noon);
        Assert.Equal("CorrelatedFailure", first.Hold?.For);
        Assert.Equal(("CorrelatedFailure", NoticeSeverity.Critical), (first.Notice?.Reason, first.Notice?.Severity));
        Assert.Equal("3 of 6 nodes fail within 1m, which has a common cause; nothing is healed until fewer than 3 do", first.Notice?.Message);

        // Said once, and it does not end by waiting.
        var later = FleetHealing.Judge(many, many[0], 6, first.State, Policy, Noon + TimeSpan.FromHours(5));
        Assert.NotNull(later.Hold);
        Assert.Null(later.Notice);

        var over = FleetHealing.Judge([Failing(Noon), Well(), Well(), Well(), Well(), Well()], Failing(Noon), 6, later.State, Policy, Noon + TimeSpan.FromHours(5));
        Assert.Null(over.Hold);
        Assert.Equal("CorrelatedFailureOver", over.Notice?.Reason);
        Assert.Null(over.State.CorrelatedSince);
    }

    [Fact, Trait("Requirement", "QMF-SUPER-006")]
    public void Judge_TheyFailedLongAfterEachOther_HasNoCommonCause()
    {
        var one = TimeSpan.FromMinutes(5);
        Assert.Null(FleetHealing.Judge([Failing(Noon), Failing(Noon - one), Failing(Noon - (2 * one)), Well()], Failing(Noon), 4, FleetSupervision.New, Policy, Noon).Hold);
    }

    [Fact, Trait("Requirement", "QMF-SUPER-006")]
    public void Judge_OneThatFailedLongAgoAsksWhileOthersFail_WaitsForThem()
    {
        var old = Failing(Noon - TimeSpan.FromMinutes(9));
        var verdict = FleetHealing.Judge([old, Acted(0.5)], old, 2, FleetSupervision.New, Policy, Noon);
        Assert.Equal(("Others", "1 of 2 nodes failed or were healed within 1m, and 2 are not healed together"), (verdict.Hold?.For, verdict.Hold?.Reason));
        Assert.Null(verdict.Notice);
        // Who is healed once more is no more nodes than before.
        Assert.Null(FleetHealing.Judge([Acted(0.5), Well()], Acted(0.5), 2, FleetSupervision.New, Policy, Noon).Hold);
        Assert.Null(FleetHealing.Judge([old, Acted(0.5)], old, 2, FleetSupervision.New, Policy, Noon + TimeSpan.FromMinutes(1)).Hold);
    }

    [Fact, Trait("Requirement", "QMF-SUPER-006")]
    public void Judge_TheBudgetIsUsedUp_WaitsForRoom()
    {
        var policy = Policy with { FleetBudget = new(3, TimeSpan.FromMinutes(10)) };
        NodeTrouble[] nodes = [Acted(9, 8), Acted(2), Well(), Well(), Well(), Well(), Well()];
        var hold = FleetHealing.Judge(nodes, nodes[0], 7, FleetSupervision.New, policy, Noon).Hold;
        Assert.Equal(("FleetBudget", Noon + TimeSpan.FromMinutes(1)), (hold?.For, hold?.Until));
        Assert.Null(FleetHealing.Judge(nodes, nodes[0], 7, FleetSupervision.New, policy, Noon + TimeSpan.FromMinutes(1)).Hold);
    }

    [Theory, Trait("Requirement", "QMF-SUPER-006")]
    [InlineData(1, int.MaxValue)]
    [InlineData(2, 2)]
    [InlineData(3, 3)]
    [InlineData(4, 3)]
    [InlineData(10, 5)]
    [InlineData(1000, 500)]
    public void CorrelatedOf_AFleet_IsNeverJustTwoOfMany(int nodes, int limit) => Assert.Equal(limit, Policy.CorrelatedOf(nodes));

    // Whoever asks next is let heal only while fewer than the limit were, so in no minute do that many nodes restart.
    [Fact, Trait("Requirement", "QMF-SUPER-006")]
    public void Judge_AskedByAllAtOnce_LetsFewerThanTheLimitThrough() =>
        Gen.Select(Gen.Int[2, 40], Gen.Int[1, 100]).Sample((size, part) =>
        {
            var policy = Policy with { Correlated = new(part, true), FleetBudget = new(1000, TimeSpan.FromMinutes(10)) };
            var nodes = Enumerable.Range(0, size).Select(_ => Failing(Noon - TimeSpan.FromMinutes(9))).ToArray();
            var (state, let) = (FleetSupervision.New, 0);
            for (var asked = 0; asked < size; asked++)
            {
                var verdict = FleetHealing.Judge(nodes, nodes[asked], size, state, policy, Noon);
                state = verdict.State;
                if (verdict.Hold is null)
                {
                    nodes[asked] = Acted(0);
                    let++;
                }
            }

            Assert.True(let < policy.CorrelatedOf(size), $"{let} of {size}");
        });

    private static NodeTrouble Well() => NodeTrouble.Of(NodeSupervision.New);

    private static NodeTrouble Failing(DateTimeOffset since) => Of(UnitWatch.New with { Failure = "is failed (exit-code)", FailingSince = since });

    private static NodeTrouble Acted(params double[] minutesAgo) => Of(UnitWatch.New with { Restarts = [.. minutesAgo.Select(ago => Noon - TimeSpan.FromMinutes(ago))] });

    private static NodeTrouble Of(UnitWatch watch) => NodeTrouble.Of(NodeSupervision.New with { Units = NodeSupervision.New.Units.Add("radio.service", watch) });
}
