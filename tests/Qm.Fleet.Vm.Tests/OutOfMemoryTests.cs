using System.Globalization;
using System.Text.RegularExpressions;
using Qm.Fleet.Controller.Storage;
using Qm.Fleet.Vm.Tests.Node;

namespace Qm.Fleet.Vm.Tests;

/// <summary>Kills for memory by a real kernel, and to whom they are put down.</summary>
[Collection(OnTheGuest.Name)]
public sealed partial class OutOfMemoryTests(GuestNode node)
{
    private const string Eats = "tail /dev/zero";
    private const string Payload = "/qm[.]service/libpod-payload-[0-9a-f]{64}/system[.]slice";

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
        Assert.Matches(@"^busybox \(pid \d+, score \d+, limit of hog 64M\)", kill.Draft.Message);
        Assert.Equal(EventSeverity.Warning, kill.Draft.Severity);
        await IsTheKernelsAsync(kill, $"{Payload}/hog[.]service", $"{Payload}/hog[.]service/libpod-payload-[0-9a-f]{{64}}.*");
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

        await node.InsideAsync($"systemd-run --quiet --collect --unit=eater -p MemoryMax=64M {Eats}");
        var kill = await node.EventAsync("OomKilled", "eater.service", before, Ct);
        Assert.Matches(@"^tail of QM \(pid \d+, score \d+, limit of eater 64M\)", kill.Draft.Message);
        await IsTheKernelsAsync(kill, $"{Payload}/eater[.]service", $"{Payload}/eater[.]service");
        Assert.Single(node.Events, one => one.Number > before && one.Draft.Reason == "OomKilled");
    }

    [Fact, Trait("Requirement", "QMF-VM-008")]
    public async Task Kill_AtTheLimitOfQm_IsQms()
    {
        GuestNode.Need();
        await node.ReadyAsync((Environments.Plain with { Resources = new Dictionary<string, string> { ["MemoryMax"] = "300M" } }).Checked());
        var before = Last;

        await node.InsideAsync($"systemd-run --quiet --collect --unit=glutton {Eats}");
        var kill = await node.EventAsync("OomKilled", "glutton.service", before, Ct);
        Assert.Matches(@"\(pid \d+, score \d+, limit of qm\.service 300M\)", kill.Draft.Message);
        Assert.Equal(EventSeverity.Critical, kill.Draft.Severity);
        await IsTheKernelsAsync(kill, "/qm[.]service", $"{Payload}/glutton[.]service");
        await node.ReadyAsync(Environments.Plain.Checked());
    }

    [Fact, Trait("Requirement", "QMF-VM-008")]
    public async Task Kill_OfQmAsAWhole_IsOneEventWithEverybodyWhoDied()
    {
        GuestNode.Need();
        await node.ReadyAsync((Environments.Plain with { Resources = new Dictionary<string, string> { ["MemoryMax"] = "300M" } }).Checked());
        var (before, init) = (Last, await node.QmInitAsync());

        // As OOMPolicy=kill of the unit would have it: QM dies whole or not at all. Podman's conmon is spared by its score.
        await node.Shell.RunAsync("echo 1 >/sys/fs/cgroup/qm.service/memory.oom.group", Ct);
        var running = int.Parse(await node.Shell.RunAsync("find /sys/fs/cgroup/qm.service/libpod-payload-* -name cgroup.procs -exec cat {} + | wc -l", Ct), CultureInfo.InvariantCulture);
        await node.InsideAsync($"systemd-run --quiet --collect --unit=glutton {Eats}");
        var kill = await node.EventAsync("OomKilled", "glutton.service", before, Ct);
        Assert.Equal(EventSeverity.Critical, kill.Draft.Severity);
        var told = Regex.Match(kill.Draft.Message, @"^tail of QM \(pid \d+, score \d+, limit of qm\.service 300M\); group of (\d+) killed$");
        Assert.True(told.Success, kill.Draft.Message);
        Assert.InRange(int.Parse(told.Groups[1].ValueSpan, CultureInfo.InvariantCulture), running + 1, int.MaxValue);
        await IsTheKernelsAsync(kill, "/qm[.]service", $"{Payload}/glutton[.]service");

        // systemd starts it again; those who died with the victim are no kills of their own.
        await node.ReadyAsync(Environments.Plain.Checked());
        Assert.NotEqual(init, await node.QmInitAsync());
        Assert.Single(node.Events, one => one.Number > before && one.Draft.Reason == "OomKilled");
    }

    // In the kernel's own line the process of an event has its cgroup, and the one whose limit it was.
    private async Task IsTheKernelsAsync(StoredEvent kill, string limit, string cgroup)
    {
        var pid = Pid().Match(kill.Draft.Message).Groups[1].Value;
        Assert.Matches($"oom_memcg={limit},task_memcg={cgroup},task=", await node.Shell.RunAsync($"dmesg | grep 'oom-kill:.*,pid={pid},'", Ct));
    }

    [GeneratedRegex(@"\(pid (\d+),")]
    private static partial Regex Pid();
}
