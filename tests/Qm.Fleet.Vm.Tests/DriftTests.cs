using Qm.Fleet.Vm.Tests.Node;

namespace Qm.Fleet.Vm.Tests;

/// <summary>What somebody changes by hand on the node is put back.</summary>
[Collection(OnTheGuest.Name)]
public sealed class DriftTests(GuestNode node)
{
    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact, Trait("Requirement", "QMF-VM-002")]
    public async Task Limit_ChangedByHand_IsSetBackInTheKernel()
    {
        GuestNode.Need();
        var environment = (Environments.Plain with { Resources = new Dictionary<string, string> { ["MemoryHigh"] = "1G" } }).Checked();
        await node.ReadyAsync(environment);

        await node.Shell.RunAsync("systemctl set-property --runtime qm.service MemoryHigh=700M", Ct);
        Assert.Equal("734003200", await node.CgroupAsync("memory.high"));
        var healed = await node.ReadyAsync(environment);
        Assert.Single(healed.Acts);
        Assert.Equal("1073741824", await node.CgroupAsync("memory.high"));
    }
}
