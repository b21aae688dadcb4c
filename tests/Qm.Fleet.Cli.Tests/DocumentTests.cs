using System.Text.RegularExpressions;
using Xunit;

namespace Qm.Fleet.Cli.Tests;

/// <summary>What the documents tell people to type is taken as it stands there.</summary>
[Trait("Requirement", "QMF-CLI-009")]
public sealed partial class DocumentTests : CliTest
{
    [Fact]
    public void Documents_EveryLineOfQmfleet_IsTaken()
    {
        var root = CommandLine.Make(new(), Context());
        var lines = Directory.GetFiles(Checkout.Of("deploy/docs"), "*.md").Append(Checkout.Of("README.md"))
            .SelectMany(path => Line().Matches(File.ReadAllText(path)).Select(match => (Path: Path.GetFileName(path), Line: match.Groups[1].Value))).ToArray();

        Assert.NotEmpty(lines);
        Assert.All(lines, line =>
        {
            var errors = root.Parse(ShellWords.Of(line.Line), new() { ResponseFileTokenReplacer = null }).Errors;
            Assert.True(errors.Count == 0, $"{line.Path}: qmfleet {line.Line}: {string.Join("; ", errors)}");
        });
    }

    // Prose says `rollout pause` and `audit verify --file` for short; what it leaves out may be missing, and nothing may be wrong.
    [Fact]
    public void Documents_EveryVerbForShort_IsThere()
    {
        var root = CommandLine.Make(new(), Context());
        var verbs = root.Subcommands.Select(static verb => verb.Name).ToHashSet();
        var lines = Directory.GetFiles(Checkout.Of("deploy/docs"), "*.md").Append(Checkout.Of("README.md"))
            .SelectMany(path => Short().Matches(File.ReadAllText(path)).Select(match => (Path: Path.GetFileName(path), Words: ShellWords.Of(match.Groups[1].Value))))
            // What top is asked about.
            .Where(line => verbs.Contains(line.Words[0]) && !line.Words.SequenceEqual(["node", "ecu1"])).ToArray();

        Assert.NotEmpty(lines);
        Assert.All(lines, line =>
        {
            var errors = root.Parse(line.Words, new() { ResponseFileTokenReplacer = null }).Errors.Select(static error => error.Message)
                .Where(static error => !error.StartsWith("Required", StringComparison.Ordinal) && !error.EndsWith("is required.", StringComparison.Ordinal)).ToList();
            Assert.True(errors.Count == 0, $"{line.Path}: {string.Join(' ', line.Words)}: {string.Join("; ", errors)}");
        });
    }

    [GeneratedRegex("`([a-z-]+ [^`\n]+)`")]
    private static partial Regex Short();

    // In a line of prose, or on a line of its own in a block.
    [GeneratedRegex(@"(?:`|^ *)qmfleet ([^`\n]+)", RegexOptions.Multiline)]
    private static partial Regex Line();
}
