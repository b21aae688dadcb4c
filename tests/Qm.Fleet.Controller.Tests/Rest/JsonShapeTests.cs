using System.Text;
using Google.Protobuf;
using Google.Protobuf.Reflection;
using Qm.Fleet.Controller.Rest;

namespace Qm.Fleet.Controller.Tests.Rest;

[Trait("Requirement", "QMF-REST-002")]
public sealed class JsonShapeTests
{
    private static readonly MessageDescriptor Apply = V1.ApplyFleetsRequest.Descriptor;

    [Theory]
    [InlineData("""{}""")]
    [InlineData("""{"fleets": [{"metadata": {"name": "a", "labels": {"program": "atlas"}}, "spec": {"environment": {"resources": {"CPUWeight": "idle"}, "oom": {"qm": 500}}}}], "dryRun": true}""")]
    [InlineData("""{"dry_run": false, "generations": {"a": "9007199254740993", "b": 3}}""")]
    [InlineData("""{"fleets": [{"spec": {"environment": {"workloads": [{"name": "radio", "quadlet": {"Container": {"Image": "x", "Volume": ["a", "b"], "n": null}}}]}}}]}""")]
    public void Check_WhatProtobufReads_HasNoProblem(string json)
    {
        Assert.Empty(Problems(Apply, json));
        JsonParser.Default.Parse(json, Apply); // and so it does
    }

    [Theory]
    [InlineData("""{"fleet": []}""", "fleet: no such field; known are fleets, dryRun, requestId, generations")]
    [InlineData("""{"fleets": {}}""", "fleets: expected a list")]
    [InlineData("""{"fleets": [1]}""", "fleets[0]: expected an object")]
    [InlineData("""{"dryRun": "yes"}""", "dryRun: expected true or false")]
    [InlineData("""{"dryRun": null}""", "dryRun: it is null; leave it out, or give true or false")]
    [InlineData("""{"dryRun": true, "dry_run": false}""", "dryRun: it stands there twice")]
    [InlineData("""{"requestId": 7}""", "requestId: expected a string")]
    [InlineData("""{"generations": {"a": "x"}}""", "generations[a]: \"x\" is not a whole number of 64 bits")]
    [InlineData("""{"generations": {"a": 1.5}}""", "generations[a]: expected a whole number")]
    [InlineData("""{"generations": {"a": 1, "a": 2}}""", "generations[a]: it stands there twice")]
    [InlineData("""{"fleets": [{"metadata": {"createdAt": "tomorrow"}}]}""", "fleets[0].metadata.createdAt: \"tomorrow\" is not a time such as 2026-03-01T12:00:00Z")]
    [InlineData("""{"requestId": "\ud800"}""", "requestId: a string in it has half a surrogate pair")]
    [InlineData("""[]""", ": expected an object")]
    [InlineData("""{"fleets": [""", ": it is not JSON of at most 30 levels: line 1, byte 13")]
    [InlineData("""{} {}""", ": it is not JSON of at most 30 levels: line 1, byte 4")]
    [InlineData("", ": it is not JSON of at most 30 levels: line 1, byte 1")]
    public void Check_WhatIsWrong_IsToldWithItsPlace(string json, string problem) => Assert.Equal([problem], Problems(Apply, json));

    [Fact]
    public void Check_SeveralProblems_AreToldAll() => Assert.Equal(
        ["fleets[0].spec.environmnt", "fleets[0].spec.selector", "fleets[1].metadata.name", "dryRun"],
        JsonShape.Check(Apply, """{"fleets": [{"spec": {"environmnt": {"deep": [1, {"er": 2}]}, "selector": 1}}, {"metadata": {"name": []}}], "dryRun": 1}"""u8, "").Select(static problem => problem.Path));

    [Fact]
    public void Check_TenThousandLevels_AreRefused() =>
        Assert.StartsWith(": it is not JSON of at most 30 levels", Problems(Apply, string.Concat(Enumerable.Repeat("""{"fleets":[""", 10_000)))[^1], StringComparison.Ordinal);

    [Fact]
    public void Check_WhatIsNoUtf8_IsRefused() => Assert.Equal("it is not UTF-8", Assert.Single(JsonShape.Check(Apply, [.. "{\"requestId\": \""u8, 0xc3, 0x28, .. "\"}"u8], "")).Message);

    [Fact]
    public void Check_MoreProblemsThanAreTold_AreBounded() =>
        Assert.Equal(100, Problems(Apply, $$"""{ {{string.Join(',', Enumerable.Range(0, 5000).Select(static number => $"\"x{number}\": 1"))}} }""").Count);

    private static List<string> Problems(MessageDescriptor message, string json) =>
        [.. JsonShape.Check(message, Encoding.UTF8.GetBytes(json), "").Select(static problem => problem.ToString())];
}
