using CsCheck;
using Qm.Fleet.Core.Selectors;
using Xunit;

namespace Qm.Fleet.Core.Tests.Selectors;

[Trait("Requirement", "QMF-API-024")]
public sealed class GlobTests
{
    [Theory]
    [InlineData("*", "radio.service", true)]
    [InlineData("radio.service", "radio.service", true)]
    [InlineData("radio", "radio.service", false)]
    [InlineData("r*o.*", "radio.service", true)]
    [InlineData("radio.servic?", "radio.service", true)]
    [InlineData("radio.service?", "radio.service", false)]
    [InlineData("*a*a*", "radio", false)]
    [InlineData("**", "", true)]
    [InlineData("?", "", false)]
    [InlineData("*.service", "radio.service.d", false)]
    public void Matches_AsSystemctlDoes(string pattern, string name, bool matches) => Assert.Equal(matches, Glob.Matches(pattern, name));

    [Fact]
    public void Matches_AnyPattern_AsItsRegularExpressionDoes() => Gen.Select(Gen.String[Gen.Char["ab.*?"], 0, 8], Gen.String[Gen.Char["ab.*"], 0, 8]).Sample((pattern, name) =>
    {
        var expression = $"^{string.Concat(pattern.Select(static character => character switch { '*' => "(.*)", '?' => "(.)", _ => System.Text.RegularExpressions.Regex.Escape($"{character}") }))}$";
        return Glob.Matches(pattern, name) == System.Text.RegularExpressions.Regex.IsMatch(name, expression);
    });
}
