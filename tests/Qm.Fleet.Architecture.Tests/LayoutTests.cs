using System.Diagnostics;
using System.Text.RegularExpressions;
using System.Xml.Linq;
using Xunit;

namespace Qm.Fleet.Architecture.Tests;

/// <summary>Holds the house in order: what lies where, and who may know whom.</summary>
public sealed partial class LayoutTests
{
    private const int MaxLines = 400;

    private static readonly string[] TopLevel =
    [
        "controller", "agent-extension", "protos", "tests", "deploy", "Qm.Fleet.sln", "README.md", "LICENSE", "CONTRIBUTING.md",
        "SECURITY.md", "Directory.Build.props", "Directory.Packages.props", "global.json", ".editorconfig", ".gitignore", ".gitattributes", ".ci",
    ];

    /// <summary>Project to the projects of ours it may reference.</summary>
    private static readonly Dictionary<string, string[]> Arrows = new()
    {
        ["Qm.Fleet.Protos"] = [],
        ["Qm.Fleet.Core"] = [],
        ["Qm.Fleet.BlueChi"] = [],
        ["Qm.Fleet.Controller"] = ["Qm.Fleet.Core", "Qm.Fleet.BlueChi", "Qm.Fleet.Protos"],
        ["Qm.Fleet.Agent"] = ["Qm.Fleet.Core", "Qm.Fleet.Protos"],
        ["Qm.Fleet.Cli"] = ["Qm.Fleet.Core", "Qm.Fleet.Protos"],
        ["Qm.Fleet.Lab"] = ["Qm.Fleet.Controller", "Qm.Fleet.Agent", "Qm.Fleet.BlueChi", "Qm.Fleet.Core", "Qm.Fleet.Protos"],
    };

    /// <summary>Source files that a project of the product compiles beside its own: what it shares with one that it may not reference.</summary>
    private static readonly Dictionary<string, string[]> Shared = new()
    {
        ["Qm.Fleet.Agent"] = ["controller/Qm.Fleet.Controller/Wire/LivenessProbes.cs"],
        ["Qm.Fleet.Cli"] = ["controller/Qm.Fleet.Controller/Wire/RedactedMessage.cs"],
    };

    private static IEnumerable<string> Projects => new[] { "protos", "controller", "agent-extension", "tests" }
        .SelectMany(folder => Directory.EnumerateFiles(Path.Combine(Repository.Root, folder), "*.csproj", SearchOption.AllDirectories));

    [Fact]
    public void TopLevel_TrackedFiles_AreThoseOfTheLayout()
    {
        using var git = Process.Start(new ProcessStartInfo("git", ["ls-tree", "--name-only", "HEAD"]) { WorkingDirectory = Repository.Root, RedirectStandardOutput = true })!;
        var found = git.StandardOutput.ReadToEnd().Split('\n', StringSplitOptions.RemoveEmptyEntries);
        git.WaitForExit();

        Assert.NotEmpty(found);
        Assert.Subset(TopLevel.ToHashSet(), found.ToHashSet());
    }

    [Fact]
    public void Projects_All_AreInTheSolutionAndLocked()
    {
        var solution = File.ReadAllText(Path.Combine(Repository.Root, "Qm.Fleet.sln")).Replace('\\', '/');

        Assert.All(Projects, project =>
        {
            Assert.Contains(Repository.Relative(project), solution, StringComparison.Ordinal);
            Assert.True(File.Exists(Path.Combine(Path.GetDirectoryName(project)!, "packages.lock.json")), $"{project} has no lock file");
        });
    }

    [Fact]
    public void Projects_OfTheProduct_KnowOnlyWhomTheyMay() => Assert.All(Projects.Where(project => !Repository.Relative(project).StartsWith("tests", StringComparison.Ordinal)), project =>
    {
        var known = XDocument.Load(project).Descendants("ProjectReference")
            // Built beside it, not known to its code.
            .Where(reference => reference.Attribute("ReferenceOutputAssembly")?.Value != "false")
            .Select(reference => Path.GetFileNameWithoutExtension(reference.Attribute("Include")!.Value));

        Assert.Empty(known.Except(Arrows[Path.GetFileNameWithoutExtension(project)]));
    });

