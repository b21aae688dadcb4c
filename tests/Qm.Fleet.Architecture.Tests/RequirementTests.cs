using System.Text.RegularExpressions;
using Xunit;

namespace Qm.Fleet.Architecture.Tests;

/// <summary>Ties the ids of tests/requirements.md to the tests that name them.</summary>
public sealed partial class RequirementTests
{
    private static readonly string[] Written =
        [.. File.ReadLines(Path.Combine(Repository.Root, "tests/requirements.md")).Select(line => Row().Match(line)).Where(match => match.Success).Select(match => match.Groups[1].Value)];

    private static readonly HashSet<string> Named =
        [.. Repository.Sources("tests").SelectMany(path => TraitOf().Matches(File.ReadAllText(path))).Select(match => match.Groups[1].Value)];

    [Fact]
    public void Requirements_EachId_IsWrittenOnce()
    {
        Assert.NotEmpty(Written);
        Assert.Equal(Written.Distinct().Order(), Written.Order());
    }

    [Fact]
    public void Requirements_EachId_HasATest() => Assert.Empty(Written.Except(Named));

    [Fact]
    public void Tests_EachNamedId_IsARequirement() => Assert.Empty(Named.Except(Written));

    [GeneratedRegex(@"^\| (QMF-[A-Z0-9-]+) \|")]
    private static partial Regex Row();

    [GeneratedRegex(@"Trait\(""Requirement"", ""(QMF-[A-Z0-9-]+)""\)")]
    private static partial Regex TraitOf();
}
