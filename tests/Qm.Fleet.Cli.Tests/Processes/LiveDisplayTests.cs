using System.Text.RegularExpressions;
using Qm.Fleet.V1;
using Xunit;

namespace Qm.Fleet.Cli.Tests.Processes;

/// <summary>A wait on a terminal moves; in a pipe it is lines.</summary>
[Trait("Requirement", "QMF-CLI-007")]
public sealed partial class LiveDisplayTests : CliTest
{
    private const string Apply = "qmfleet apply -f cockpit.yaml";

    [Theory]
    [InlineData("1", false)]
    [InlineData("", true)]
    public async Task Apply_OnATerminal_ShowsOneLineThatMovesAndColoursOnlyWhereTheyAreWanted(string noColor, bool hasColors)
    {
        var (screen, end) = await Shell(noColor).TerminalAsync(Apply);

        Assert.Equal(ExitCode.Done, end);
        Assert.Contains("fleet/cockpit created  revision 9f3a61c2  rollout cockpit/1\n", screen, StringComparison.Ordinal);
        Assert.Contains("Converged in N s\n", screen, StringComparison.Ordinal);
        Assert.Contains("\u001b[", screen, StringComparison.Ordinal);
        Assert.Equal(hasColors, Color().IsMatch(screen));
    }

    [Fact]
    public async Task Apply_InAPipe_ShowsLinesAndNothingForATerminal()
    {
        var (output, error, end) = await Shell("").PipeAsync(Apply);

        Assert.Equal(("fleet/cockpit created  revision 9f3a61c2  rollout cockpit/1\n", "cockpit/1  3 of 3 nodes ready\nConverged in N s\n", ExitCode.Done), (output, error, end));
    }

    private CliShell Shell(string noColor)
    {
        Write("cockpit.yaml", "apiVersion: qm.fleet/v1\nkind: Fleet\nmetadata: {name: cockpit}\nspec: {selector: zone=cockpit}\n");
        Server.Fleets.Tell("cockpit", 1, Rollout.Types.Phase.Succeeded, 3, "");
        return new(Files.TrimEnd('/'), Server.Address, ("NO_COLOR", noColor));
    }

    [GeneratedRegex(@"\x1b\[(\d+;)*(3[0-8]|9[0-7])(;\d+)*m")]
    private static partial Regex Color();
}
