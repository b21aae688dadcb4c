using Qm.Fleet.Controller.Reconcile;
using Qm.Fleet.Core.Reconcile;
using Qm.Fleet.Core.Revisions;
using Qm.Fleet.Vm.Tests.Node;

namespace Qm.Fleet.Vm.Tests;

/// <summary>Configuration of the BlueChi agents; stand-ins tell what they read when they were started.</summary>
[Collection(OnTheGuest.Name)]
public sealed class AgentConfTests(GuestNode node)
{
    private const string File = "/etc/bluechi/agent.conf.d/zz-qm-fleet.conf";
    private const string Read = "cat /run/bluechi-agent.conf";
    // A line for each start of the host's.
    private const string Starts = "/run/bluechi-agent.starts";

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact, Trait("Requirement", "QMF-VM-006")]
    public async Task AgentConf_OfHostAndQm_IsReadByAgentsThatWereRestartedForIt()
    {
        GuestNode.Need();
        await node.ReadyAsync(Environments.Plain.Checked());
        var init = await node.QmInitAsync();

        var applied = await GoAsync(host: 3000, qm: 4000);
        Assert.Single(applied.Acts, act => act is NodeStep.RestartHostAgent);
        Assert.Single(applied.Acts, act => act is NodeStep.RestartQmAgent);
        Assert.Equal("HeartbeatInterval=3000", await HostReadAsync());
        var inside = await node.InsideAsync(Read);
        Assert.Contains("HeartbeatInterval=4000", inside, StringComparison.Ordinal);
        Assert.Contains("NodeName=qm.ecu1", inside, StringComparison.Ordinal);

        // Only the one whose file changes is restarted.
        var changed = await GoAsync(host: 3500, qm: 4000);
        Assert.Single(changed.Acts, act => act is NodeStep.RestartHostAgent);
        Assert.DoesNotContain(changed.Acts, act => act is NodeStep.RestartQmAgent);
        Assert.Equal("HeartbeatInterval=3500", await HostReadAsync());

        var back = await node.ReadyAsync(Environments.Plain.Checked());
        Assert.Single(back.Acts, act => act is NodeStep.RestartHostAgent);
        Assert.Single(back.Acts, act => act is NodeStep.RestartQmAgent);
        Assert.Equal("", await HostReadAsync());
        Assert.DoesNotContain("HeartbeatInterval", await node.InsideAsync(Read), StringComparison.Ordinal);
        Assert.Equal(init, await node.QmInitAsync());
    }

    [Fact, Trait("Requirement", "QMF-RULE-7")]
    public async Task Commit_ThatNobodyConfirms_GoesBackThoughTheAgentIsKilledAndTheHostsAgentReadsTheOldFiles()
    {
        GuestNode.Need();
        await node.ReadyAsync(Environments.Plain.Checked());
        await HostReadAsync();
        await node.Shell.RunAsync($"truncate --size=0 {Starts}", Ct);
        var rendered = RevisionRenderer.Render("cuts-off", (Environments.Plain with { HostAgent = Heartbeat(3000) }).Checked(), GuestNode.Name);
        Assert.True((await node.Fleet.SendAsync(new() { Stage = NodeActor.ToWire(rendered) }, Ct)).Ok);
        Assert.True((await node.Fleet.SendAsync(new() { Commit = new() { Revision = "cuts-off", ConfirmWithinMs = 60_000 } }, Ct)).Ok);
        Assert.True((await node.Fleet.SendAsync(new() { RestartHostAgent = new() }, Ct)).Ok);
        Assert.Equal("HeartbeatInterval=3000", await HostReadAsync());

        // Nobody tells the agent to; its deadline does, which a kill does not end. One that is killed on its way back, after the restart and before it could note it,
        // restarts once more: here the kill comes before, as the file that is still there says.
        var since = node.LinkedSince;
        Assert.Equal("there", await node.Shell.RunAsync(
            $"systemctl reset-failed qm-fleet-agent.service && systemctl kill --kill-whom=main --signal=KILL qm-fleet-agent.service; test -e {File} && echo there || echo gone", Ct));
        await node.Shell.UntilAsync($"test ! -e {File}", 400, Ct);

        await node.ConnectedAsync(since, Ct);
        var report = await node.Fleet.InspectAsync(Ct);
        Assert.Equal("cuts-off", report.Reverted.Revision);
        await node.ReadyAsync(Environments.Plain.Checked());
        // It read the new files once and the old ones once, and nobody restarted it for anything else.
        Assert.Equal("", await HostReadAsync());
        var starts = await node.Shell.RunAsync($"cat {Starts}; echo end", Ct);
        Assert.True(
            starts.Split('\n')[..^1].Select(HeartbeatOf).SequenceEqual(["HeartbeatInterval=3000", ""]),
            $"the host's agent was started with:\n{starts}\n{await node.Shell.RunAsync("journalctl --no-pager -o short-precise -u bluechi-agent -u qm-fleet-agent | tail -n 60", Ct)}");
    }

    private Task<Journey> GoAsync(int host, int qm) => node.ReadyAsync((Environments.Plain with { HostAgent = Heartbeat(host), QmAgent = Heartbeat(qm) }).Checked());

    // systemd calls it started before it has read anything; when it has, and told so, it only sleeps.
    private async Task<string> HostReadAsync()
    {
        await node.Shell.UntilAsync("test \"$(cat /proc/$(systemctl show --value --property=MainPID bluechi-agent.service)/comm)\" = sleep", 120, Ct);
        return HeartbeatOf(await node.Shell.RunAsync($"tail -n 1 {Starts}", Ct));
    }

    private static string HeartbeatOf(string line) => line.Split(' ').FirstOrDefault(setting => setting.StartsWith("HeartbeatInterval=", StringComparison.Ordinal), "");

    private static Dictionary<string, string> Heartbeat(int milliseconds) => new() { ["HeartbeatInterval"] = $"{milliseconds}" };
}
