using Qm.Fleet.Core.Selectors;
using Xunit;

namespace Qm.Fleet.Core.Tests.Selectors;

[Trait("Requirement", "QMF-CORE-003")]
public sealed class LabelsTests
{
    [Theory]
    [InlineData("zone", true)]
    [InlineData("Zone_1.a-b", true)]
    [InlineData("qm.fleet/zone", true)]
    [InlineData("a/b/c", false)]
    [InlineData("/zone", false)]
    [InlineData("qm.fleet/", false)]
    [InlineData("Qm.fleet/zone", false)]
    [InlineData("qm..fleet/zone", false)]
    [InlineData("-zone", false)]
    [InlineData("zone.", false)]
    [InlineData("z\u00f6ne", false)]
    [InlineData("", false)]
    public void IsKey_Text_IsJudgedAsKubernetesDoes(string text, bool valid) => Assert.Equal(valid, Labels.IsKey(text, out _));

    [Theory]
    [InlineData("", true)]
    [InlineData("A.b_c-1", true)]
    [InlineData("a b", false)]
    [InlineData("_a", false)]
    [InlineData("a\n", false)]
    public void IsValue_Text_IsJudgedAsKubernetesDoes(string text, bool valid) => Assert.Equal(valid, Labels.IsValue(text, out _));

    [Theory]
    [InlineData("cockpit", true)]
    [InlineData("0-a", true)]
    [InlineData("Cockpit", false)]
    [InlineData("a.b", false)]
    [InlineData("-a", false)]
    [InlineData("a-", false)]
    [InlineData("", false)]
    public void IsName_Text_IsADnsLabel(string text, bool valid) => Assert.Equal(valid, Labels.IsName(text, out _));

    [Theory]
    [InlineData(63, true)]
    [InlineData(64, false)]
    public void Length_OfKeyValueAndName_IsAtMost63(int length, bool valid)
    {
        var text = new string('a', length);

        Assert.Equal(valid, Labels.IsKey(text, out _));
        Assert.Equal(valid, Labels.IsKey("qm.fleet/" + text, out _));
        Assert.Equal(valid, Labels.IsValue(text, out _));
        Assert.Equal(valid, Labels.IsName(text, out _));
    }

    [Theory]
    [InlineData(253, true)]
    [InlineData(255, false)]
    public void IsKey_Prefix_IsAtMost253(int length, bool valid) =>
        Assert.Equal(valid, Labels.IsKey(string.Concat(Enumerable.Repeat("a.", length / 2)) + "a/zone", out _));
}
