using CsCheck;
using Qm.Fleet.Core.Selectors;
using Xunit;

namespace Qm.Fleet.Core.Tests.Selectors;

[Trait("Requirement", "QMF-API-040")]
public sealed class FieldSelectorTests
{
    private static readonly Gen<FieldRequirement> Requirement = Gen.Select(
        Gen.OneOf("phase", "metadata.name", "status.desiredRevision", "a_1.b"), Gen.Bool, Gen.OneOf("", "a", "a,b", "x=y", "\\", "a b", "\\=,", "\u00e4\ud83d\ude00"),
        (path, isEqual, value) => new FieldRequirement(path, isEqual, value, 1));

    [Theory]
    [InlineData("status.fleet=cockpit,spec.cordoned!=true", "status.fleet=cockpit,spec.cordoned!=true")]
    [InlineData("a==b", "a=b")]
    [InlineData(" a = b , c != d ", "a=b,c!=d")]
    [InlineData("a=", "a=")]
    [InlineData("a!=", "a!=")]
    [InlineData(@"a=b\,c\=d\\e", @"a=b\,c\=d\\e")]
    [InlineData("a=b!c", "a=b!c")]
    [InlineData("", "")]
    [InlineData(" ", "")]
    public void TryParse_SelectorOfKubernetes_IsWrittenInOneWay(string text, string canonical)
    {
        Assert.True(FieldSelector.TryParse(text, out var selector, out var problems));
        Assert.Empty(problems);
        Assert.Equal(canonical, selector.ToString());
    }

    [Theory]
    [InlineData("a", 1, "expected field=value")]
    [InlineData("!a", 1, "expected field=value")]
    [InlineData("a=b,", 5, "a condition is missing")]
    [InlineData("a=b,,c=d", 5, "a condition is missing")]
    [InlineData("a===b", 1, "'=' stands behind a '\\'")]
    [InlineData("a=b=c", 1, "'=' stands behind a '\\'")]
    [InlineData(@"a=b\n", 1, "and nothing else")]
    [InlineData(@"a=b\", 1, "and nothing else")]
    [InlineData("=b", 1, "a field is missing")]
    [InlineData("!=b", 1, "a field is missing")]
    [InlineData("a..b=c", 1, "is not a field")]
    [InlineData("a.=c", 1, "is not a field")]
    [InlineData("a[0]=c", 1, "is not a field")]
    [InlineData("a in (b)", 1, "expected field=value")]
    [InlineData("x=y, 1a=c", 6, "is not a field")]
    public void TryParse_WhatIsNoSelector_SaysWhereAndWhy(string text, int position, string reason)
    {
        Assert.False(FieldSelector.TryParse(text, out _, out var problems));
        Assert.StartsWith($"at character {position}: ", problems[0], StringComparison.Ordinal);
        Assert.Contains(reason, problems[0], StringComparison.Ordinal);
    }

    [Fact]
    public void TryParse_SeveralMistakes_ReportsEachWithItsPlace()
    {
        Assert.False(FieldSelector.TryParse("-a=b,ok=1,c,d=e=f", out _, out var problems));

        Assert.Equal([1, 11, 13], problems.Select(problem => int.Parse(problem.Split(' ')[2].TrimEnd(':'), provider: null)));
    }

    [Fact]
    public void TryParse_BeyondTheBounds_IsRefusedInOneSentence()
    {
        Assert.False(FieldSelector.TryParse(new string('a', FieldSelector.MaxLength + 1), out _, out var tooLong));
        Assert.False(FieldSelector.TryParse(string.Join(',', Enumerable.Repeat("a=b", FieldSelector.MaxRequirements + 1)), out _, out var tooMany));

        Assert.Contains("characters", Assert.Single(tooLong), StringComparison.Ordinal);
        Assert.Contains("conditions", Assert.Single(tooMany), StringComparison.Ordinal);
        Assert.True(FieldSelector.TryParse(string.Join(',', Enumerable.Repeat("a=b", FieldSelector.MaxRequirements)), out _, out _));
    }

    [Fact]
    public void TryParse_AnyText_IsASelectorOrProblemsAndNeverThrows() =>
        Gen.OneOf(Gen.String, Gen.OneOf("a", "in", " ", "\t", "(", ")", ",", "=", "!", "\\", ".", "_", "1").Array[0, 12].Select(string.Concat)).Sample(text =>
        {
            var parsed = FieldSelector.TryParse(text, out var selector, out var problems);

            Assert.Equal(parsed, problems.Count == 0);
            Assert.Equal(parsed, selector is not null);
        });

    [Fact]
    public void TryParse_AnyConditionsWritten_AreReadBackAsTheSame() =>
        Requirement.Array[0, 6].Sample(requirements =>
        {
            Assert.True(FieldSelector.TryParse(string.Join(',', requirements.AsEnumerable()), out var selector, out _));

            Assert.Equal(requirements, selector.Requirements.Select(requirement => requirement with { Position = 1 }));
        });
}
