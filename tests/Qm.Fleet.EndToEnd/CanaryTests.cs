using Qm.Fleet.V1;
using Xunit;

namespace Qm.Fleet.EndToEnd;

/// <summary>Twenty nodes, five batches, and a revision that is well at first.</summary>
public sealed class CanaryTests
{
    private const int Nodes = 20;

    // In real time, as the engine's own tests and the simulation do it in virtual time.
    private static readonly TimeSpan DiesAfter = TimeSpan.FromSeconds(40);

    [Fact]
    [Trait("Requirement", "QMF-ROLL-001")]
    [Trait("Requirement", "QMF-ROLL-005")]
    public async Task Apply_RevisionThatDiesWhileItSoaks_GoesBackAndTouchesNobodyElse()
    {
        await using var lab = await FleetLab.StartAsync(Nodes);
        await lab.ApplyAsync("cockpit.yaml", ("  environment:", "  rollout: {maxUnavailable: 100%}\n  environment:"));
        var before = (await lab.SettledAsync()).Values.First().Status.Revision;
        var restarts = Restarts(lab);

        await lab.ApplyAsync(
            "cockpit.yaml", ("localhost/radio:3", "localhost/radio:4"),
            ("  environment:", "  rollout: {batches: [{limit: 1}, {limit: 10%}, {limit: 20%}, {limit: 40%}, {limit: 100%}], soak: 1h, maxUnavailable: 2, onFailure: rollback-batch}\n  environment:"));
        await lab.NodeAsync("ecu1", node => node.Status?.Step?.Name == "Ready" && node.Status.Revision != before, "ecu1 has the new revision, and soaks");
        await lab.SaidAsync("Soaking", "rollout", "why", "cockpit");
        await Task.Delay(DiesAfter, FleetLab.Ct);
        var (code, output) = await lab.Lab.RunCliAsync(["lab", "fault", "ecu1", "kill-workload", "radio"], FleetLab.Ct);
        Assert.True(code == 0, output);
        var fleet = await lab.CockpitAsync(Rollout.Types.Phase.RolledBack);

        Assert.StartsWith("went back, because ecu1 failed: while it soaked: ", fleet.Status.Rollout.Message, StringComparison.Ordinal);
        Assert.All(lab.Lab.Nodes, node => Assert.Contains("localhost/radio:3", File.ReadAllText(Path.Combine(node.Root, "etc/qm/containers/systemd/radio.container")), StringComparison.Ordinal));
        Assert.Equal(restarts.Where(count => count.Key != "ecu1"), Restarts(lab).Where(count => count.Key != "ecu1"));
        var why = (await lab.RunAsync("rollout", "why", "cockpit")).Split('\n');
        Assert.StartsWith("Rollout cockpit/2 is in batch 1 of 5: 0 of 20 nodes ready; went back, because ecu1 failed: while it soaked: ", why[0], StringComparison.Ordinal);
    }

    private static Dictionary<string, ulong> Restarts(FleetLab lab) => lab.Lab.Nodes.ToDictionary(
        node => node.Name, node => lab.Calls(node.Name, "RestartUnit") + lab.Calls($"qm.{node.Name}", "RestartUnit") + lab.Calls($"qm.{node.Name}", "StartUnit") + lab.Calls(node.Name, "SetUnitProperties"));
}
