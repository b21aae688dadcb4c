using Qm.Fleet.Containers.Node;
using Qm.Fleet.Controller.Reconcile;
using Qm.Fleet.Core.Revisions;
using Qm.Fleet.Vm.Tests;

namespace Qm.Fleet.Containers;

/// <summary>Commit-confirm: a BlueChi agent that a configuration of ours brings down is running again without anybody's help.</summary>
[Collection(InTheContainer.Name)]
public sealed class CommitConfirmTests(ContainerNode node)
{
    private const string File = "/etc/bluechi/agent.conf.d/zz-qm-fleet.conf";

    // The stand-in takes every configuration; with this one it does not start.
    private const string DropIn = "/run/systemd/system/bluechi-agent.service.d/cut.conf";

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact, Trait("Requirement", "QMF-CONT-002"), Trait("Requirement", "QMF-RULE-7")]
    public async Task Commit_ThatBringsTheHostsAgentDown_IsTakenBackAndTheAgentRunsAgain()
    {
        await node.Fleet.ReadyAsync(Environments.Plain.Checked());
        await node.Shell.RunAsync($"mkdir -p {Path.GetDirectoryName(DropIn)} && printf '[Service]\\nExecStartPre=/bin/sh -c \"! grep -qs ^ControllerPort=9 {File}\"\\n' > {DropIn} && systemctl daemon-reload", Ct);
        var before = await node.ShowAsync(QmNode.AgentUnit, "InvocationID");
        var rendered = RevisionRenderer.Render("cuts-off", (Environments.Plain with { HostAgent = new Dictionary<string, string> { ["ControllerPort"] = "9" } }).Checked(), ContainerNode.Name);

        Assert.True((await node.Fleet.SendAsync(new() { Stage = NodeActor.ToWire(rendered) }, Ct)).Ok);
        Assert.True((await node.Fleet.SendAsync(new() { Commit = new() { Revision = "cuts-off", ConfirmWithinMs = 20_000 } }, Ct)).Ok);
        await node.Fleet.SendAsync(new() { RestartHostAgent = new() }, Ct);
        await node.Shell.UntilAsync($"systemctl is-failed --quiet {QmNode.AgentUnit}", 10, Ct);
        Assert.Equal("ControllerPort=9", await node.Shell.RunAsync($"grep ^ControllerPort {File}", Ct));

        // Nobody tells the agent extension to go back; its deadline does.
        await node.Shell.UntilAsync($"test ! -e {File} && systemctl is-active --quiet {QmNode.AgentUnit}", 60, Ct);
        Assert.NotEqual(before, await node.ShowAsync(QmNode.AgentUnit, "InvocationID"));
        Assert.Equal("cuts-off", (await node.Fleet.InspectAsync(Ct)).Reverted.Revision);

        await node.Shell.RunAsync($"rm {DropIn} && systemctl daemon-reload", Ct);
        await node.Fleet.ReadyAsync(Environments.Plain.Checked());
    }
}
