using System.Text.RegularExpressions;
using Google.Protobuf;
using Qm.Fleet.V1;
using Xunit;

namespace Qm.Fleet.EndToEnd;

/// <summary>What a plan says, against what is then done by the real controller and real agent extensions.</summary>
public sealed partial class PlanTests : IAsyncLifetime
{
    private static readonly string[] Methods = ["Reload", "SetUnitProperties", "StartUnit", "StopUnit", "RestartUnit"];

    private FleetLab _lab = null!;

    public async ValueTask InitializeAsync()
    {
        _lab = await FleetLab.StartAsync();
        await _lab.ApplyAsync("cockpit.yaml");
        await _lab.SettledAsync();
        // What is told of it comes a moment later, and is nothing of what a plan would do.
        await _lab.EventsUntilAsync("RolloutSucceeded");
        await Task.WhenAll(_lab.Lab.Nodes.Select(node => _lab.EventsUntilAsync("NodeHealthy", node.Name)));
    }

    public ValueTask DisposeAsync() => _lab.DisposeAsync();

    [Fact]
    [Trait("Requirement", "QMF-PLAN-001")]
    [Trait("Requirement", "QMF-RULE-2")]
    public async Task Plan_ThenApply_MakesTheVeryCallsThatWereForeseen()
    {
        var path = Path.Combine(_lab.Lab.Directory.Root, "planned.yaml");
        var text = await File.ReadAllTextAsync(Path.Combine(FleetLab.Examples, "cockpit-tight.yaml"), FleetLab.Ct);
        await File.WriteAllTextAsync(path, text.Replace("localhost/radio:3", "localhost/radio:4", StringComparison.Ordinal).Replace("      IOWeight: 50\n", "", StringComparison.Ordinal), FleetLab.Ct);
        var (before, events) = (Counts(), (await _lab.EventsAsync()).Count);

        var plan = JsonParser.Default.Parse<FleetPlan>(await _lab.RunAsync("plan", "-f", path, "-o", "json"));
        Assert.Equal(before, Counts());
        Assert.Equal(events, (await _lab.EventsAsync()).Count);
        Assert.NotEqual(plan.ToRevision, (await _lab.CockpitAsync()).Status.Revision);

        await _lab.RunAsync("apply", "-f", path, "--no-wait");
        await _lab.ConvergedAsync(plan.ToRevision);

        Assert.Equal(["ecu1", "ecu2", "ecu3"], plan.Nodes.SelectMany(node => node.Nodes).Order());
        Assert.Equal(Foreseen(plan), Counts().Select((count, index) => (count.Node, count.Method, Calls: count.Calls - before[index].Calls)).Where(count => count.Calls > 0));
        Assert.Equal(
            ["oom.qm", "resources.IOWeight", "resources.MemoryHigh", "workloads[radio].quadlet.Container.Image"],
            plan.Changes.Select(change => change.Path));
        Assert.Empty(plan.Held);
        Assert.Equal(["Ready"], plan.Nodes.Select(node => node.End).Distinct());

        // Over what is so already, nothing is foreseen.
        var again = JsonParser.Default.Parse<FleetPlan>(await _lab.RunAsync("plan", "-f", path, "-o", "json"));
        Assert.Equal(ApplyResult.Unchanged, again.Result);
        Assert.All(again.Nodes, node => Assert.Empty(node.Steps));
        var diff = await _lab.RunAsync("diff", "cockpit");
        Assert.Contains($"{plan.FromRevision} -> {plan.ToRevision}", diff, StringComparison.Ordinal);
        Assert.Matches(@"environment\.resources\.MemoryHigh +2G -> 1536M +takes effect at once, nothing restarts", diff);
    }

    [Fact]
    [Trait("Requirement", "QMF-PLAN-003")]
    public async Task Plan_NodeAway_SaysWhatCannotBeForeseenAndWhatHoldsTheOthers()
    {
        await _lab.RunAsync("lab", "fault", "ecu2", "cut");
        await _lab.StepAsync("ecu2", "WaitForHost");
        var path = Path.Combine(_lab.Lab.Directory.Root, "planned.yaml");
        File.Copy(Path.Combine(FleetLab.Examples, "cockpit-tight.yaml"), path);

        var text = await _lab.RunAsync("plan", "-f", path);

        Assert.Contains("3 nodes match, 2 change", text, StringComparison.Ordinal);
        Assert.Contains("Budget, ecu1, ecu3: 1 of the 3 nodes of the fleet are down (ecu2), and maxUnavailable 1 allows 1", text, StringComparison.Ordinal);
        Assert.Contains("On ecu1, and ecu3 alike", text, StringComparison.Ordinal);
        Assert.Contains("On ecu2\n  then    WaitForHost: BlueChi says ecu2 is offline", text, StringComparison.Ordinal);
    }

    [Fact]
    [Trait("Requirement", "QMF-PLAN-004")]
    public async Task Apply_BudgetThatCanNeverBeMet_IsRefusedWithItsArithmetic()
    {
        var before = (await _lab.CockpitAsync()).Metadata.Generation;
        var path = Path.Combine(_lab.Lab.Directory.Root, "refused.yaml");
        var text = await File.ReadAllTextAsync(Path.Combine(FleetLab.Examples, "cockpit-tight.yaml"), FleetLab.Ct);
        await File.WriteAllTextAsync(path, text.Replace("  environment:", "  rollout: {maxUnavailable: 25%}\n  environment:", StringComparison.Ordinal), FleetLab.Ct);

        var (code, output) = await _lab.Lab.RunCliAsync(["apply", "-f", path], FleetLab.Ct);

        Assert.Equal(2, code);
        Assert.Contains("25% of the 3 nodes of the fleet is 0.75, rounded down 0, so none of them may ever go down; a number, or at least 34%, works (QMF-W011)", output, StringComparison.Ordinal);
        Assert.Equal(before, (await _lab.CockpitAsync()).Metadata.Generation);
    }

    private IEnumerable<(string Node, string Method, ulong Calls)> Foreseen(FleetPlan plan) =>
        plan.Nodes.SelectMany(group => group.Nodes.SelectMany(name => group.Steps.SelectMany(step => step.Calls).Select(call => call.Replace(group.Nodes[0], name, StringComparison.Ordinal))))
            .Select(call => Call().Match(call)).Where(match => match.Success)
            .CountBy(match => (Node: match.Groups[1].Value, Method: match.Groups[2].Value))
            .Select(call => (call.Key.Node, call.Key.Method, (ulong)call.Value)).OrderBy(call => Array.IndexOf([.. Names()], call.Node)).ThenBy(call => Array.IndexOf(Methods, call.Method));

    private (string Node, string Method, ulong Calls)[] Counts() => [.. from node in Names() from method in Methods select (node, method, _lab.Calls(node, method))];

    private IEnumerable<string> Names() => _lab.Lab.Nodes.SelectMany(node => new[] { node.Name, $"qm.{node.Name}" });

    [GeneratedRegex(@"^Node\(([^)]+)\)\.(\w+)")]
    private static partial Regex Call();
}
