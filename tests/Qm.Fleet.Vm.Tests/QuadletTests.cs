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

    [Fact, Trait("Requirement", "QMF-VM-001")]
    public async Task Qm_OfTheVendorsQuadlet_IsMadeByTheGeneratorAndRunsItsOwnSystemd()
    {
        GuestNode.Need();
        await node.ReadyAsync(Environments.Plain.Checked());

        var shown = await node.Shell.RunAsync("systemctl show --value --property=SourcePath,FragmentPath,UnitFileState qm.service", Ct);
        Assert.Equal(["/usr/share/containers/systemd/qm.container", "/run/systemd/generator/qm.service", "generated"], shown.Split('\n').Where(line => line.Length > 0).Order(StringComparer.Ordinal).Reverse());
        Assert.Equal("0::/init.scope", await node.InsideAsync("cat /proc/1/cgroup"));
        Assert.Equal("systemd", await node.InsideAsync("cat /proc/1/comm"));
    }

    [Theory, Trait("Requirement", "QMF-VM-002")]
    [InlineData("NoSuchKey=1")]
    // A key of a Podman that is newer than the node's.
    [InlineData("Memory=1G")]
    public async Task DropIn_WithAKeyThatPodmanDoesNotKnow_IsRefusedBeforeTheUnitVanishes(string line)
    {
        GuestNode.Need();
        await node.ReadyAsync(Environments.Plain.Checked());
        var before = await LoadStateAsync();

        var result = await node.Fleet.SendAsync(new() { Stage = Stage($"[Container]\n{line}\n") }, Ct);
        Assert.False(result.Ok);
        Assert.Contains(line.Split('=')[0], result.Message, StringComparison.Ordinal);
        await node.Systemd.ReloadAsync(insideQm: false, Ct);
        Assert.Equal(("loaded", "loaded"), (before, await LoadStateAsync()));

        // The same by hand: what was refused is what makes the unit vanish, while the reload succeeds.
        await node.Shell.RunAsync($"printf '[Container]\\n{line}\\n' >{DropIns}/99-by-hand.conf; systemctl daemon-reload", Ct);
        var vanished = await LoadStateAsync();
        await node.Shell.RunAsync($"rm {DropIns}/99-by-hand.conf; systemctl daemon-reload", Ct);
        Assert.Equal(("not-found", "loaded"), (vanished, await LoadStateAsync()));
    }

    private async Task<string> LoadStateAsync() => (await node.Systemd.ReadAsync(insideQm: false, [QmNode.Unit], Ct))[QmNode.Unit].LoadState;

    private static Stage Stage(string dropIn) => new()
    {
        Revision = "bad",
        RootfsPreinstalled = true,
        Files = { new OwnedFile { Kind = OwnedFile.Types.Kind.QmContainerDropIn, Content = dropIn } },
    };
}
