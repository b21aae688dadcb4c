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
    };

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact, Trait("Requirement", "QMF-VM-003")]
    public async Task Resources_AppliedChangedAndTakenBack_AreSoInTheKernelWhileQmGoesOnRunning()
    {
        GuestNode.Need();
        Assert.Equal(Enum.GetNames<ResourceProperty>().Order(), Tight.Keys.Order());
        await node.ReadyAsync(Environments.Plain.Checked());
        var (init, tasks) = (await node.QmInitAsync(), await node.CgroupAsync("pids.max"));

        var applied = await node.ReadyAsync((Environments.Plain with { Resources = Tight }).Checked());
        Assert.Contains(applied.Acts, act => act is NodeStep.SetLimits);
        await HasAsync(("cpu.weight", "20"), ("cpu.idle", "0"), ("cpu.max", "150000 100000"), ("cpuset.cpus", "0"), ("memory.min", "33554432"), ("memory.low", "67108864"),
            ("memory.high", "1073741824"), ("memory.max", "1610612736"), ("memory.swap.max", "134217728"), ("io.weight", "default 70"), ("pids.max", "2000"));

        var changed = await node.ReadyAsync((Environments.Plain with { Resources = Wide }).Checked());
        Assert.Contains(changed.Acts, act => act is NodeStep.SetLimits);
        // Half of the memory, in whole pages.
        var half = await node.Shell.RunAsync("awk '/^MemTotal:/ { printf \"%.0f\", int($2 / 8) * 4096 }' /proc/meminfo", Ct);
        await HasAsync(("cpu.weight", "1"), ("cpu.idle", "1"), ("cpu.max", "80000 100000"), ("cpuset.cpus", "0-1"), ("memory.min", "0"), ("memory.low", "50331648"),
            ("memory.high", "1258291200"), ("memory.max", half), ("memory.swap.max", "max"), ("io.weight", "default 200"), ("pids.max", "3000"));

        // Without a key, what the vendor's quadlet says holds, else systemd's own default, which for most is no limit.
        await node.ReadyAsync(Environments.Plain.Checked());
        await HasAsync(("cpu.weight", "1"), ("cpu.idle", "1"), ("cpu.max", "max 100000"), ("cpuset.cpus", "0-1"), ("memory.min", "0"), ("memory.low", "0"),
            ("memory.high", "max"), ("memory.max", "max"), ("memory.swap.max", "0"), ("io.weight", "default 50"), ("pids.max", tasks));

        // One run of QM from the first limit to the last.
        Assert.Equal(init, await node.QmInitAsync());
    }

    private async Task HasAsync(params (string File, string Value)[] wanted)
    {
        // One script: a program of its own for each file takes the machine a while.
        var found = await node.Shell.RunAsync($"cd /sys/fs/cgroup/qm.service && for file in {string.Join(' ', wanted.Select(limit => limit.File))}; do echo \"$file $(cat $file)\"; done", Ct);
        Assert.Equal(string.Join('\n', wanted.Select(limit => $"{limit.File} {limit.Value}")), found);
    }
}
