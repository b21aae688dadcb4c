using Qm.Fleet.Core.Revisions;
using Qm.Fleet.V1;
using Qm.Fleet.Vm.Tests.Node;

namespace Qm.Fleet.Vm.Tests;

/// <summary>The quadlet generator of the node's own Podman, which drops a unit with a key that it does not know.</summary>
[Collection(OnTheGuest.Name)]
public sealed class QuadletTests(GuestNode node)
{
    private const string DropIns = "/etc/containers/systemd/qm.container.d";

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact, Trait("Requirement", "QMF-VM-004")]
    public async Task Qm_OfTheVendorsQuadlet_IsMadeByTheGeneratorAndRunsItsOwnSystemd()
    {
        GuestNode.Need();
        await node.ReadyAsync(Environments.Plain.Checked());

        Assert.Equal(
            "FragmentPath=/run/systemd/generator/qm.service\nSourcePath=/usr/share/containers/systemd/qm.container\nUnitFileState=generated",
            await node.Shell.RunAsync("systemctl show --property=SourcePath,FragmentPath,UnitFileState qm.service | LC_ALL=C sort", Ct));
        // The cgroup of QM's init as the node sees it: at the top level, and below qm.service.
        Assert.Matches("^0::/qm[.]service/libpod-payload-[0-9a-f]{64}/init[.]scope$", await node.InsideAsync("cat /proc/1/cgroup"));
        Assert.Equal("systemd", await node.InsideAsync("cat /proc/1/comm"));
    }

    [Fact, Trait("Requirement", "QMF-VM-004")]
    public async Task DropIn_WithAKeyThatPodmanDoesNotKnow_IsRefusedBeforeTheUnitVanishes()
    {
        GuestNode.Need();
        await node.ReadyAsync(Environments.Plain.Checked());
        var files = await FilesAsync();

        // The second is a key of a Podman that is newer than the node's.
        foreach (var key in (string[])["NoSuchKey", "Memory"])
        {
            var result = await node.Fleet.SendAsync(new() { Stage = Stage($"[Container]\n{key}=1G\n") }, Ct);
            Assert.Equal((false, "QuadletRefused"), (result.Ok, result.Reason));
            // In the generator's own words.
            Assert.Contains($"unsupported key '{key}' in group 'Container'", result.Message, StringComparison.Ordinal);
        }

        Assert.Equal("NotStaged", (await node.Fleet.SendAsync(new() { Commit = new() { Revision = "bad" } }, Ct)).Reason);
        Assert.Equal(files, await FilesAsync());
        await node.Systemd.ReloadAsync(insideQm: false, Ct);
        Assert.Equal("loaded", await LoadStateAsync());

        // The same by hand: what was refused is what makes the unit vanish, while the reload succeeds.
        await node.Shell.RunAsync($"printf '[Container]\nNoSuchKey=1G\n' >{DropIns}/99-by-hand.conf; systemctl daemon-reload", Ct);
        var vanished = await LoadStateAsync();
        await node.Shell.RunAsync($"rm {DropIns}/99-by-hand.conf; systemctl daemon-reload", Ct);
        Assert.Equal(("not-found", "loaded"), (vanished, await LoadStateAsync()));
    }

    // Everything that a revision could have written: the host's own folders, QM's /etc, and what the agent extension keeps.
    private Task<string> FilesAsync() =>
        node.Shell.RunAsync("find /etc/containers /etc/systemd/system /etc/bluechi /etc/qm /var/lib/qm-fleet -type f -printf '%p %s %T@\\n' | LC_ALL=C sort", Ct);

    private async Task<string> LoadStateAsync() => (await node.Systemd.ReadAsync(insideQm: false, [QmNode.Unit], Ct))[QmNode.Unit].LoadState;

    private static Stage Stage(string dropIn) => new()
    {
        Revision = "bad",
        RootfsPreinstalled = true,
        Files = { new OwnedFile { Kind = OwnedFile.Types.Kind.QmContainerDropIn, Content = dropIn } },
    };
}
