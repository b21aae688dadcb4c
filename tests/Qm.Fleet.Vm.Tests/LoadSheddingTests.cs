using Qm.Fleet.Core.LoadShedding;
using Qm.Fleet.Core.Reconcile;
using Qm.Fleet.Core.Revisions;
using Qm.Fleet.Vm.Tests.Node;

namespace Qm.Fleet.Vm.Tests;

/// <summary>Load that is shed for pressure of a real kernel, and taken up again.</summary>
[Collection(OnTheGuest.Name)]
public sealed class LoadSheddingTests(GuestNode node)
{
    private const string Radio = "radio.service";

    private static readonly SheddingManifest Calm = new()
    {
        Name = "calm",
        Pressure = "memory",
        Above = "20%",
        For = "5s",
        Below = "10%",
        CalmFor = "10s",
        Freeze = ["radio"],
        Limits = new Dictionary<string, string> { ["CPUWeight"] = "idle", ["MemoryHigh"] = "900M" },
    };

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact, Trait("Requirement", "QMF-VM-009")]
    public async Task Pressure_OfQmThatComesAndGoes_FreezesAWorkloadAndTightensLimitsAndGivesBothBack()
    {
        GuestNode.Need();
        var fleet = Environments.Fleet(Environments.Plain with
        {
            Resources = new Dictionary<string, string> { ["CPUWeight"] = "50", ["MemoryHigh"] = "1G" },
            Workloads = [Environments.Radio(null)],
        }, Calm);
        await node.ReadyAsync(Environments.Plain.Checked());
        await node.InsideAsync("podman image exists localhost/radio:1 || podman import --quiet /var/radio.tar localhost/radio:1");
        await node.ReadyAsync(fleet.Environment);
        var shedding = node.Shedding(fleet);
        var (init, before) = (await node.QmInitAsync(), node.Events.Select(one => one.Number).LastOrDefault());
        Assert.Equal(("50", "1073741824", "frozen 0"), await FoundAsync());

        // Without swap the kernel finds nothing to take back at the unit's own limit, and has the unit wait ever longer.
        shedding.IsToShed = true;
        await node.InsideAsync("systemd-run --quiet --collect --unit=squeezed -p MemoryHigh=32M tail /dev/zero");
        var shed = await node.Fleet.ReadyAsync(fleet.Environment, shedding);
        Assert.Single(shed.Acts, act => act is NodeStep.SetLimits);
        Assert.Single(shed.Acts, act => act is NodeStep.Freeze { Unit: Radio });
        Assert.Equal(2, shed.Acts.Count);
        Assert.Equal(("1", "943718400", "frozen 1"), await FoundAsync());
        Assert.Equal("1", await node.Shell.RunAsync("cat /sys/fs/cgroup/qm.service/libpod-payload-*/system.slice/radio.service/cgroup.freeze", Ct));
        Assert.Contains("memory pressure of QM is above 20% for 5s; frozen are radio, CPUWeight is idle, MemoryHigh is 900M", (await node.EventAsync("LoadShed", QmNode.Unit, before, Ct)).Draft.Message, StringComparison.Ordinal);

        shedding.IsToShed = false;
        await node.InsideAsync("systemctl stop squeezed.service");
        var back = await node.Fleet.ReadyAsync(fleet.Environment, shedding);
        Assert.Single(back.Acts, act => act is NodeStep.SetLimits);
        Assert.Single(back.Acts, act => act is NodeStep.Thaw { Unit: Radio });
        Assert.Equal(2, back.Acts.Count);
        Assert.Equal(("50", "1073741824", "frozen 0"), await FoundAsync());
        await node.EventAsync("LoadRestored", QmNode.Unit, before, Ct);

        // One time each, and nothing was restarted for it.
        Assert.Equal(["LoadShed", "LoadRestored"], node.Events.Where(one => one.Number > before).Select(one => one.Draft.Reason));
        Assert.Equal(init, await node.QmInitAsync());
        await node.ReadyAsync(Environments.Plain.Checked());
    }

    // As the kernel has them: systemd's word may be ahead of it.
    private async Task<(string Weight, string High, string Frozen)> FoundAsync() =>
        (await node.CgroupAsync("cpu.weight"), await node.CgroupAsync("memory.high"),
            await node.Shell.RunAsync("grep ^frozen /sys/fs/cgroup/qm.service/libpod-payload-*/system.slice/radio.service/cgroup.events", Ct));
}
