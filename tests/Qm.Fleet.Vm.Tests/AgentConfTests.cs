using Qm.Fleet.Core.Reconcile;
using Qm.Fleet.Core.Revisions;
using Qm.Fleet.Vm.Tests.Node;

namespace Qm.Fleet.Vm.Tests;

/// <summary>Configuration of the BlueChi agents; stand-ins tell what they read when they were started.</summary>
[Collection(OnTheGuest.Name)]
public sealed class AgentConfTests(GuestNode node)
{
    private const string Read = "cat /run/bluechi-agent.conf";

    private static readonly Dictionary<string, string> Host = new() { ["HeartbeatInterval"] = "3000" };

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact, Trait("Requirement", "QMF-VM-001")]
    public async Task AgentConf_OfHostAndQm_IsReadByAgentsThatWereRestartedForIt()
    {
        GuestNode.Need();
        await node.ReadyAsync(Environments.Plain.Checked());
        var qm = await node.QmInvocationAsync();

        var journey = await node.ReadyAsync((Environments.Plain with { HostAgent = Host, QmAgent = new Dictionary<string, string> { ["HeartbeatInterval"] = "4000" } }).Checked());
        Assert.Single(journey.Acts, act => act is NodeStep.RestartHostAgent);
        Assert.Single(journey.Acts, act => act is NodeStep.RestartQmAgent);
        Assert.Contains("HeartbeatInterval=3000", await node.Shell.RunAsync(Read, Ct), StringComparison.Ordinal);
        var inside = await node.InsideAsync(Read);
        Assert.Contains("HeartbeatInterval=4000", inside, StringComparison.Ordinal);
        Assert.Contains("NodeName=qm.ecu1", inside, StringComparison.Ordinal);

        var back = await node.ReadyAsync(Environments.Plain.Checked());
        Assert.Single(back.Acts, act => act is NodeStep.RestartHostAgent);
        Assert.DoesNotContain("HeartbeatInterval", await node.Shell.RunAsync(Read, Ct), StringComparison.Ordinal);
        Assert.Equal(qm, await node.QmInvocationAsync());
    }

    [Fact, Trait("Requirement", "QMF-RULE-7")]
    public async Task Commit_ThatNobodyConfirms_GoesBackAndTheHostsAgentReadsTheOldFiles()
    {
        GuestNode.Need();
        await node.ReadyAsync(Environments.Plain.Checked());
        var rendered = RevisionRenderer.Render("cuts-off", (Environments.Plain with { HostAgent = Host }).Checked(), GuestNode.Name);
        Assert.True((await node.Fleet.SendAsync(new() { Stage = Controller.Reconcile.NodeActor.ToWire(rendered) }, Ct)).Ok);
        Assert.True((await node.Fleet.SendAsync(new() { Commit = new() { Revision = "cuts-off", ConfirmWithinMs = 20_000 } }, Ct)).Ok);
        Assert.True((await node.Fleet.SendAsync(new() { RestartHostAgent = new() }, Ct)).Ok);
        await node.Shell.UntilAsync("grep -q HeartbeatInterval=3000 /run/bluechi-agent.conf", 30, Ct);

        // Nobody tells the agent to; its deadline does.
        await node.Shell.UntilAsync("test ! -e /etc/bluechi/agent.conf.d/zz-qm-fleet.conf", 90, Ct);
        await node.Shell.UntilAsync("! grep -q HeartbeatInterval /run/bluechi-agent.conf", 60, Ct);
        var report = await node.Fleet.InspectAsync(Ct);
        Assert.Equal("cuts-off", report.Reverted.Revision);
        await node.ReadyAsync(Environments.Plain.Checked());
    }
}
