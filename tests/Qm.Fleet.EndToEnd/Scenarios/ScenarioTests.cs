using System.Collections.Immutable;
using Qm.Fleet.Cli.Manifests;
using Qm.Fleet.Cli.Output;
using Qm.Fleet.Controller.Plans;
using Qm.Fleet.Core.Environments;
using Qm.Fleet.Core.Plans;
using Qm.Fleet.Core.Rollouts;
using Xunit;

namespace Qm.Fleet.EndToEnd.Scenarios;

/// <summary>
/// Every folder of tests/scenarios: the manifest that is applied, what is known of the nodes, what they have (before.yaml, where they have something),
/// and the plan as people read it. <c>UPDATE_GOLDEN=1</c> writes the plans anew.
/// </summary>
[Trait("Requirement", "QMF-PLAN-001")]
[Trait("Requirement", "QMF-PLAN-003")]
public sealed class ScenarioTests
{
    private static readonly string Folder = Checkout.Of("tests/scenarios");

    public static TheoryData<string> Scenarios => [.. Directory.GetDirectories(Folder).Select(path => Path.GetFileName(path)!).Order(StringComparer.Ordinal)];

    [Fact]
    public void Scenarios_AreMany() => Assert.True(Scenarios.Count >= 30, $"there are {Scenarios.Count} scenarios in {Folder}");

    [Theory]
    [MemberData(nameof(Scenarios))]
    public async Task Plan_OfScenario_IsAsWritten(string scenario)
    {
        var path = Path.Combine(Folder, scenario);
        var text = await PlanAsync(path);
        if (Environment.GetEnvironmentVariable("UPDATE_GOLDEN") == "1")
        {
            await File.WriteAllTextAsync(Path.Combine(path, "plan.txt"), text, FleetLab.Ct);
        }

        Assert.Equal(await File.ReadAllTextAsync(Path.Combine(path, "plan.txt"), FleetLab.Ct), text);
    }

    private static async Task<string> PlanAsync(string path)
    {
        var problems = new List<string>();
        if (await ReadAsync(Path.Combine(path, "fleet.yaml"), problems) is not { } fleet)
        {
            return string.Concat(problems.Select(problem => problem + "\n"));
        }

        var old = File.Exists(Path.Combine(path, "before.yaml")) ? await ReadAsync(Path.Combine(path, "before.yaml"), problems) : null;
        Assert.Empty(problems);
        var observed = Observed.Read(Path.Combine(path, "observed.yaml"));
        var (to, before) = (NameOf(fleet), old is null ? ((string, FleetEnvironment)?)null : (NameOf(old), old.Environment));
        var nodes = observed.Nodes.SelectMany(seen => seen.Names.Where(_ => fleet.Selector.Matches(seen.Labels)).Select(name => ObservedView.Of(seen, name, fleet, to, before))).ToArray();
        var plan = FleetPlanner.Make(fleet, before?.Item1 ?? "", before?.Item2, State(to, before?.Item1, nodes, observed.Time), nodes, observed.Time);
        await using var writer = new StringWriter { NewLine = "\n" };
        await PlanText.WriteAsync(writer, plan.ToWire(fleet, V1.ApplyResult.Configured), showDiff: false, observed.Time);
        return writer.ToString();
    }

    // As an apply would begin it: over a rollout that brought what there is.
    private static RolloutState State(string to, string? before, PlannedNode[] nodes, DateTimeOffset now) => before is null ? new("", to, RolloutPhase.Progressing) : new RolloutState("", before, RolloutPhase.Succeeded)
    {
        Batch = 1,
        Members = nodes.Where(node => node.Before is not null).ToImmutableSortedDictionary(node => node.View.Name, _ => new RolloutMember(MemberState.Done, now, ""), StringComparer.Ordinal),
    }.Supersede(to, now);

    private static string NameOf(FleetSpec fleet) => Canonical.Hash(fleet.Environment)[..Canonical.NameLength];

    // By the command line's reader and the server's, as an apply does.
    private static async Task<FleetSpec?> ReadAsync(string file, List<string> problems)
    {
        var manifests = await ManifestSet.ReadAsync([file], Stream.Null, FleetLab.Ct);
        var wire = (V1.Fleet)Assert.Single(manifests.Of(nameof(V1.Fleet))).Message;
        var parsed = Controller.Wire.Manifests.Parse(wire.Metadata, wire.Spec);
        problems.AddRange(manifests.Files.SelectMany(found => found.Problems).Select(problem => problem.ToString()!));
        problems.AddRange(parsed.Problems.Select(problem => problem.ToString()));
        return parsed.IsValid(out var fleet) && problems.Count == 0 ? fleet : null;
    }
}
