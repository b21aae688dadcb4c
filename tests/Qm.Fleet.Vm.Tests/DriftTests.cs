using System.Globalization;
using Qm.Fleet.Core.Reconcile;
using Qm.Fleet.V1;
using Qm.Fleet.Vm.Tests.Node;

namespace Qm.Fleet.Vm.Tests;

/// <summary>What somebody changes by hand on the node is noticed through inotify, told, and put back.</summary>
[Collection(OnTheGuest.Name)]
public sealed class DriftTests(GuestNode node)
{
    private const string Folder = "/etc/qm/containers/containers.conf.d";
    private const string File = Folder + "/50-qm-fleet.conf";

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact, Trait("Requirement", "QMF-VM-007")]
    public async Task OwnedFile_EditedByHand_IsToldUnaskedAndHealed()
    {
        GuestNode.Need();
        var environment = (Environments.Plain with { OomNested = 810 }).Checked();
        await node.ReadyAsync(environment);
        var wanted = await node.Shell.RunAsync($"cat {File}", Ct);

        // The kernel's own list of the agent's watches has the folder: inode numbers are hexadecimal there.
        var inode = long.Parse(await node.Shell.RunAsync($"stat --format=%i {Folder}", Ct), CultureInfo.InvariantCulture);
        var watches = await node.Shell.RunAsync("cat /proc/$(systemctl show --value --property=MainPID qm-fleet-agent.service)/fdinfo/* | grep ^inotify", Ct);
        Assert.Contains($" ino:{inode:x} ", watches, StringComparison.Ordinal);

        var told = node.ReportAsync(report => report.Drift.Any(drift => drift.Path == File), Ct);
        await node.Shell.RunAsync($"sed -i 's/810/820/' {File}", Ct);
        var drift = Assert.Single((await told).Drift);
        Assert.Equal((FileDrift.Types.Change.Edited, wanted.Replace("810", "820", StringComparison.Ordinal)), (drift.Change, drift.Content.TrimEnd()));

        var healed = await node.ReadyAsync(environment);
        Assert.Contains(healed.Acts, act => act is NodeStep.Commit);
        Assert.Equal(wanted, await node.Shell.RunAsync($"cat {File}", Ct));
        Assert.Empty((await node.Fleet.InspectAsync(Ct)).Drift);
    }

    [Fact, Trait("Requirement", "QMF-VM-002")]
    public async Task Limit_ChangedByHand_IsSetBackInTheKernel()
    {
        GuestNode.Need();
        var environment = (Environments.Plain with { Resources = new Dictionary<string, string> { ["MemoryHigh"] = "1G" } }).Checked();
        await node.ReadyAsync(environment);

        await node.Shell.RunAsync("systemctl set-property --runtime qm.service MemoryHigh=700M", Ct);
        Assert.Equal("734003200", await node.CgroupAsync("memory.high"));
        var healed = await node.ReadyAsync(environment);
        Assert.Single(healed.Acts);
        Assert.Equal("1073741824", await node.CgroupAsync("memory.high"));
    }
}
