using CsCheck;
using Qm.Fleet.Core.Environments;
using Qm.Fleet.Core.Resources;
using Xunit;

namespace Qm.Fleet.Core.Tests.Environments;

[Trait("Requirement", "QMF-CORE-004")]
public sealed class FleetParserTests
{
    [Fact]
    public void Parse_ValidFleet_IsTypedAndSorted()
    {
        var parsed = FleetParser.Parse(Manifest.Fleet(Manifest.Environment() with { Workloads = [Manifest.Workload("store"), Manifest.Workload("maps", 800)] }));

        Assert.True(parsed.IsValid(out var fleet));
        Assert.Empty(parsed.Problems);
        Assert.Equal(("cockpit", "zone=cockpit"), (fleet.Name, fleet.Selector.ToString()));
        Assert.Equal(new ResourceValue.Bytes(3UL << 30), fleet.Environment.Resources[ResourceProperty.MemoryMax]);
        Assert.Equal([("maps", 800), ("store", null)], fleet.Environment.Workloads.Select(workload => (workload.Name, workload.OomScoreAdjust)));
    }

    [Fact]
    public void Parse_FleetWithAMistakeInEveryPart_ReportsThemAllAtOnce()
    {
        var parsed = FleetParser.Parse(new FleetManifest
        {
            Name = "Cockpit",
            Labels = Manifest.Map(("-program", "at las")),
            Selector = "zone=,-soc,x in ()",
            Environment = new()
            {
                Resources = Manifest.Map(("MemoryMax", "3Q"), ("MemoryLimit", "1G"), ("0", "idle")),
                OomQm = 500,
                OomNested = 450,
                OomAsil = new Dictionary<string, int> { ["brake.service"] = 1, ["qm.service"] = -1 },
                QmAgent = Manifest.Map(("NodeName", "x"), ("LogLevel", "debug")),
                Workloads = [Manifest.Workload("radio", 500), Manifest.Workload("radio"), Manifest.Workload("dbus", null, ("Kube", "Yaml", ["x"]))],
            },
        });

        Assert.False(parsed.IsValid(out _));
        Assert.Null(parsed.Value);
        Assert.Equal(
            [
                "metadata.name", "metadata.labels[-program]", "metadata.labels[-program]", "spec.selector", "spec.selector",
                "spec.environment.oom.nested", "spec.environment.oom.asil[brake.service]", "spec.environment.oom.asil[qm.service]",
                "spec.environment.resources.0", "spec.environment.resources.MemoryLimit", "spec.environment.resources.MemoryMax",
                "spec.environment.bluechi.qm.LogLevel", "spec.environment.bluechi.qm.NodeName",
                "spec.environment.workloads[0].oomScoreAdjust", "spec.environment.workloads[1].name",
                "spec.environment.workloads[2].name", "spec.environment.workloads[2].quadlet.Container", "spec.environment.workloads[2].quadlet.Kube",
            ],
            parsed.Problems.Select(problem => problem.Path));
    }

    [Theory]
    [InlineData("")]
    [InlineData(" ")]
    public void Parse_NoSelector_IsRefusedBecauseItWouldTakeEveryNode(string selector) =>
        Assert.Equal("spec.selector", Assert.Single(FleetParser.Parse(Manifest.Fleet() with { Selector = selector }).Problems).Path);

    [Fact]
    public void Parse_NoEnvironment_IsReportedBesideTheOtherProblems() =>
        Assert.Equal(
            ["metadata.name", "spec.environment"],
            FleetParser.Parse(Manifest.Fleet() with { Name = "", Environment = null }).Problems.Select(problem => problem.Path));

    [Fact]
    public void Parse_WrongUnit_SaysWhatWhereAndWhatWasExpected() =>
        Assert.Equal(
            "spec.environment.resources.MemoryMax: \"3Q\" is not a size; expected bytes, K, M, G, T, % or infinity",
            Assert.Single(Manifest.Problems(Manifest.Environment() with { Resources = Manifest.Map(("MemoryMax", "3Q")) })).ToString());

    [Theory]
    [InlineData("memorymax")]
    [InlineData("MemoryMax ")]
    [InlineData("IODeviceWeight")]
    [InlineData("6")]
    public void Parse_LimitThatIsNotOurs_ListsThoseThatAre(string name)
    {
        var problem = Assert.Single(Manifest.Problems(Manifest.Environment() with { Resources = Manifest.Map((name, "1G")) }));

        Assert.Equal($"spec.environment.resources.{name}", problem.Path);
        Assert.Contains("CPUWeight, CPUQuota, AllowedCPUs", problem.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("MemoryHigh", "3G", "2G", "3G is above MemoryMax (2G); QM would be killed before it is throttled")]
    [InlineData("MemoryMin", "3G", "2G", "3G is above MemoryMax (2G); what is protected could never be used")]
    [InlineData("MemoryLow", "2049M", "2G", "2049M is above MemoryMax (2G); what is protected could never be used")]
    [InlineData("MemoryHigh", "60%", "50%", "60% is above MemoryMax (50%); QM would be killed before it is throttled")]
    public void Parse_LimitsThatContradictEachOther_NameTheRule(string lower, string value, string most, string message)
    {
        var problem = Assert.Single(Manifest.Problems(Manifest.Environment() with { Resources = Manifest.Map((lower, value), ("MemoryMax", most)) }));

        Assert.Equal(new($"spec.environment.resources.{lower}", message, Rules.LimitOrder), problem);
    }

    [Theory]
    [InlineData("MemoryHigh", "2G", "2048M")]
    [InlineData("MemoryHigh", "infinity", "2G")]
    [InlineData("MemoryHigh", "60%", "2G")]
    public void Parse_LimitsThatMayHoldTogether_AreTaken(string lower, string value, string most) =>
        Assert.Empty(Manifest.Problems(Manifest.Environment() with { Resources = Manifest.Map((lower, value), ("MemoryMax", most)) }));

    [Fact]
    public void Parse_AnyTexts_IsAFleetOrProblemsAndNeverThrows() =>
        Gen.Select(Gen.String, Gen.String, Gen.String, Gen.String, Gen.Int).Sample((first, second, third, fourth, number) =>
        {
            var parsed = FleetParser.Parse(new FleetManifest
            {
                Name = first,
                Labels = Manifest.Map((second, third)),
                Selector = fourth,
                Environment = new()
                {
                    Resources = Manifest.Map((first, second), ("MemoryMax", third)),
                    OomQm = number,
                    OomNested = number,
                    OomAsil = new Dictionary<string, int> { [first] = number },
                    QmAgent = Manifest.Map((first, second), ("ControllerAddress", third), ("ControllerHost", fourth)),
                    Workloads = [Manifest.Workload(second, number, (third, fourth, [first]), ("Container", "Image", [second]))],
                },
            });

            Assert.Equal(parsed.Value is null, parsed.Problems.Count > 0);
            Assert.All(parsed.Problems, problem => Assert.True(problem.Message.Length > 0 && problem.Path.Length > 0));
            Assert.All(parsed.Problems, problem => Assert.True(problem.Rule is null || Rules.Titles.ContainsKey(problem.Rule)));
        });

    [Fact]
    public void Parsed_NeitherValueNorProblem_CannotBeMade() =>
        Assert.Throws<ArgumentNullException>(() => new Parsed<string>(null, []));
}
