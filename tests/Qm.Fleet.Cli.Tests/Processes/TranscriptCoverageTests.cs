using System.CommandLine;
using System.CommandLine.Completions;
using System.CommandLine.Parsing;
using Qm.Fleet.Cli.Connection;
using Xunit;

namespace Qm.Fleet.Cli.Tests.Processes;

/// <summary>No verb without its transcripts: each leaf of the command tree has one that succeeds, in a pipe, as JSON where it takes -o json, and on a terminal.</summary>
[Trait("Requirement", "QMF-CLI-006")]
public sealed class TranscriptCoverageTests : CliTest
{
    private const string Folder = "tests/Qm.Fleet.Cli.Tests/Transcripts";

    /// <summary>What ends by Ctrl-C only has no transcript; who holds it to what it shows instead.</summary>
    private static readonly Dictionary<string, string> Endless = new()
    {
        ["watch"] = "WatchTests",
    };

    [Fact]
    public void Transcripts_InAPipe_AreThereForEveryVerb() => AssertAll(Leaves(), Shown("*.txt"));

    [Fact]
    public void Transcripts_AsJson_AreThereForEveryVerbThatTakesIt() =>
        AssertAll(Leaves().Where(static leaf => leaf.Command.Options.Any(static option => IsOutput(option) && option.GetCompletions(CompletionContext.Empty).Any(static word => word.Label == "json"))), Shown("*.txt").Where(static call => call.Options.Any(static option => IsOutput(option.Option) && option.Tokens is [{ Value: "json" }])));

    [Fact]
    public void Transcripts_OnATerminal_AreThereForEveryVerb() => AssertAll(Leaves(), Shown("terminal/*.txt"));

    [Fact]
    public void Verbs_WithoutATranscript_AreHeldToWhatTheyShowByAnotherTest() => Assert.All(Endless, exception =>
    {
        Assert.Contains(exception.Key, Leaves().Select(static leaf => leaf.Path));
        Assert.Contains(typeof(TranscriptCoverageTests).Assembly.GetTypes(), type => type.Name == exception.Value);
    });

    private static bool IsOutput(Option option) => option.Name == "--output";

    private static void AssertAll(IEnumerable<(string Path, Command Command)> leaves, IEnumerable<(string Path, IEnumerable<OptionResult> Options)> shown)
    {
        var missing = leaves.Select(static leaf => leaf.Path).Except(shown.Select(static call => call.Path)).Except(Endless.Keys).ToList();
        Assert.True(missing is [], $"{missing.Count} verbs have no transcript of it that succeeds; give each a line in TranscriptTests, and UPDATE_GOLDEN=1: {string.Join(", ", missing)}");
    }

    private IEnumerable<(string Path, Command Command)> Leaves() => Below(Root(), "").Where(static leaf => leaf.Command.Subcommands.Count == 0);

    private RootCommand Root() => CommandLine.Make(new GlobalOptions(), Context());

    private static IEnumerable<(string Path, Command Command)> Below(Command command, string path) => command.Subcommands.Where(static verb => !verb.Hidden)
        .SelectMany(verb => Below(verb, $"{path}{verb.Name} ").Prepend(($"{path}{verb.Name}", verb)));

    // Every call in transcripts that ended well.
    private IEnumerable<(string Path, IEnumerable<OptionResult> Options)> Shown(string files)
    {
        var root = Root();
        foreach (var text in Directory.GetFiles(Checkout.Of(Folder), files).Select(File.ReadAllText))
        {
            foreach (var block in ("\n" + text).Split("\n$ ").Skip(1).Where(static block => !block.Split('\n').Any(static line => line.StartsWith("exit ", StringComparison.Ordinal))))
            {
                foreach (var call in block.Split('\n')[0].Split("qmfleet ").Skip(1))
                {
                    var parsed = root.Parse(ShellWords.Of(call), new() { ResponseFileTokenReplacer = null }).CommandResult;
                    yield return (string.Join(' ', Names(parsed).Reverse()), parsed.Children.OfType<OptionResult>());
                }
            }
        }
    }

    private static IEnumerable<string> Names(CommandResult call)
    {
        for (var at = call; at?.Parent is not null; at = at.Parent as CommandResult)
        {
            yield return at.Command.Name;
        }
    }
}
