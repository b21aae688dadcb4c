using Qm.Fleet.Core.Environments;
using Qm.Fleet.Core.Reconcile;
using Qm.Fleet.Vm.Tests.Node;

namespace Qm.Fleet.Vm.Tests;

/// <summary>OOM scores: of QM, of containers inside it, and of safety units, as <c>/proc</c> tells them.</summary>
[Collection(OnTheGuest.Name)]
public sealed class ScoreTests(GuestNode node)
{
    private const string Brake = "brake-control.service";

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact, Trait("Requirement", "QMF-VM-001")]
    public async Task Score_OfQm_IsThatOfItsInitAfterOneRestart()
    {
        GuestNode.Need();
        await node.ReadyAsync((Environments.Plain with { OomQm = 500 }).Checked());
        var limit = new Dictionary<string, string> { ["MemoryHigh"] = "1100M" };

        var journey = await node.ReadyAsync((Environments.Plain with { OomQm = 600, OomNested = 800, Resources = limit }).Checked());
        Assert.Single(journey.Acts, act => act is NodeStep.RestartQm);
        Assert.Equal(600, await node.QmScoreAsync());
        Assert.Equal("1153433600", await node.CgroupAsync("memory.high"));
        Assert.Contains("oom_score_adj = 800", await node.InsideAsync("cat /etc/containers/containers.conf.d/50-qm-fleet.conf"), StringComparison.Ordinal);
        // What the generator of the node's own Podman made of the drop-in; SetUnitProperties would cover what is missing here.
        Assert.Equal("MemoryHigh=1100M\nOOMScoreAdjust=600", await node.Shell.RunAsync("grep -E '^(MemoryHigh|OOMScoreAdjust)=' /run/systemd/generator/qm.service | tail -n 2", Ct));

        await node.ReadyAsync((Environments.Plain with { OomQm = 500 }).Checked());
        Assert.Equal(500, await node.QmScoreAsync());
        Assert.Equal("max", await node.CgroupAsync("memory.high"));
        Assert.Equal("gone", await node.InsideAsync("test -e /etc/containers/containers.conf.d/50-qm-fleet.conf && echo there || echo gone"));
    }

    [Fact, Trait("Requirement", "QMF-VM-001")]
    public async Task Workload_WithAndWithoutAScoreOfItsOwn_RunsInQmWithTheScoreThatIsMeant()
    {
        GuestNode.Need();
        await node.ReadyAsync(Environments.Plain.Checked());
        await node.InsideAsync("podman image exists localhost/radio:1 || podman import --quiet /var/radio.tar localhost/radio:1");
        var scores = Environments.Plain with { OomQm = 500, OomNested = 760 };

        await node.ReadyAsync((scores with { Workloads = [Environments.Radio(null)] }).Checked());
        Assert.Equal("760", await RadioScoreAsync());

        await node.ReadyAsync((scores with { Workloads = [Environments.Radio(900)] }).Checked());
        Assert.Equal("900", await RadioScoreAsync());

        var removed = await node.ReadyAsync(scores.Checked());
        Assert.Contains(removed.Acts, act => act is NodeStep.StopWorkload { Unit: "radio.service" });
        var units = await node.Systemd.ReadAsync(insideQm: true, ["radio.service"], Ct);
        // A container whose first process ignores SIGTERM is killed in the end, which systemd calls failed.
        Assert.Equal("not-found", units["radio.service"].LoadState);
        Assert.Contains(units["radio.service"].ActiveState, (string[])["inactive", "failed"]);
    }

    [Fact, Trait("Requirement", "QMF-VM-001")]
    public async Task Score_OfASafetyUnit_IsKnownToSystemdAndItsProcessIsLeftAlone()
    {
        GuestNode.Need();
        await node.ReadyAsync(Environments.Plain.Checked());
        var before = await BrakeAsync();

        // The drop-in waits for the unit's next start, which is its owner's to choose: the evidence says so until then.
        var journey = await node.ReadyAsync(Asil(-900));
        Assert.Contains(journey.Acts, act => act is NodeStep.ReloadHost);
        var written = await BrakeAsync();
        Assert.Equal((-900, before.InvocationId), (written.OomScoreAdjust, written.InvocationId));
        Assert.Equal("0", await BrakeScoreAsync());

        // Its owner restarts it.
        Assert.Equal("", await node.Systemd.JobAsync(insideQm: false, "restart", Brake, Ct));
        Assert.Equal("-900", await BrakeScoreAsync());
        var report = await node.Fleet.InspectAsync(Ct);
        Assert.Contains(report.Oom.Asil, process => process.Unit == Brake && process.Score == -900);

        await node.ReadyAsync(Asil(-800));
        Assert.Equal(-800, (await BrakeAsync()).OomScoreAdjust);
        Assert.Equal("-900", await BrakeScoreAsync());

        var back = await node.ReadyAsync(Environments.Plain.Checked());
        Assert.Equal("gone", await node.Shell.RunAsync($"test -e /etc/systemd/system/{Brake}.d/50-qm-fleet.conf && echo there || echo gone", Ct));
        Assert.Equal("-900", await BrakeScoreAsync());
        // systemd was told that the drop-in is gone; the unit has its old score again when its owner restarts it.
        Assert.Single(back.Acts, act => act is NodeStep.ReloadHost);
        Assert.Equal(0, (await BrakeAsync()).OomScoreAdjust);
        Assert.Equal("", await node.Systemd.JobAsync(insideQm: false, "restart", Brake, Ct));
        Assert.Equal("0", await BrakeScoreAsync());
    }

    private static FleetEnvironment Asil(int score) => (Environments.Plain with { OomAsil = new Dictionary<string, int> { [Brake] = score } }).Checked();

    private async Task<UnitReading> BrakeAsync() => (await node.Systemd.ReadAsync(insideQm: false, [Brake], Ct))[Brake];

    private Task<string> BrakeScoreAsync() => node.Shell.RunAsync($"cat /proc/$(systemctl show --value --property=MainPID {Brake})/oom_score_adj", Ct);

    private Task<string> RadioScoreAsync() =>
        node.Shell.RunAsync("cat /proc/$(cat /sys/fs/cgroup/qm.service/libpod-payload-*/system.slice/radio.service/libpod-payload-*/cgroup.procs | head -n 1)/oom_score_adj", Ct);
}
