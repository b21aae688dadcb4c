using Qm.Fleet.V1;
using Xunit;

namespace Qm.Fleet.EndToEnd;

/// <summary>Changes of the link itself: the real controller and the real agent extension, over a BlueChi agent that obeys its configuration.</summary>
[Trait("Requirement", "QMF-RULE-7")]
public sealed class LinkTests : IAsyncLifetime
{
    private const string HostAgentConf = "etc/bluechi/agent.conf.d/zz-qm-fleet.conf";
    private static readonly (string From, string To) GoodHost = ("bluechi:", "bluechi:\n      host: {HeartbeatInterval: \"500\"}");

    // ControllerAddress of the node's own file would override a mere ControllerPort.
    private static readonly (string From, string To) BadHost = ("bluechi:", "bluechi:\n      host: {ControllerAddress: \"tcp:host=127.0.0.1,port=9\"}");

    private FleetLab _lab = null!;

    public async ValueTask InitializeAsync() => _lab = await FleetLab.StartAsync(nodes: 1, linkConfirmWithin: TimeSpan.FromSeconds(5));

    public ValueTask DisposeAsync() => _lab.DisposeAsync();

    [Fact]
    public async Task Apply_HostAgentThatStillReachesBlueChi_IsRestartedOnceAndConfirmed()
    {
        await _lab.ApplyAsync("cockpit.yaml");
        await _lab.SettledAsync();

        await _lab.ApplyAsync("cockpit.yaml", GoodHost);
        var revision = (await _lab.CockpitAsync()).Status.Revision;
        var report = (await _lab.ConvergedAsync(revision))["ecu1"].Status.Report;

        Assert.True(report.Confirmed && !report.HasConfirmDueUs);
        Assert.Equal(("ecu1", "qm.ecu1"), (report.HostNodeName, report.QmNodeName));
        Assert.Contains("HeartbeatInterval=500", File.ReadAllText(Path.Combine(_lab.Lab.Nodes[0].Root, HostAgentConf)), StringComparison.Ordinal);
        Assert.Equal(1, (await _lab.EventsAsync()).Count(item => item.Reason == "HostAgentRestarted"));
    }

    [Fact]
    [Trait("Requirement", "QMF-RECON-004")]
    public async Task Apply_HostAgentThatIsCutOff_ComesBackByItselfAndIsNotTriedAgain()
    {
        await _lab.ApplyAsync("cockpit.yaml");
        var good = (await _lab.SettledAsync())["ecu1"].Status.Revision;

        await _lab.ApplyAsync("cockpit.yaml", BadHost);
        await _lab.ConditionAsync("ecu1", "BluechiOnline", Condition.Types.Status.False);
        await _lab.NodeAsync("ecu1", node => node.Status.Report.Reverted is not null && node.Status.Report.Revision == good, "ecu1 went back");
        await _lab.ConditionAsync("ecu1", "BluechiOnline", Condition.Types.Status.True);
        await _lab.StepAsync("ecu1", "Failed");

        Assert.False(File.Exists(Path.Combine(_lab.Lab.Nodes[0].Root, HostAgentConf)));
        await _lab.EventsUntilAsync("RevisionFailed");
        var failure = Assert.Single(await _lab.EventsAsync(), item => item.Reason == "RevisionFailed");
        Assert.Contains("nobody confirmed it within 5 s", failure.Message, StringComparison.Ordinal);

        await _lab.ApplyAsync("cockpit.yaml");
        await _lab.ConvergedAsync(good);
        Assert.Equal(1, (await _lab.EventsAsync()).Count(item => item.Reason == "HostAgentRestarted"));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Apply_HostAgentThatIsCutOffOnANodeThatIsKilled_ComesBackAllTheSame(bool reboot)
    {
        await _lab.ApplyAsync("cockpit.yaml");
        var good = (await _lab.SettledAsync())["ecu1"].Status.Revision;
        await _lab.ApplyAsync("cockpit.yaml", BadHost);
        await _lab.ConditionAsync("ecu1", "BluechiOnline", Condition.Types.Status.False);

        // Once with the extension alone, once with everything on the node: its BlueChi agent boots with the bad file.
        if (reboot)
        {
            await _lab.Lab.RebootAsync(_lab.Lab.Nodes[0], FleetLab.Ct);
        }
        else
        {
            await _lab.Lab.AgentOf(_lab.Lab.Nodes[0])!.KillAsync();
            await _lab.Lab.StartAgentAsync("agent-ecu1", [_lab.Lab.Nodes[0]]);
        }

        await _lab.ConditionAsync("ecu1", "BluechiOnline", Condition.Types.Status.True);
        await _lab.NodeAsync("ecu1", node => node.Status.Report.Reverted is not null && node.Status.Report.Revision == good, "ecu1 went back");
        await _lab.StepAsync("ecu1", "Failed");
        await _lab.EventsUntilAsync("RevisionFailed");
        var failure = Assert.Single(await _lab.EventsAsync(), item => item.Reason == "RevisionFailed");
        Assert.Contains(reboot ? "a reboot after its commit" : "5 s of its commit", failure.Message, StringComparison.Ordinal);
    }
}
