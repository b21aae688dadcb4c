using System.Text.RegularExpressions;
using Xunit;

namespace Qm.Fleet.Architecture.Tests;

/// <summary>There is one way from QM Fleet to a unit, and the guard stands in it.</summary>
[Trait("Requirement", "QMF-ASIL-001")]
[Trait("Requirement", "QMF-RULE-6")]
public sealed partial class UnitGuardTests
{
    private const string Controller = "controller/Qm.Fleet.Controller";
    private const string Guarded = $"{Controller}/Reconcile/GuardedBlueChi.cs";
    private const string Link = $"{Controller}/Reconcile/BlueChiLink.cs";

    // What reads units, or is about BlueChi's own logs, monitors and metrics; reloading makes systemd read its files again, and does nothing to a unit.
    private static readonly string[] Harmless =
    [
        "ReloadAsync", "SetNodeLogLevelAsync", "SetLogLevelAsync", "CreateMonitorAsync", "JoinMonitorAsync", "EnableMetricsAsync", "DisableMetricsAsync", "ListenToMetricsAsync",
    ];

    [Fact]
    public void CallsThatChangeUnits_AreMadeWhereOperationsAndStepsAreCarriedOut()
    {
        var changing = Repository.Sources("controller/Qm.Fleet.BlueChi").Where(static path => Path.GetFileName(path).StartsWith("IBlueChi", StringComparison.Ordinal))
            .SelectMany(static path => Declared().Matches(File.ReadAllText(path))).Select(static match => match.Groups[1].Value)
            .Where(static name => !Harmless.Contains(name) && !name.StartsWith("Get", StringComparison.Ordinal) && !name.StartsWith("List", StringComparison.Ordinal)).ToList();
        Assert.InRange(changing.Count, 14, 40);
        var call = new Regex($@"\.(?:{string.Join('|', changing)})\(", RegexOptions.CultureInvariant);

        Assert.Equal(
            [$"{Controller}/Operations/OperationRunner.cs", $"{Controller}/Reconcile/GuardedBlueChi.cs", $"{Controller}/Reconcile/NodeActor.cs"],
            Repository.Sources(Controller).Where(path => call.IsMatch(Code(path))).Select(Repository.Relative).Order(StringComparer.Ordinal));
    }

    [Fact]
    public void BlueChi_IsHeldByTheLinkOnly_BehindTheGuard()
    {
        Assert.Equal([Link], Naming(@"\bIBlueChiObserver\b"));
        Assert.Equal([Link, Guarded], Naming(@"\bnew GuardedBlueChi\(|=> new\(inner\b"));
        Assert.Empty(Naming(@"\bBlueChiClient\b"));
        // All that others get of it: once for whatever decides by itself, and once for what a person asked for.
        Assert.Equal(["Current", "For"], Gives().Matches(File.ReadAllText(Path.Combine(Repository.Root, Link))).Select(static match => match.Groups[1].Value));
    }

    [Fact]
    public void Pass_ForUnitsOfHosts_IsMadeForOperationsOfPeopleOnly()
    {
        Assert.Equal([$"{Controller}/Operations/OperationRunner.cs"], Naming(@"\.PassFor\("));
        Assert.Equal([$"{Controller}/Operations/OperationRunner.cs"], Naming(@"\bblueChi\.For\("));
        Assert.Equal([$"{Controller}/Reconcile/HostUnits.cs"], Naming(@"\bnew HostUnitPass\(|\bHostUnitPass PassFor\("));
    }

    [Fact]
    public void Agent_TellsSystemdToRestartBlueChisAgentsAndNothingElse()
    {
        // What it asks of systemd's programs otherwise, it reads.
        var asked = Repository.Sources("agent-extension/Qm.Fleet.Agent").SelectMany(path => SystemctlCall().Matches(Code(path)).Select(match => (Path: Repository.Relative(path), Verb: match.Groups[1].Value)))
            .Distinct().Order().ToList();

        Assert.Equal(
            [
                ("agent-extension/Qm.Fleet.Agent/CommitConfirm/LocalSystemd.cs", "restart"), ("agent-extension/Qm.Fleet.Agent/Diagnosis/BundleItems.cs", "cat"),
                ("agent-extension/Qm.Fleet.Agent/Diagnosis/BundleItems.cs", "list-units"), ("agent-extension/Qm.Fleet.Agent/Diagnosis/BundleItems.cs", "show"),
                ("agent-extension/Qm.Fleet.Agent/Diagnosis/BundleItems.cs", "status"),
            ],
            asked);
    }

    private static IEnumerable<string> Naming(string pattern) =>
        Repository.Sources(Controller).Where(path => Regex.IsMatch(Code(path), pattern, RegexOptions.CultureInvariant)).Select(Repository.Relative).Order(StringComparer.Ordinal);

    private static string Code(string path) => Comment().Replace(File.ReadAllText(path), "");

    [GeneratedRegex(@"^\s*Task(?:<[^\r\n]+>)? (\w+Async)\(", RegexOptions.Multiline)]
    private static partial Regex Declared();

    [GeneratedRegex(@"internal IBlueChi\? (\w+)")]
    private static partial Regex Gives();

    [GeneratedRegex(@"""systemctl"",\s*\[?\s*""([a-z-]+)""")]
    private static partial Regex SystemctlCall();

    [GeneratedRegex(@"^\s*//.*$", RegexOptions.Multiline)]
    private static partial Regex Comment();
}
