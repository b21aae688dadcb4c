using Qm.Fleet.Vm.Tests.Node;

namespace Qm.Fleet.Vm.Tests;

/// <summary>Kills for memory by a real kernel, and to whom they are put down.</summary>
[Collection(OnTheGuest.Name)]
public sealed class OutOfMemoryTests(GuestNode node)
{
    private const string Eats = "tail /dev/zero";

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    private long Last => node.Events.Select(one => one.Number).LastOrDefault();

    [Fact, Trait("Requirement", "QMF-VM-008")]
    public async Task Kill_OfANestedContainerAtItsOwnLimit_IsThatContainers()
    {
        GuestNode.Need();
        await node.ReadyAsync(Environments.Plain.Checked());
        var (before, init) = (Last, await node.QmInitAsync());
        await node.InsideAsync("podman image exists localhost/radio:1 || podman import --quiet /var/radio.tar localhost/radio:1");

        // In a directory that is not ours, so that nobody takes it for a change of what is.
        await node.InsideAsync($"mkdir -p /run/containers/systemd && printf \"[Container]\\nImage=localhost/radio:1\\nExec=/bin/busybox {Eats}\\n[Service]\\nMemoryMax=64M\\n\" > /run/containers/systemd/hog.container "
            + "&& systemctl daemon-reload && { systemctl start hog.service || true; }");
        var kill = await node.EventAsync("OomKilled", "hog.service", before, Ct);
        Assert.Matches(@"^hog \(pid \d+, score \d+, limit of hog 64M\)", kill.Draft.Message);
        Assert.Equal(Controller.Storage.EventSeverity.Warning, kill.Draft.Severity);
        await node.InsideAsync("rm /run/containers/systemd/hog.container && systemctl daemon-reload");

        // One kill is one event, though the kernel names its victim twice; and QM is as it was.
        Assert.Single(node.Events, one => one.Number > before && one.Draft.Reason == "OomKilled");
        Assert.Equal(init, await node.QmInitAsync());
    }

    [Fact, Trait("Requirement", "QMF-VM-008")]
    public async Task Kill_OfAProcessOfQmAtItsUnitsLimit_IsThatUnits()
    {
        GuestNode.Need();
        await node.ReadyAsync(Environments.Plain.Checked());
        var before = Last;

        await node.InsideAsync($"systemd-run --quiet --unit=eater -p MemoryMax=64M {Eats}");
        var kill = await node.EventAsync("OomKilled", "eater.service", before, Ct);
        Assert.Matches(@"^tail .*\(pid \d+, score \d+, limit of eater\.service 64M\)", kill.Draft.Message);
        Assert.Single(node.Events, one => one.Number > before && one.Draft.Reason == "OomKilled");
    }

    [Fact, Trait("Requirement", "QMF-VM-008")]
    public async Task Kill_AtTheLimitOfQm_IsQms()
    {
        GuestNode.Need();
        await node.ReadyAsync((Environments.Plain with { Resources = new Dictionary<string, string> { ["MemoryMax"] = "300M" } }).Checked());
        var before = Last;

        await node.InsideAsync($"systemd-run --quiet --unit=glutton {Eats}");
        var kill = await node.EventAsync("OomKilled", "glutton.service", before, Ct);
        Assert.Matches(@"\(pid \d+, score \d+, limit of qm\.service 300M\)", kill.Draft.Message);
        Assert.Equal(Controller.Storage.EventSeverity.Critical, kill.Draft.Severity);
        await node.ReadyAsync(Environments.Plain.Checked());
    }
}
