using Qm.Fleet.Cli.Tests.Server;
using Xunit;

namespace Qm.Fleet.Cli.Tests.Verbs;

/// <summary>deploy/docs/faults.md against the verbs there are. That each does what it says is for the end-to-end tests.</summary>
[Trait("Requirement", "QMF-LAB-004")]
public sealed class FaultDocumentTests
{
    [Fact]
    public async Task Document_EveryCommandOfTheTable_IsOneThatQmfleetTakes()
    {
        await using var lab = await FakeLab.StartAsync();
        var commands = Lines().Where(line => line.StartsWith("| ", StringComparison.Ordinal)).Skip(1)
            .SelectMany(line => line.Split('|')[2].Split(" then ")).Select(command => command.Trim().Trim('`')).ToArray();
        Assert.NotEmpty(commands);
        foreach (var command in commands)
        {
            Assert.True(await RunAsync(lab, command.Split(' ')) == 0, $"qmfleet {command} is not taken");
        }

        Assert.Equal(commands.Length, lab.Asked.Count);
    }

    [Fact]
    public async Task Document_EveryVerb_StandsInIt()
    {
        await using var lab = await FakeLab.StartAsync();
        var help = new StringWriter();
        await RunAsync(lab, ["lab", "fault", "--help"], help);
        var verbs = help.ToString().Split('\n').SkipWhile(line => !line.StartsWith("Commands:", StringComparison.Ordinal)).Skip(1).Select(line => line.Trim().Split(' ')[0])
            .Where(verb => verb.Length > 0).ToArray();
        Assert.Contains("cut-cable", verbs);
        var text = string.Join('\n', Lines());
        Assert.All(verbs, verb => Assert.Matches($@"`(lab fault [a-z0-9]+ )?{verb}\b", text.Replace("lab fault bluechi", "`bluechi", StringComparison.Ordinal)));
    }

    private static Task<int> RunAsync(FakeLab lab, string[] args, TextWriter? output = null) => CommandLine.RunAsync(
        args, new CliContext(output ?? new StringWriter(), new StringWriter(), Stream.Null, name => name == "QMFLEET_SERVER" ? $"unix:{lab.Folder}/api.sock" : null, TimeProvider.System),
        TestContext.Current.CancellationToken);

    private static string[] Lines()
    {
        var directory = new DirectoryInfo(AppContext.BaseDirectory);
        while (!File.Exists(Path.Combine(directory.FullName, "deploy/docs/faults.md")))
        {
            directory = directory.Parent ?? throw new FileNotFoundException($"deploy/docs/faults.md is not above {AppContext.BaseDirectory}");
        }

        return File.ReadAllLines(Path.Combine(directory.FullName, "deploy/docs/faults.md"));
    }
}
