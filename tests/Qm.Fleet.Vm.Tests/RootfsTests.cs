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
    private const string Preinstalled = "/usr/lib/qm/rootfs";

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact, Trait("Requirement", "QMF-VM-005")]
    public async Task Slot_OfAnArchive_IsWhatQmRunsFromUntilItRunsFromTheOldOneAgain()
    {
        GuestNode.Need();
        await node.ReadyAsync(Environments.Plain.Checked());
        Assert.Equal(Preinstalled, await node.QmRootAsync());
        var preinstalled = await NameAsync();
        var digest = (await node.Shell.RunAsync($"sha256sum {Archive}", Ct)).Split(' ')[0];
        var slot = RootfsSlot.PathOf(digest);

        var there = await node.ReadyAsync(new EnvironmentManifest { RootfsArchive = new($"file://{Archive}", digest) }.Checked());
        Assert.Equal((slot, "The other QM"), (await node.QmRootAsync(), await NameAsync()));
        Assert.Single(there.Acts, act => act is NodeStep.RestartQm);
        // Owners and modes came along: the set-user-id bit of a program and the sticky bit of a folder.
        Assert.Equal("4755 0\n1777 0", await node.Shell.RunAsync($"stat --format='%a %u' {slot}/usr/bin/su {slot}/tmp", Ct));

        var back = await node.ReadyAsync(Environments.Plain.Checked());
        Assert.Equal((Preinstalled, preinstalled), (await node.QmRootAsync(), await NameAsync()));
        Assert.Single(back.Acts, act => act is NodeStep.RestartQm);
        // It stays for the way there: nothing is fetched or unpacked again.
        Assert.Contains(digest, back.Evidence.Rootfs.Slots);
    }

    // As the running QM sees it, not as a path on the host says.
    private async Task<string> NameAsync() => await node.InsideAsync(". /usr/lib/os-release && echo $PRETTY_NAME");
}
