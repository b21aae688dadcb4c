using Qm.Fleet.V1;
using Xunit;

namespace Qm.Fleet.EndToEnd;

/// <summary>A rollout as its policy says, through the real controller and real agent extensions.</summary>
public sealed class RolloutTests : IAsyncLifetime
{
    private static readonly (string From, string To) NewRadio = ("localhost/radio:3", "localhost/radio:4");

    private FleetLab _lab = null!;

    public async ValueTask InitializeAsync()
    {
        _lab = await FleetLab.StartAsync();
        await _lab.ApplyAsync("cockpit.yaml");
        await _lab.SettledAsync();
    }

    public ValueTask DisposeAsync() => _lab.DisposeAsync();

    [Fact]
    [Trait("Requirement", "QMF-ROLL-001")]
    [Trait("Requirement", "QMF-RULE-8")]
    public async Task Apply_RevisionThatFailsOnTheFirst_GoesBackAndIsTriedAgainOnlyWhenAsked()
    {
        var before = (await _lab.CockpitAsync()).Status.Revision;
        _lab.Lab.Nodes[0].Faults.FailStarts("radio.service", 3);

        await _lab.ApplyAsync("cockpit.yaml", NewRadio, Policy("batches: [{limit: 1}, {limit: 100%}], onFailure: rollback-batch"));
        var fleet = await _lab.CockpitAsync(Rollout.Types.Phase.RolledBack);

        Assert.StartsWith("went back, because ecu1 failed: ", fleet.Status.Rollout.Message, StringComparison.Ordinal);
        Assert.Contains("localhost/radio:3", Radio(0), StringComparison.Ordinal);
        Assert.All((int[])[1, 2], index => Assert.Contains("localhost/radio:3", Radio(index), StringComparison.Ordinal));
        Assert.Equal((0u, 0u), (_lab.Calls("qm.ecu2", "RestartUnit") - 1, _lab.Calls("qm.ecu3", "RestartUnit") - 1));
        Assert.Equal(["ecu1"], (await _lab.EventsAsync()).Where(item => item.Reason == "RevisionFailed").Select(item => item.Node));
        var why = await _lab.RunAsync("rollout", "why", "cockpit");
        Assert.Contains("ecu1     failed: ", why, StringComparison.Ordinal);
        Assert.Contains($"it has {before} again", why, StringComparison.Ordinal);

        // The same again is not tried on ecu1, where it is known to be bad.
        await _lab.ApplyAsync("cockpit.yaml", Policy("batches: [{limit: 1}, {limit: 100%}]"));
        await _lab.ConvergedAsync(before);
        await _lab.ApplyAsync("cockpit.yaml", NewRadio, Policy("batches: [{limit: 1}, {limit: 100%}]"));
        await _lab.CockpitAsync(Rollout.Types.Phase.Paused);
        Assert.Contains("localhost/radio:3", Radio(0), StringComparison.Ordinal);
        Assert.Contains("Progressing", await _lab.RunAsync("rollout", "retry", "cockpit"), StringComparison.Ordinal);
        await _lab.ConvergedAsync((await _lab.CockpitAsync()).Status.Revision);
        await _lab.CockpitAsync(Rollout.Types.Phase.Succeeded);
        Assert.Contains("localhost/radio:4", Radio(0), StringComparison.Ordinal);
    }

    [Fact]
    [Trait("Requirement", "QMF-ROLL-004")]
    [Trait("Requirement", "QMF-ROLL-005")]
    public async Task Rollout_SoakingPausedAndUndone_EndsWhereItBegan()
    {
        var before = (await _lab.CockpitAsync()).Status.Revision;
        await _lab.ApplyAsync("cockpit.yaml", NewRadio, Policy("batches: [{limit: 1}, {limit: 100%}], soak: 1h"));
        await _lab.NodeAsync("ecu1", node => node.Status?.Step?.Name == "Ready" && node.Status.Revision != before, "ecu1 has the new revision");
        await _lab.StepAsync("ecu2", "WaitForTurn");
        // The rollout takes note of it a moment later.
        await _lab.SaidAsync("Soaking", "rollout", "why", "cockpit");

        Assert.Contains("rollout/cockpit/2 Paused: ", await _lab.RunAsync("rollout", "pause", "cockpit", "--reason", "the bench is in use"), StringComparison.Ordinal);
        var why = await _lab.RunAsync("rollout", "why", "cockpit");
        Assert.Contains("Rollout cockpit/2 is in batch 1 of 2: ", why, StringComparison.Ordinal);
        Assert.Contains("paused it: the bench is in use", why, StringComparison.Ordinal);
        Assert.Contains("Soaking", why, StringComparison.Ordinal);
        Assert.Equal(Rollout.Types.Phase.Paused, (await _lab.CockpitAsync()).Status.Rollout.Phase);

        Assert.Contains($"revision {before}  rollout cockpit/3", await _lab.RunAsync("rollout", "undo", "cockpit", "--no-wait"), StringComparison.Ordinal);
        await _lab.ConvergedAsync(before);
        Assert.All((int[])[0, 1, 2], index => Assert.Contains("localhost/radio:3", Radio(index), StringComparison.Ordinal));
    }

    private static (string From, string To) Policy(string policy) => ("  environment:", $"  rollout: {{{policy}}}\n  environment:");

    private string Radio(int node) => File.ReadAllText(Path.Combine(_lab.Lab.Nodes[node].Root, "etc/qm/containers/systemd/radio.container"));
}
