using Qm.Fleet.Core.Reconcile;
using Qm.Fleet.Core.Resources;
using Qm.Fleet.Vm.Tests.Node;

namespace Qm.Fleet.Vm.Tests;

/// <summary>Limits of QM: what the kernel's own files say, which a daemon-reload does not change and a restart is not needed for.</summary>
[Collection(OnTheGuest.Name)]
public sealed class LimitTests(GuestNode node)
{
    private static readonly Dictionary<string, string> Tight = new()
    {
        ["CPUWeight"] = "20",
        ["CPUQuota"] = "150%",
        ["AllowedCPUs"] = "0",
        ["MemoryMin"] = "32M",
        ["MemoryLow"] = "64M",
        ["MemoryHigh"] = "1G",
        ["MemoryMax"] = "1536M",
        ["MemorySwapMax"] = "128M",
        ["IOWeight"] = "70",
        ["TasksMax"] = "2000",
        ["ManagedOOMSwap"] = "auto",
        ["ManagedOOMMemoryPressure"] = "kill",
        ["ManagedOOMMemoryPressureLimit"] = "60%",
        ["ManagedOOMPreference"] = "avoid",
    };

    private static readonly Dictionary<string, IReadOnlyList<string>> TightDevices = new()
    {
        ["IOReadBandwidthMax"] = ["/dev/vda 50M"],
        ["IOWriteBandwidthMax"] = ["/dev/vda 40M"],
        ["IOReadIOPSMax"] = ["/dev/vda 5K"],
        ["IOWriteIOPSMax"] = ["/dev/vda 4000"],
    };

    // The same keys, each in another form.
    private static readonly Dictionary<string, string> Wide = new()
    {
        ["CPUWeight"] = "idle",
        ["CPUQuota"] = "80%",
        ["AllowedCPUs"] = "0-1",
        ["MemoryMin"] = "0",
        ["MemoryLow"] = "48M",
        ["MemoryHigh"] = "1200M",
        ["MemoryMax"] = "50%",
        ["MemorySwapMax"] = "infinity",
        ["IOWeight"] = "200",
        ["TasksMax"] = "3000",
        ["ManagedOOMSwap"] = "kill",
        ["ManagedOOMMemoryPressure"] = "auto",
        ["ManagedOOMMemoryPressureLimit"] = "50%",
        ["ManagedOOMPreference"] = "none",
    };

    // One is changed, one stays, two go.
    private static readonly Dictionary<string, IReadOnlyList<string>> WideDevices = new()
    {
        ["IOReadBandwidthMax"] = ["/dev/vda 80M"],
        ["IOWriteIOPSMax"] = ["/dev/vda 4000"],
    };

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact, Trait("Requirement", "QMF-VM-003")]
    public async Task Resources_AppliedChangedAndTakenBack_AreSoInTheKernelWhileQmGoesOnRunning()
    {
        GuestNode.Need();
        Assert.Equal(Enum.GetNames<ResourceProperty>().Order(), Tight.Keys.Concat(TightDevices.Keys).Order());
        var disk = await node.Shell.RunAsync("cat /sys/block/vda/dev", Ct);
        await node.ReadyAsync(Environments.Plain.Checked());
        var (init, tasks) = (await node.QmInitAsync(), await node.CgroupAsync("pids.max"));

        var applied = await node.ReadyAsync((Environments.Plain with { Resources = Tight, DeviceResources = TightDevices }).Checked());
        Assert.Contains(applied.Acts, act => act is NodeStep.SetLimits);
        await HasAsync(("cpu.weight", "20"), ("cpu.idle", "0"), ("cpu.max", "150000 100000"), ("cpuset.cpus", "0"), ("memory.min", "33554432"), ("memory.low", "67108864"),
            ("memory.high", "1073741824"), ("memory.max", "1610612736"), ("memory.swap.max", "134217728"), ("io.weight", "default 70"), ("pids.max", "2000"),
            ("io.max", $"{disk} rbps=50000000 wbps=40000000 riops=5000 wiops=4000"));
        Assert.Equal($"auto kill {ManagedOom.ToScale(6000)} avoid", await ManagedOomAsync());

        var changed = await node.ReadyAsync((Environments.Plain with { Resources = Wide, DeviceResources = WideDevices }).Checked());
        Assert.Contains(changed.Acts, act => act is NodeStep.SetLimits);
        // Half of the memory, in whole pages.
        var half = await node.Shell.RunAsync("awk '/^MemTotal:/ { printf \"%.0f\", int($2 / 8) * 4096 }' /proc/meminfo", Ct);
        await HasAsync(("cpu.weight", "1"), ("cpu.idle", "1"), ("cpu.max", "80000 100000"), ("cpuset.cpus", "0-1"), ("memory.min", "0"), ("memory.low", "50331648"),
            ("memory.high", "1258291200"), ("memory.max", half), ("memory.swap.max", "max"), ("io.weight", "default 200"), ("pids.max", "3000"),
            ("io.max", $"{disk} rbps=80000000 wbps=max riops=max wiops=4000"));
        Assert.Equal($"kill auto {ManagedOom.ToScale(5000)} none", await ManagedOomAsync());

        // Without a key, what the vendor's quadlet says holds, else systemd's own default, which for most is no limit.
        await node.ReadyAsync(Environments.Plain.Checked());
        await HasAsync(("cpu.weight", "1"), ("cpu.idle", "1"), ("cpu.max", "max 100000"), ("cpuset.cpus", "0-1"), ("memory.min", "0"), ("memory.low", "0"),
            ("memory.high", "max"), ("memory.max", "max"), ("memory.swap.max", "0"), ("io.weight", "default 50"), ("pids.max", tasks), ("io.max", ""));
        Assert.StartsWith("kill auto ", await ManagedOomAsync(), StringComparison.Ordinal);

        // One run of QM from the first limit to the last.
        Assert.Equal(init, await node.QmInitAsync());
    }

    // These are systemd's own business with systemd-oomd; the kernel has nothing to do with them.
    private async Task<string> ManagedOomAsync() => string.Join(' ', (await node.Shell.RunAsync(
        "for name in ManagedOOMSwap ManagedOOMMemoryPressure ManagedOOMMemoryPressureLimit ManagedOOMPreference; do systemctl show --value --property=$name qm.service; done", Ct)).Split('\n'));

    private async Task HasAsync(params (string File, string Value)[] wanted)
    {
        // One script: a program of its own for each file takes the machine a while.
        var found = await node.Shell.RunAsync($"cd /sys/fs/cgroup/qm.service && for file in {string.Join(' ', wanted.Select(limit => limit.File))}; do echo \"$file $(cat $file)\"; done", Ct);
        Assert.Equal(string.Join('\n', wanted.Select(limit => $"{limit.File} {limit.Value}".TrimEnd())), string.Join('\n', found.Split('\n').Select(line => line.TrimEnd())));
    }
}
