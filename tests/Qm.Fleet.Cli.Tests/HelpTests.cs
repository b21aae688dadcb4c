using System.CommandLine;
using Qm.Fleet.Cli.Connection;
using Qm.Fleet.Cli.Manual;
using Qm.Fleet.Cli.Tests.Processes;
using Xunit;

namespace Qm.Fleet.Cli.Tests;

/// <summary>Help that teaches: every verb says what it does and shows how, and what it shows is right.</summary>
[Trait("Requirement", "QMF-CLI-009")]
public sealed class HelpTests : CliTest
{
    [Fact]
    public void Help_EveryVerb_SaysWhatItDoesAndHasExamples() => Assert.All(Verbs(), verb =>
    {
        var (text, examples) = ManualPages.Split(verb.Command);
        Assert.True(text.Length > 0 && text.EndsWith('.') && examples.Count > 0, $"{verb.Path}: expected a sentence and Examples:, got: {verb.Command.Description}");
        Assert.All(verb.Command.Options, option => Assert.False(string.IsNullOrEmpty(option.Description), $"{verb.Path} {option.Name} has no description"));
        Assert.All(verb.Command.Arguments, argument => Assert.False(string.IsNullOrEmpty(argument.Description), $"{verb.Path} {argument.Name} has no description"));
    });

    [Fact]
    public void Help_EveryExample_IsALineThatIsTaken()
    {
        var root = CommandLine.Make(new(), Context());
        var examples = Verbs().SelectMany(verb => ManualPages.Split(verb.Command).Examples.Select(example => (verb.Path, Example: example))).ToArray();

        Assert.NotEmpty(examples);
        Assert.All(examples, pair =>
        {
            var at = pair.Example.IndexOf("qmfleet ", StringComparison.Ordinal);
            var words = at < 0 ? [] : ShellWords.Of(pair.Example[(at + "qmfleet ".Length)..]);
            Assert.True(words.Count > 0, $"{pair.Path}: {pair.Example} does not call qmfleet");
            Assert.True(root.Parse(words, new() { ResponseFileTokenReplacer = null }).Errors is [], $"{pair.Path}: {pair.Example} is refused");
        });
    }

    [Fact]
    public async Task Help_OfQmfleet_NamesTheExitCodes()
    {
        Assert.Equal(ExitCode.Done, await RunAsync("--help"));
        Assert.Contains(ExitCode.Help, Out.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public void Summary_OfEveryVerb_IsAWholeThought() => Assert.All(Verbs(), verb =>
    {
        var (text, summary) = (ManualPages.Split(verb.Command).Text.ReplaceLineEndings(" "), ManualPages.Summary(verb.Command));
        Assert.StartsWith(summary, text, StringComparison.Ordinal);
        Assert.Contains(text[summary.Length], ".:");
    });

    [Fact]
    public async Task Help_OfEveryVerb_SaysADefaultOnceAndInWordsThatCanBeTyped()
    {
        foreach (var (path, _) in Verbs())
        {
            await RunAsync([.. path.Split(' ').Skip(1), "--help"]);
        }

        var defaults = Out.ToString().Split('\n').Where(static line => line.Contains("[default", StringComparison.Ordinal)).ToList();
        Assert.NotEmpty(defaults);
        Assert.All(defaults, static line => Assert.True(line.Split("[default").Length <= 3 && !line.Contains("] [default: ", StringComparison.Ordinal) && !line.Contains(" = ", StringComparison.Ordinal), line));
    }

    [Fact]
    public void Manual_Pages_AreThoseOfTheVerbs()
    {
        var pages = ManualPages.Make(CommandLine.Make(new(), Context()));
        var folder = Checkout.Of("deploy/man");

        Assert.All(pages, page => GoldenFile.Check($"deploy/man/{page.Key}", page.Value));
        Assert.Equal(pages.Keys, Directory.GetFiles(folder).Select(path => Path.GetFileName(path)!).Order(StringComparer.Ordinal));
    }

    private IEnumerable<(string Path, Command Command)> Verbs() => Below(CommandLine.Make(new GlobalOptions(), Context()), "qmfleet");

    private static IEnumerable<(string Path, Command Command)> Below(Command command, string path) =>
        command.Subcommands.SelectMany(verb => Below(verb, $"{path} {verb.Name}").Prepend(($"{path} {verb.Name}", verb)));
}
