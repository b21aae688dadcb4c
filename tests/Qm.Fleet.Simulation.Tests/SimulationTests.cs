using Qm.Fleet.Simulation.Engine;
using Qm.Fleet.Simulation.Mutations;
using Qm.Fleet.Simulation.Runs;
using Xunit;

namespace Qm.Fleet.Simulation.Tests;

/// <summary>The loops and decisions of the product over modelled fleets; what they must never do, they never do, and every planted bug is found.</summary>
public sealed class SimulationTests
{
    private const ulong FirstSeed = 1;

    // The other tests, which have deadlines, run at the same time.
    private static readonly int Processors = Math.Max(1, Environment.ProcessorCount - 1);

    [Fact]
    [Trait("Requirement", "QMF-SIM-001")]
    [Trait("Requirement", "QMF-RULE-1")]
    [Trait("Requirement", "QMF-RULE-2")]
    [Trait("Requirement", "QMF-RULE-3")]
    [Trait("Requirement", "QMF-RULE-6")]
    [Trait("Requirement", "QMF-RULE-8")]
    [Trait("Requirement", "QMF-RULE-9")]
    [Trait("Requirement", "QMF-RULE-11")]
    public void Run_TwoThousandSeeds_KeepsEveryRuleAndSettles()
    {
        var sweep = Sweep.Of(FirstSeed, 2_000, Bug.None, Processors, stopAtFirst: false, TestContext.Current.CancellationToken);

        Assert.True(sweep.Failed.Count == 0, string.Join('\n', sweep.Failed.Select(outcome => $"{outcome.Problem}\n  {outcome.Replay}")));
        Assert.Equal(2_000, sweep.Seeds);
        Assert.True(sweep.Steps >= 1_000_000, $"only {sweep.Steps} steps were taken");
        TestContext.Current.SendDiagnosticMessage("{0} seeds, {1} steps", sweep.Seeds, sweep.Steps);
    }

    [Theory]
    [InlineData(7)]
    [InlineData(81)]
    [InlineData(109)]
    [Trait("Requirement", "QMF-SIM-002")]
    public void Run_TheSameSeedTwice_IsTheSameToTheLastStep(int seed)
    {
        var (first, second) = (SimulationRun.Of((ulong)seed), SimulationRun.Of((ulong)seed));

        Assert.Equal((first.Steps, first.Hash), (second.Steps, second.Hash));
        Assert.NotEqual(first.Hash, SimulationRun.Of((ulong)seed + 1).Hash);
    }

    [Fact]
    [Trait("Requirement", "QMF-SIM-002")]
    public void Seed_OfACommit_IsItsFirstSixteenDigits()
    {
        Assert.Equal(0x70f94150abcdef12ul, Seed.Parse("70f94150abcdef1234567890abcdef1234567890"));
        Assert.Equal(42ul, Seed.Parse("42"));
        Assert.Throws<FormatException>(() => Seed.Parse("70f9415"));
    }

    /// <summary>Each bug, with the beginnings of what may be said of it: a rule, or that a node does not settle.</summary>
    public static TheoryData<string, string[]> Bugs => new()
    {
        { nameof(Bug.BudgetOffByOne), ["budget:"] },
        { nameof(Bug.OfflineNotCounted), ["budget:"] },
        { nameof(Bug.DoubleRestart), ["healing:", "quiet:"] },
        { nameof(Bug.LateJobRepeated), ["healing:"] },
        { nameof(Bug.VirtualEventHeals), ["healing:", "ecu"] },
        { nameof(Bug.KnownBadRetried), ["known bad:"] },
        { nameof(Bug.ConfirmationIgnored), ["confirmation:"] },
        { nameof(Bug.WindowByWinterTime), ["window:"] },
        { nameof(Bug.SupersededGoesOn), ["superseded:", "ecu"] },
        { nameof(Bug.ConflictLost), ["durability:"] },
        { nameof(Bug.NotAskedAgain), ["window:", "precondition:"] },
        { nameof(Bug.HealingForgotten), ["healing budget:", "common cause:"] },
        { nameof(Bug.CommonCauseIgnored), ["common cause:"] },
        { nameof(Bug.OneRestartIsTooMany), ["healing:"] },
        { nameof(Bug.DisruptionNotAsked), ["budget:", "precondition:"] },
    };

    [Fact]
    [Trait("Requirement", "QMF-SIM-003")]
    public void Bugs_All_StandInTheTable() =>
        Assert.Equal(Enum.GetNames<Bug>().Where(name => name != nameof(Bug.None)), Bugs.Select(row => row.Data.Item1));

    [Theory]
    [MemberData(nameof(Bugs))]
    [Trait("Requirement", "QMF-SIM-003")]
    public void Run_WithABugPlanted_FindsItWithinFiveHundredSeeds(string bug, string[] said)
    {
        var sweep = Sweep.Of(FirstSeed, 500, Enum.Parse<Bug>(bug), Processors, stopAtFirst: true, TestContext.Current.CancellationToken);

        Assert.NotEmpty(sweep.Failed);
        Assert.All(sweep.Failed, outcome =>
        {
            Assert.Contains(said, beginning => outcome.Problem!.StartsWith(beginning, StringComparison.Ordinal));
            Assert.NotEmpty(outcome.Last);
            Assert.Contains($"replay {outcome.Seed}", outcome.Replay, StringComparison.Ordinal);
        });
    }
}
