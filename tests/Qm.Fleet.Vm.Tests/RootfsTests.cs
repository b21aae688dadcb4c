using Qm.Fleet.Core.Environments;
using Qm.Fleet.Core.Reconcile;
using Qm.Fleet.Core.Revisions;
using Qm.Fleet.Vm.Tests.Node;

namespace Qm.Fleet.Vm.Tests;

/// <summary>The root file system of QM, switched to an archive's and back.</summary>
[Collection(OnTheGuest.Name)]
public sealed class RootfsTests(GuestNode node)
{
    private const string Archive = "/srv/rootfs.tar.zst";

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact, Trait("Requirement", "QMF-VM-003")]
    public async Task Slot_OfAnArchive_IsWhatQmRunsFromAndTheOldOneIsThereForTheWayBack()
    {
        GuestNode.Need();
        await node.ReadyAsync(Environments.Plain.Checked());
        var preinstalled = await NameAsync();
        var digest = (await node.Shell.RunAsync($"sha256sum {Archive}", Ct)).Split(' ')[0];

        var there = await node.ReadyAsync(new EnvironmentManifest { RootfsArchive = new($"file://{Archive}", digest) }.Checked());
        Assert.Equal("The other QM", await NameAsync());
        Assert.Equal(RootfsSlot.PathOf(digest), there.Evidence.Rootfs.Running);
        Assert.Single(there.Acts, act => act is NodeStep.RestartQm);
        // Owners and modes came along: the set-user-id bit of a program and the sticky bit of a folder.
        Assert.Equal("4755 0\n1777 0", await node.Shell.RunAsync($"stat --format='%a %u' {RootfsSlot.PathOf(digest)}/usr/bin/su {RootfsSlot.PathOf(digest)}/tmp", Ct));

        var back = await node.ReadyAsync(Environments.Plain.Checked());
        Assert.Equal(preinstalled, await NameAsync());
        Assert.Single(back.Acts, act => act is NodeStep.RestartQm);

        // The slot is still there: nothing is fetched or unpacked again.
        var again = await node.ReadyAsync(new EnvironmentManifest { RootfsArchive = new($"file://{Archive}", digest) }.Checked());
        Assert.Equal("The other QM", await NameAsync());
        Assert.Single(again.Acts, act => act is NodeStep.Stage);

        await node.ReadyAsync(Environments.Plain.Checked());
    }

    // As the running QM sees it, not as a path on the host says.
    private async Task<string> NameAsync() => await node.InsideAsync(". /usr/lib/os-release && echo $PRETTY_NAME");
}
