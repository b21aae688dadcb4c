using Qm.Fleet.Containers.Node;
using Qm.Fleet.Core.Reconcile;
using Qm.Fleet.Vm.Tests;

namespace Qm.Fleet.Containers;

/// <summary>Drop-ins and OOM scores: what systemd says of its units, and what their processes have in <c>/proc</c>.</summary>
/// <remarks>What limits are to the kernel is the virtual machine's to tell: here its controllers may be the host's.</remarks>
[Collection(InTheContainer.Name)]
public sealed class DropInTests(ContainerNode node)
{
    private const string Brake = "brake-control.service";

    // The processes of QM itself, not the one that holds it: the scores they have, each once.
    private const string Scores = "for pid in $(cat $(find /sys/fs/cgroup/qm.service/libpod-payload-* -name cgroup.procs)); do cat /proc/$pid/oom_score_adj; done | sort -u";

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact, Trait("Requirement", "QMF-CONT-001")]
    public async Task DropIns_AppliedAndTakenBack_AreSoForSystemdAndForTheProcesses()
    {
        await node.Fleet.ReadyAsync((Environments.Plain with { OomQm = 500 }).Checked());
        var brake = await node.ShowAsync(Brake, "InvocationID");
        Assert.Equal(("500", "infinity"), (await node.ShowAsync("qm.service", "OOMScoreAdjust"), await node.ShowAsync("qm.service", "MemoryHigh")));

        var journey = await node.Fleet.ReadyAsync((Environments.Plain with
        {
            OomQm = 600,
            OomNested = 800,
            OomAsil = new Dictionary<string, int> { [Brake] = -900 },
            Resources = new Dictionary<string, string> { ["CPUWeight"] = "20", ["MemoryHigh"] = "1100M" },
        }).Checked());

        Assert.Single(journey.Acts, act => act is NodeStep.RestartQm);
        Assert.Equal("600", await node.ShowAsync("qm.service", "OOMScoreAdjust"));
        Assert.Equal("20", await node.ShowAsync("qm.service", "CPUWeight"));
        Assert.Equal("1153433600", await node.ShowAsync("qm.service", "MemoryHigh"));
        Assert.Equal("600", await node.Shell.RunAsync(Scores, Ct));
        Assert.Equal(600, journey.Evidence.Oom.Qm);
        // systemd has it for the unit's next start, which is its owner's to choose.
        Assert.Equal(("-900", brake), (await node.ShowAsync(Brake, "OOMScoreAdjust"), await node.ShowAsync(Brake, "InvocationID")));
        Assert.Equal("0", await node.Shell.RunAsync($"cat /proc/$(systemctl show --value --property=MainPID {Brake})/oom_score_adj", Ct));

        await node.Fleet.ReadyAsync((Environments.Plain with { OomQm = 500 }).Checked());
        Assert.Equal(("500", "infinity"), (await node.ShowAsync("qm.service", "OOMScoreAdjust"), await node.ShowAsync("qm.service", "MemoryHigh")));
        Assert.Equal("500", await node.Shell.RunAsync(Scores, Ct));
        Assert.Equal(("0", brake), (await node.ShowAsync(Brake, "OOMScoreAdjust"), await node.ShowAsync(Brake, "InvocationID")));
    }
}
