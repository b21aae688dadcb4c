using Qm.Fleet.Core.Reconcile;
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
        ["MemoryLow"] = "64M",
        ["MemoryHigh"] = "1G",
        ["MemoryMax"] = "1536M",
        ["MemorySwapMax"] = "0",
        ["IOWeight"] = "70",
        ["TasksMax"] = "2000",
    };

    private static readonly Dictionary<string, string> Wide = new(Tight) { ["CPUWeight"] = "idle", ["MemoryHigh"] = "1200M", ["TasksMax"] = "3000" };

    [Fact, Trait("Requirement", "QMF-VM-001")]
    public async Task Resources_AppliedChangedAndTakenBack_AreSoInTheKernelWhileQmGoesOnRunning()
    {
        GuestNode.Need();
        await node.ReadyAsync(Environments.Plain.Checked());
        var invocation = await node.QmInvocationAsync();

        var applied = await node.ReadyAsync((Environments.Plain with { Resources = Tight }).Checked());
        Assert.Contains(applied.Acts, act => act is NodeStep.SetLimits);
        await HasAsync(("cpu.weight", "20"), ("cpu.idle", "0"), ("cpu.max", "150000 100000"), ("cpuset.cpus", "0"), ("memory.low", "67108864"),
            ("memory.high", "1073741824"), ("memory.max", "1610612736"), ("memory.swap.max", "0"), ("io.weight", "default 70"), ("pids.max", "2000"));

        var changed = await node.ReadyAsync((Environments.Plain with { Resources = Wide }).Checked());
        Assert.Contains(changed.Acts, act => act is NodeStep.SetLimits);
        await HasAsync(("cpu.weight", "1"), ("cpu.idle", "1"), ("memory.high", "1258291200"), ("memory.max", "1610612736"), ("pids.max", "3000"));

        await node.ReadyAsync(Environments.Plain.Checked());
        await HasAsync(("cpu.idle", "1"), ("cpu.max", "max 100000"), ("memory.low", "0"), ("memory.high", "max"), ("memory.max", "max"), ("io.weight", "default 50"));

        // One run of QM from the first limit to the last.
        Assert.Equal(invocation, await node.QmInvocationAsync());
    }

    private async Task HasAsync(params (string File, string Value)[] wanted)
    {
        var found = new List<(string, string)>();
        foreach (var (file, _) in wanted)
        {
            found.Add((file, await node.CgroupAsync(file)));
        }

        Assert.Equal(wanted, found);
    }
}
