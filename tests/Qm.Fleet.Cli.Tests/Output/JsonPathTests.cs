using System.Globalization;
using System.Text.Json.Nodes;
using CsCheck;
using Qm.Fleet.Cli.Output.JsonPaths;
using Xunit;

namespace Qm.Fleet.Cli.Tests.Output;

[Trait("Requirement", "QMF-CLI-010")]
public sealed class JsonPathTests
{
    private const string Nodes = """
        {"items": [
          {"metadata": {"name": "ecu1", "generation": "2", "labels": {"qm.fleet/zone": "cockpit"}}, "status": {"conditions": [{"type": "Ready", "status": "TRUE"}, {"type": "QmOnline", "status": "TRUE"}]}},
          {"metadata": {"name": "ecu2", "generation": "11"}, "spec": {"cordoned": true}, "status": {"conditions": [{"type": "Ready", "status": "FALSE"}]}}
        ], "a.b": 1.5, "it's": "quoted"}
        """;

    private static readonly Gen<string> Key = Gen.Char["abz.' \\\"]{}é-"].Array[1, 4].Select(letters => new string(letters));
    private static readonly Gen<JsonNode> Leaf = Gen.OneOf(
        Gen.Int.Select(number => (JsonNode)JsonValue.Create(number)), Gen.String[0, 5].Select(text => (JsonNode)JsonValue.Create(text)), Gen.Bool.Select(truth => (JsonNode)JsonValue.Create(truth)));

    // kubectl 1.34 gives the same for each of these, but for the comparison of numbers that stand as text.
    [Theory]
    [InlineData("{.items[0].metadata.name}", "ecu1")]
    [InlineData(".items[0].metadata.name", "ecu1")]
    [InlineData("items[0].metadata.name", "ecu1")]
    [InlineData("{$.items[0].metadata.name}", "ecu1")]
    [InlineData("{.items[-1].metadata.name}", "ecu2")]
    [InlineData("{.items[*].metadata.name}", "ecu1 ecu2")]
    [InlineData("{.items[0:1].metadata.name}", "ecu1")]
    [InlineData("{.items[::2].metadata.name}", "ecu1")]
    [InlineData("{.items[0,1].metadata.name}", "ecu1 ecu2")]
    [InlineData("{.items[0].metadata['name','generation']}", "ecu1 2")]
    [InlineData("{.items[0].metadata.labels.qm\\.fleet/zone}", "cockpit")]
    [InlineData("{.items[0].metadata.labels['qm.fleet/zone']}", "cockpit")]
    [InlineData("{.a\\.b}", "1.5")]
    [InlineData("{['it\\'s']}", "quoted")]
    [InlineData("{..name}", "ecu1 ecu2")]
    [InlineData("{.items[?(@.spec.cordoned==true)].metadata.name}", "ecu2")]
    [InlineData("{.items[?(@.spec.cordoned)].metadata.name}", "ecu2")]
    [InlineData("{.items[?(@.metadata.name!=\"ecu1\")].metadata.name}", "ecu2")]
    [InlineData("{.items[?(@.metadata.generation>2)].metadata.name}", "ecu2")]
    [InlineData("{.items[?(@.metadata.generation<=2)].metadata.name}", "ecu1")]
    [InlineData("{.items[?(@.status.conditions[?(@.type=='Ready')].status=='TRUE')].metadata.name}", "ecu1")]
    [InlineData("{range .items[*]}{.metadata.name}{'\\t'}{.metadata.generation}{\"\\n\"}{end}", "ecu1\t2\necu2\t11\n")]
    [InlineData("{range .items[*]}{range .status.conditions[*]}{.type} {end}{end}", "Ready QmOnline Ready ")]
    [InlineData("name: {.items[1].metadata.name}!", "name: ecu2!")]
    [InlineData("{.items[0].metadata.name} {.items[1].metadata.name}", "ecu1 ecu2")]
    [InlineData("{.nothing.at.all}", "")]
    [InlineData("{.items[9].metadata.name}", "")]
    [InlineData("{.items[0].status.conditions[0]}", "{\"type\":\"Ready\",\"status\":\"TRUE\"}")]
    public void Render_WhatKubectlTakes_GivesWhatKubectlGives(string template, string text) => Assert.Equal(text, JsonPathTemplate.Parse(template).Render(JsonNode.Parse(Nodes)!));

    [Theory]
    [InlineData("{.items[}", 9, "expected an index, a name in quotes, * or ?(...)")]
    [InlineData("{.items[0}", 10, "expected ]")]
    [InlineData("{.items", 8, "expected }, and found the end")]
    [InlineData("{range .items[*]}{.a}", 22, "expected {end} for each {range}, and found the end")]
    [InlineData("{end}", 5, "{end} without {range}")]
    [InlineData("{'text}", 2, "the ' is never closed")]
    [InlineData("{.items[?(@.a=1)]}", 14, "expected )")]
    [InlineData("{.items[::0]}", 12, "a step of a slice is 1 or more")]
    [InlineData("{.items[99999999999]}", 9, "expected a number that fits")]
    [InlineData("", 1, "expected a path such as .metadata.name, and found the end")]
    public void Parse_WhatIsWrong_SaysWhereAndWhatWasExpected(string template, int position, string message)
    {
        var error = Assert.Throws<JsonPathException>(() => JsonPathTemplate.Parse(template));

        Assert.Equal((position, message), (error.Position, error.Message));
    }

    [Fact]
    public void Parse_AnyText_IsReadOrRefusedWithAPlaceInIt() => Gen.Char["{}[]().*,:?@$'\"\\=<>!-ab1 \trange"].Array[0, 30].Sample(letters =>
    {
        var text = new string(letters);
        try
        {
            JsonPathTemplate.Parse(text).Render(JsonNode.Parse(Nodes)!);
        }
        catch (JsonPathException e)
        {
            Assert.InRange(e.Position, 1, text.Length + 1);
            Assert.NotEmpty(e.Message);
        }
    }, iter: 20_000);

    [Fact]
    public void Render_PathToALeafOfAnyDocument_GivesThatLeaf() => Gen.Select(Key.Array[1, 5], Gen.Int[0, 3].Array[1, 5], Leaf).Sample((keys, indexes, leaf) =>
    {
        var (document, path) = (leaf.DeepClone(), "");
        for (var level = 0; level < Math.Min(keys.Length, indexes.Length); level++)
        {
            var list = new JsonArray();
            for (var other = 0; other < indexes[level]; other++)
            {
                list.Add("another");
            }

            list.Add(document);
            document = new JsonObject { [keys[level]] = list };
            path = string.Create(CultureInfo.InvariantCulture, $"['{keys[level].Replace("\\", "\\\\", StringComparison.Ordinal).Replace("'", "\\'", StringComparison.Ordinal)}'][{indexes[level]}]{path}");
        }

        Assert.Equal(JsonPath.Text(leaf), JsonPathTemplate.Parse($"{{{path}}}").Render(document));
    });

    [Fact]
    public void Render_Wildcard_IsEveryIndexOneAfterTheOther() => Leaf.Array[0, 6].Sample(leaves =>
    {
        var document = new JsonObject { ["a"] = new JsonArray([.. leaves.Select(leaf => leaf.DeepClone())]) };
        var each = string.Join(' ', leaves.Select((_, index) => JsonPathTemplate.Parse(FormattableString.Invariant($"{{.a[{index}]}}")).Render(document)));

        Assert.Equal(each, JsonPathTemplate.Parse("{.a[*]}").Render(document));
    });
}
