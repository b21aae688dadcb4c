using CsCheck;
using Xunit;

namespace Qm.Fleet.Core.Tests.Environments;

[Trait("Requirement", "QMF-RULE-5")]
public sealed class OomOrderTests
{
    private const string Oom = "spec.environment.oom";

    private static readonly Gen<int> Score = Gen.OneOf(Gen.Int[-1100, 1100], Gen.OneOf(-1000, -1, 0, 1, 499, 500, 501, 749, 750, 751, 999, 1000, 1001));
    private static readonly Gen<int?> MaybeScore = Gen.Frequency((3, Score.Select(score => (int?)score)), (1, Gen.Const((int?)null)));

    [Theory]
    [InlineData(500, 450, "nested", "450 is below oom.qm (500); nested containers must be killed before QM")]
    [InlineData(500, 500, "nested", "500 is not above oom.qm (500); nested containers must be killed before QM")]
    [InlineData(null, 400, "nested", "400 is below QM's own default (500); nested containers must be killed before QM")]
    [InlineData(750, null, "qm", "750 is not below the nested default (750); nested containers must be killed before QM, set oom.nested above it")]
    [InlineData(500, 1001, "nested", "1001 is above 1000, the highest score there is")]
    [InlineData(0, null, "qm", "0 is not between 1 and 999; QM must be killed after its containers and before the host")]
    [InlineData(1000, 1000, "qm", "1000 is not between 1 and 999; QM must be killed after its containers and before the host")]
    public void Parse_ScoresOutOfOrder_SayWhichAndWhy(int? qm, int? nested, string field, string message) =>
        Assert.Equal(
            [new($"{Oom}.{field}", message, "QMF-R005")],
            Manifest.Problems(Manifest.Environment() with { OomQm = qm, OomNested = nested }));

    [Fact]
    public void Problem_OfTheOrder_EndsWithItsRule() =>
        Assert.Equal(
            $"{Oom}.nested: 450 is below oom.qm (500); nested containers must be killed before QM (QMF-R005)",
            Assert.Single(Manifest.Problems(Manifest.Environment() with { OomNested = 450 })).ToString());

    [Theory]
    [InlineData(0)]
    [InlineData(500)]
    [InlineData(-1001)]
    public void Parse_SafetyUnitThatWouldNotBeKilledLast_IsRefused(int score) =>
        Assert.Equal(
            new($"{Oom}.asil[brake.service]", $"{score} is not between -1000 and -1; a safety unit must be killed after everything else", "QMF-R005"),
            Assert.Single(Manifest.Problems(Manifest.Environment() with { OomAsil = new Dictionary<string, int> { ["brake.service"] = score } })));

    [Theory]
    [InlineData("brake", "has no unit suffix")]
    [InlineData("../brake.service", "holds characters")]
    [InlineData("brake.target", "only services have an OOM score")]
    [InlineData("brake@.service", "is a template")]
    [InlineData("qm.service", "is QM itself")]
    [InlineData("bluechi-agent.service", "is part of BlueChi")]
    [InlineData("bluechi-controller.service", "is part of BlueChi")]
    public void Parse_UnitThatIsNoSafetyUnit_IsRefused(string unit, string reason)
    {
        var problem = Assert.Single(Manifest.Problems(Manifest.Environment() with { OomAsil = new Dictionary<string, int> { [unit] = -1 } }));

        Assert.Equal($"{Oom}.asil[{unit}]", problem.Path);
        Assert.Contains(reason, problem.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Parse_InstanceOfATemplate_IsASafetyUnit() =>
        Assert.Empty(Manifest.Problems(Manifest.Environment() with { OomAsil = new Dictionary<string, int> { ["brake@front.service"] = -1 } }));

    // A workload between QM and the nested default keeps the order: it only dies later than its neighbours.
    [Theory]
    [InlineData(501)]
    [InlineData(600)]
    [InlineData(1000)]
    public void Parse_WorkloadAboveQm_IsTaken(int score) =>
        Assert.Empty(Manifest.Problems(Manifest.Environment() with { Workloads = [Manifest.Workload("radio", score)] }));

    [Theory]
    [InlineData(500, "is not above QM's own score (500)")]
    [InlineData(-1000, "no CAP_SYS_RESOURCE")]
    [InlineData(1001, "is above 1000")]
    public void Parse_WorkloadThatWouldOutliveQm_IsRefused(int score, string reason)
    {
        var problem = Assert.Single(Manifest.Problems(Manifest.Environment() with { Workloads = [Manifest.Workload("radio", score)] }));

        Assert.Equal(("spec.environment.workloads[0].oomScoreAdjust", "QMF-R005"), (problem.Path, problem.Rule));
        Assert.Contains(reason, problem.Message, StringComparison.Ordinal);
    }

    // The rule in its own words, over whatever is declared: what is taken holds the order with defaults filled in, and what holds it is taken.
    [Fact]
    public void Parse_AnyScores_TakesExactlyThoseThatHoldTheOrder() =>
        Gen.Select(MaybeScore, MaybeScore, Score, MaybeScore).Sample(
            (qm, nested, asil, workload) =>
            {
                var (effectiveQm, effectiveNested) = (qm ?? 500, nested ?? 750);
                var holds = asil is >= -1000 and < 0 && effectiveQm > 0 && effectiveNested > effectiveQm && effectiveNested <= 1000
                    && (workload is null || (workload > effectiveQm && workload <= 1000));

                var problems = Manifest.Problems(Manifest.Environment() with
                {
                    OomQm = qm,
                    OomNested = nested,
                    OomAsil = new Dictionary<string, int> { ["brake.service"] = asil },
                    Workloads = [Manifest.Workload("radio", workload)],
                });

                Assert.Equal(holds, problems.Count == 0);
                Assert.All(problems, problem => Assert.Equal("QMF-R005", problem.Rule));
            },
            iter: 5_000);
}
