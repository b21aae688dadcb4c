using System.Text.RegularExpressions;
using Xunit;

namespace Qm.Fleet.EndToEnd;

/// <summary>Every line of qmfleet that the README tells people to type, typed in a lab.</summary>
public sealed partial class ReadmeTests
{
    private static readonly string Readme = File.ReadAllText(Checkout.Of("README.md"));

    /// <summary>What other tests play: it goes on until Ctrl-C, opens an editor, writes the settings of whoever runs it, or waits for nodes that are left alone here.</summary>
    private static readonly string[] PlayedElsewhere = ["watch ", "edit ", "config ", "delete ", "--help"];

    /// <summary>What ends otherwise in a lab than on real nodes, with what is said.</summary>
    private static readonly Dictionary<string, (int Code, string Says)> Otherwise = new()
    {
        // Emulated nodes do not pass every check.
        ["checks ecu1"] = (1, "VERDICT"),
        // Emulated nodes have no journal.
        ["logs ecu1 --in-qm -f"] = (1, "this node is emulated"),
    };

    [Fact]
    [Trait("Requirement", "QMF-CLI-009")]
    public async Task Readme_EveryLineOfQmfleet_DoesWhatItSaysInALab()
    {
        await using var lab = await FleetLab.StartAsync();
        await lab.ApplyAsync("cockpit.yaml");
        await lab.ConvergedAsync();
        var archive = Path.Combine(Directory.CreateTempSubdirectory("qmfleet-readme-").FullName, "qm-1.4.0.tar.zst");
        await File.WriteAllTextAsync(archive, "an archive that no fleet names yet", FleetLab.Ct);

        // What is broken on purpose is not ready any more.
        string[] lines =
        [
            .. Line().Matches(Readme).Select(match => match.Groups[1].Value.Trim()).Distinct()
                .Where(line => !PlayedElsewhere.Any(other => line.StartsWith(other, StringComparison.Ordinal)))
                .OrderBy(line => line.StartsWith("lab ", StringComparison.Ordinal)),
        ];

        Assert.InRange(lines.Length, 20, 100);
        foreach (var line in lines)
        {
            var words = line.Split(' ').Select(word => word switch
            {
                "cockpit.yaml" => Path.Combine(FleetLab.Examples, "cockpit.yaml"),
                "deploy/examples/nodes.yaml" => Path.Combine(FleetLab.Examples, "nodes.yaml"),
                "qm-1.4.0.tar.zst" => archive,
                // The newest of the lab, whatever its number is in the README.
                _ when word.StartsWith("operation/cockpit/", StringComparison.Ordinal) => "operation/cockpit/1",
                _ => word,
            });
            var (code, output) = await lab.Lab.RunCliAsync(words, FleetLab.Ct);
            var (expected, says) = Otherwise.GetValueOrDefault(line, (0, ""));
            Assert.True(code == expected && output.Contains(says, StringComparison.Ordinal), $"qmfleet {line} ended with {code}: {output}");
        }

        Directory.Delete(Path.GetDirectoryName(archive)!, recursive: true);
    }

    [GeneratedRegex(@"`qmfleet ([^`\n]+)`")]
    private static partial Regex Line();
}
