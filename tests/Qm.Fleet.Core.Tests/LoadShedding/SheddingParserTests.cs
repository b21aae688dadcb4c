using Qm.Fleet.Core.Environments;
using Qm.Fleet.Core.LoadShedding;
using Qm.Fleet.Core.Resources;
using Xunit;

namespace Qm.Fleet.Core.Tests.LoadShedding;

[Trait("Requirement", "QMF-SHED-002")]
public sealed class SheddingParserTests
{
    [Fact]
    public void Parse_Everything_IsReadBack()
    {
        var rules = Parse(
            new() { Name = "calm-maps", Pressure = "memory", Above = "20%", For = "30s", Below = "4%", CalmFor = "2m", Freeze = ["maps"] },
            new() { Name = "squeeze", MemoryEvents = "high", Above = "10 per 1m", Limits = new Dictionary<string, string> { ["CPUQuota"] = "20%" } }).Value!.Supervision.LoadShedding;

        Assert.Equal(new SheddingTrigger.Pressure(PressureKind.Memory, 20, TimeSpan.FromSeconds(30), 4), rules[0].When);
        Assert.Equal((TimeSpan.FromMinutes(2), "maps"), (rules[0].CalmFor, Assert.Single(rules[0].Freeze)));
        Assert.Equal(new SheddingTrigger.Events("high", new(10, TimeSpan.FromMinutes(1))), rules[1].When);
        Assert.Equal((TimeSpan.FromMinutes(1), "20%"), (rules[1].CalmFor, rules[1].Limits[ResourceProperty.CPUQuota].ToString()));
    }

    [Fact]
    public void Parse_NoThresholdForTheWayBack_TakesHalf() =>
        Assert.Equal(new SheddingTrigger.Pressure(PressureKind.Cpu, 21, TimeSpan.Zero, 10), Parse(new SheddingManifest { Name = "a", Pressure = "cpu", Above = "21%", Freeze = ["maps"] }).Value!.Supervision.LoadShedding[0].When);

    /// <summary>A rule, and what is wrong with it.</summary>
    public static TheoryData<SheddingManifest, string> Wrong => new()
    {
        { new() { Name = "Bad Name", Pressure = "memory", Above = "20%", Freeze = ["maps"] }, "[0].name: " },
        { new() { Name = "a", Pressure = "memory", Above = "20%" }, "[0]: sheds nothing" },
        { new() { Name = "a", Pressure = "disk", Above = "20%", Freeze = ["maps"] }, "[0].when.pressure: \"disk\" is not known" },
        { new() { Name = "a", Pressure = "memory", Freeze = ["maps"] }, "[0].when.above: a threshold is required" },
        { new() { Name = "a", Pressure = "memory", Above = "0%", Freeze = ["maps"] }, "[0].when.above: 0% is every moment" },
        { new() { Name = "a", Pressure = "memory", Above = "20", Freeze = ["maps"] }, "[0].when.above: \"20\" is not a part" },
        { new() { Name = "a", Pressure = "memory", Above = "20%", Below = "20%", Freeze = ["maps"] }, "[0].until.below: 20% is not below 20%" },
        { new() { Name = "a", Pressure = "memory", Above = "20%", For = "1ns", Freeze = ["maps"] }, "[0].when.for: \"1ns\" is not a time" },
        { new() { Name = "a", Pressure = "memory", Above = "20%", CalmFor = "1ms", Freeze = ["maps"] }, "[0].until.for: 1ms is too short" },
        { new() { Name = "a", Pressure = "memory", Above = "20%", Freeze = ["radio"] }, "[0].freeze[0]: \"radio\" is no workload of the environment; it has maps" },
        { new() { Name = "a", Pressure = "memory", MemoryEvents = "high", Above = "3 per 1m", Freeze = ["maps"] }, "[0].when: pressure and memoryEvents exclude each other" },
        { new() { Name = "a", MemoryEvents = "wishes", Above = "3 per 1m", Freeze = ["maps"] }, "[0].when.memoryEvents: \"wishes\" is no counter" },
        { new() { Name = "a", MemoryEvents = "high", Above = "20%", Freeze = ["maps"] }, "[0].when.above: \"20%\" is not a budget" },
        { new() { Name = "a", MemoryEvents = "high", Above = "3 per 1m", For = "1s", Freeze = ["maps"] }, "[0].when.for: a counter is counted over" },
        { new() { Name = "a", Pressure = "memory", Above = "20%", Limits = new Dictionary<string, string> { ["MemoryHigh"] = "1G" } }, "[0].limits.MemoryHigh: the environment does not set MemoryHigh" },
        { new() { Name = "a", Pressure = "memory", Above = "20%", Limits = new Dictionary<string, string> { ["CPUQuota"] = "3Q" } }, "[0].limits.CPUQuota: " },
        { new() { Name = "a", Pressure = "memory", Above = "20%", Limits = new Dictionary<string, string> { ["Wishes"] = "1" } }, "[0].limits.Wishes: not a limit" },
    };

    [Theory, MemberData(nameof(Wrong))]
    public void Parse_ARuleThatMakesNoSense_IsRefused(SheddingManifest rule, string problem) =>
        Assert.Contains(Parse(rule).Problems, found => found.ToString().StartsWith("spec.supervision.loadShedding" + problem, StringComparison.Ordinal));

    [Fact]
    public void Parse_RulesThatCannotBothBeHad_AreRefused()
    {
        SheddingManifest Of(string name) => new() { Name = name, Pressure = "memory", Above = "20%", Limits = new Dictionary<string, string> { ["CPUQuota"] = "20%" } };
        Assert.Contains(Parse(Of("a"), Of("b")).Problems, found => found.ToString() == "spec.supervision.loadShedding[1].limits.CPUQuota: rule a sets it, too; one of the two would have to win");
        Assert.Contains(Parse(Of("a"), Of("a")).Problems, found => found.ToString() == "spec.supervision.loadShedding[1].name: \"a\" is the name of another rule, too");
        Assert.Contains(Parse([.. Enumerable.Range(0, 1000).Select(number => Of($"r{number}"))]).Problems, found => found.ToString() == "spec.supervision.loadShedding: 1000 rules are more than 16");
    }

    private static Parsed<FleetSpec> Parse(params SheddingManifest[] rules) => FleetParser.Parse(new()
    {
        Name = "cockpit",
        Selector = "zone=cockpit",
        Environment = new()
        {
            RootfsPreinstalled = true,
            Resources = new Dictionary<string, string> { ["CPUQuota"] = "60%" },
            Workloads = [new() { Name = "maps", Quadlet = new Dictionary<string, IReadOnlyDictionary<string, IReadOnlyList<string>>> { ["Container"] = new Dictionary<string, IReadOnlyList<string>> { ["Image"] = ["localhost/maps:1"] } } }],
        },
        Supervision = new() { LoadShedding = rules },
    });
}