    // A file that two projects compile knows only whom both may know.
    [Fact]
    public void Sources_OfAnotherProject_AreSharedAsSaidAndKnowCoreTheMessagesAndLoggingOnly()
    {
        Assert.All(Projects.Where(project => !Repository.Relative(project).StartsWith("tests", StringComparison.Ordinal)), project => Assert.Equal(
            Shared.GetValueOrDefault(Path.GetFileNameWithoutExtension(project), []),
            XDocument.Load(project).Descendants("Compile").Select(source => Repository.Relative(Path.GetFullPath(Path.Combine(Path.GetDirectoryName(project)!, source.Attribute("Include")!.Value))))));
        Assert.All(Shared.Values.SelectMany(path => path), path => Assert.All(
            Using().Matches(File.ReadAllText(Path.Combine(Repository.Root, path))),
            name => Assert.Matches("^(System\\.Collections|Qm\\.Fleet\\.(Core|V1)|Google\\.Protobuf|Microsoft\\.Extensions\\.(Logging|DependencyInjection))\\b", name.Groups[1].Value)));
    }

    [Fact]
    public void Core_NeverSeesTheWorld()
    {
        var forbidden = ForbiddenInCore();
        Assert.All(Repository.Sources("controller/Qm.Fleet.Core"), path => Assert.DoesNotMatch(forbidden, File.ReadAllText(path)));
        Assert.Empty(XDocument.Load(Path.Combine(Repository.Root, "controller/Qm.Fleet.Core/Qm.Fleet.Core.csproj")).Descendants("PackageReference"));
    }

    [Fact]
    public void Bus_IsNamedByItsOwnProjectAndTheLabOnly() => Assert.All(
        Repository.ProductSources.Where(path => !Repository.Relative(path).StartsWith("controller/Qm.Fleet.BlueChi/", StringComparison.Ordinal)
            && !Repository.Relative(path).StartsWith("controller/Qm.Fleet.Lab/", StringComparison.Ordinal)),
        path => Assert.DoesNotContain("Qm.Fleet.BlueChi.Bus", File.ReadAllText(path), StringComparison.Ordinal));

    [Fact]
    public void ProductFiles_AreOneIdeaLong() => Assert.All(Repository.ProductSources, path =>
        Assert.True(File.ReadLines(path).Count() <= MaxLines, $"{Repository.Relative(path)} is longer than {MaxLines} lines"));

    [Fact]
    public void ProductFiles_HoldNothingUnfinished() => Assert.All(Repository.ProductSources, path => Assert.DoesNotMatch(Unfinished(), File.ReadAllText(path)));

    [Fact]
    public void LogEvents_IdsAreUniqueAndPlaceholdersArePascalCase()
    {
        var events = Repository.ProductSources.SelectMany(path => LogEvent().Matches(File.ReadAllText(path)).Select(match => (Path: Repository.Relative(path), Id: match.Groups[1].Value, Message: match.Groups[2].Value))).ToArray();

        Assert.NotEmpty(events);
        Assert.Empty(events.GroupBy(item => item.Id).Where(group => group.Count() > 1).Select(group => $"{group.Key}: {string.Join(", ", group.Select(item => item.Path))}"));
        Assert.All(events.SelectMany(item => Placeholder().Matches(item.Message)), match => Assert.True(char.IsAsciiLetterUpper(match.Groups[1].Value[0]), match.Value));
    }

    [GeneratedRegex(@"\bSystem\.IO\b|\bFile\.|\bDirectory\.|\bILogger\b|\bDateTimeOffset\.UtcNow\b|\bStopwatch\b|\bConsole\.|\bHttpClient\b|\bGrpc\.|\bGoogle\.Protobuf\b|\basync\b|\bEnvironment\.GetEnvironment")]
    private static partial Regex ForbiddenInCore();

    [GeneratedRegex(@"^using ([\w.]+);", RegexOptions.Multiline)]
    private static partial Regex Using();

    [GeneratedRegex(@"\b(TODO|FIXME|HACK|NotImplementedException)\b")]
    private static partial Regex Unfinished();

    [GeneratedRegex(@"\[LoggerMessage\(\s*(?:EventId\s*=\s*)?(\d+)[^""]*""([^""]*)""")]
    private static partial Regex LogEvent();

    [GeneratedRegex(@"\{(\w+)[^}]*\}")]
    private static partial Regex Placeholder();
}
