using System.Text.Json.Nodes;
using CsCheck;
using Qm.Fleet.Cli.Manifests;
using Qm.Fleet.Cli.Output;
using Xunit;

namespace Qm.Fleet.Cli.Tests.Output;

[Trait("Requirement", "QMF-CLI-010")]
public sealed class YamlTextTests
{
    [Theory]
    [InlineData("2G", "2G")]
    [InlineData("cockpit", "cockpit")]
    [InlineData("zone=cockpit,soc in (a,b)", "zone=cockpit,soc in (a,b)")]
    [InlineData("500", "\"500\"")]
    [InlineData("1e3", "\"1e3\"")]
    [InlineData("0x1f", "\"0x1f\"")]
    [InlineData("1:30", "\"1:30\"")]
    [InlineData("yes", "\"yes\"")]
    [InlineData("~", "\"~\"")]
    [InlineData("", "\"\"")]
    public void Of_Text_IsQuotedWhereYamlWouldReadSomethingElse(string text, string written) => Assert.Equal($"a: {written}", YamlText.Of(new JsonObject { ["a"] = text }));

    [Fact]
    public void Of_AKeyWithAStar_ReadsBack()
    {
        var yaml = YamlText.Of(new JsonObject { ["a *b"] = "c" });

        Assert.Equal("\"a *b\": c", yaml);
        Assert.Equal("a *b", Assert.Single(Assert.IsType<ManifestNode.Mapping>(Assert.Single(new YamlTree([]).Read(yaml)).Root).Entries).Key.Text);
    }

    [Fact]
    public void Of_AnyTexts_ReadBackAsTheyWere() => Gen.Select(Gen.String[0, 12], Gen.String[0, 12].Array[0, 4]).Sample((key, texts) =>
    {
        var problems = new List<ManifestProblem>();
        var yaml = YamlText.Of(new JsonObject { ["k" + Clean(key)] = new JsonArray([.. texts.Select(text => (JsonNode)JsonValue.Create(Clean(text)))]) });
        var (_, root) = Assert.Single(new YamlTree(problems).Read(yaml));

        Assert.Empty(problems);
        var (found, value) = Assert.Single(Assert.IsType<ManifestNode.Mapping>(root).Entries);
        Assert.Equal("k" + Clean(key), found.Text);
        Assert.Equal(texts.Select(Clean), Assert.IsType<ManifestNode.Sequence>(value).Items.Select(item => Assert.IsType<ManifestNode.Scalar>(item).Text));
    });

    // Halves of surrogate pairs are no text.
    private static string Clean(string text) => string.Concat(text.Select(letter => char.IsSurrogate(letter) ? '?' : letter));
}
