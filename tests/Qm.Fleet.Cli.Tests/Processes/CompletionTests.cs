using Xunit;

namespace Qm.Fleet.Cli.Tests.Processes;

/// <summary>What bash is told when a person presses Tab, through bash itself.</summary>
[Trait("Requirement", "QMF-CLI-008")]
public sealed class CompletionTests : CliTest
{
    [Theory]
    [InlineData("qmfleet ge", "get")]
    [InlineData("qmfleet get no", "nodes")]
    [InlineData("qmfleet get node/", "node/ecu1 node/ecu2")]
    [InlineData("qmfleet get node ", "ecu1 ecu2")]
    [InlineData("qmfleet describe fleet c", "cockpit")]
    [InlineData("qmfleet rollout p", "pause")]
    [InlineData("qmfleet rollout pause ", "cockpit")]
    [InlineData("qmfleet restart ecu2 r", "radio.service")]
    [InlineData("qmfleet logs ecu2 --unit m", "maps.service")]
    [InlineData("qmfleet get nodes --sel", "--selector")]
    [InlineData("qmfleet get nodes -o js", "json jsonpath=")]
    [InlineData("qmfleet wait node ec", "ecu1 ecu2")]
    [InlineData("qmfleet delete fleet cockpit --on-delete ", "orphan remove")]
    [InlineData("qmfleet explain fleet.spec.ro", "fleet.spec.rollout")]
    [InlineData("qmfleet completion ", "bash fish zsh")]
    [InlineData("qmfleet man", "")]
    [InlineData("qmfleet get node zz", "")]
    [InlineData("qmfleet --server unix:/nowhere get node ", "")]
    public async Task Bash_Tab_OffersWhatFits(string typed, string offered)
    {
        SampleFleet.Fill(Server);
        var shell = new CliShell(Files.TrimEnd('/'), Server.Address);
        var words = typed.Split(' ');

        // As readline calls what complete(1) told it of.
        var (output, error, _) = await shell.PipeAsync($$"""
            source <(qmfleet completion bash)
            COMP_WORDS=({{string.Join(' ', words.Select(word => $"'{word}'"))}}) COMP_CWORD={{words.Length - 1}} COMP_LINE='{{typed}}' COMP_POINT={{typed.Length}}
            function=$(complete -p qmfleet | sed 's/.*-F \([^ ]*\) .*/\1/')
            "$function" qmfleet '{{words[^1]}}' '{{words[^2]}}'
            echo "${COMPREPLY[*]}"
            """);

        Assert.Equal((offered + "\n", ""), (output, error));
    }

    [Fact]
    public async Task Bash_TabOnATerminal_FinishesTheName()
    {
        SampleFleet.Fill(Server);
        var shell = new CliShell(Files.TrimEnd('/'), Server.Address);
        var script = Write("rc", "source <(qmfleet completion bash)\nPS1='> '\n");

        var (screen, _) = await shell.TerminalAsync($"bash --rcfile {script} -i", "qmfleet describe fleet/c\t\nexit\n");

        // What only the whole name leads to.
        Assert.Contains("cockpit   1 of 2 nodes ready", screen, StringComparison.Ordinal);
    }
}
