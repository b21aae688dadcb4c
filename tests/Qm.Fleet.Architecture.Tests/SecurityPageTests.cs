using System.Text.RegularExpressions;
using Xunit;

namespace Qm.Fleet.Architecture.Tests;

/// <summary>What SECURITY.md claims is proven by tests that are there.</summary>
[Trait("Requirement", "QMF-THREAT-001")]
public sealed partial class SecurityPageTests
{
    private static readonly string Page = File.ReadAllText(Path.Combine(Repository.Root, "SECURITY.md"));

    [Fact]
    public void EveryTestThatIsNamed_IsThere()
    {
        var sources = Repository.Sources("tests").Select(File.ReadAllText).ToList();
        var named = Test().Matches(Page).Select(match => (Class: match.Groups[1].Value, Method: match.Groups[2].Value)).Distinct().ToList();

        Assert.InRange(named.Count, 20, 500);
        Assert.All(named, test => Assert.Contains(sources, source => Regex.IsMatch(source, $@"\bclass {test.Class}\b") && Regex.IsMatch(source, $@"\b{test.Method}\(")));
    }

    // A row of a threat has what is done about it, and at least one test.
    [Fact]
    public void EveryThreat_HasATest()
    {
        var rows = Page.Split('\n').SkipWhile(line => !line.StartsWith("## A QM that was taken over", StringComparison.Ordinal)).Skip(1).TakeWhile(line => !line.StartsWith("## ", StringComparison.Ordinal))
            .Where(line => line.StartsWith("| ", StringComparison.Ordinal) && !line.StartsWith("| It ", StringComparison.Ordinal)).ToList();

        Assert.InRange(rows.Count, 12, 60);
        Assert.All(rows, row =>
        {
            Assert.Equal(3, row.Trim('|', ' ').Split(" | ").Length);
            Assert.Matches(Test(), row);
        });
    }

    [GeneratedRegex(@"`(\w+Tests|ConformanceCases)\.(\w+)`")]
    private static partial Regex Test();
}
