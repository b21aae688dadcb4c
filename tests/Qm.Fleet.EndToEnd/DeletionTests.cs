using Qm.Fleet.V1;
using Xunit;

namespace Qm.Fleet.EndToEnd;

/// <summary>A fleet that is deleted takes along what it brought, from nodes that are away as soon as they are back.</summary>
[Trait("Requirement", "QMF-ROLL-008")]
public sealed class DeletionTests
{
    [Fact]
    public async Task Delete_OneNodeIsAway_CleansTheOthersAndThatOneWhenItReturns()
    {
        await using var lab = await FleetLab.StartAsync();
        lab.Lab.BlueChi.Faults.AgentTimeout = TimeSpan.FromMilliseconds(200);
        var before = Etc(lab);
        await lab.ApplyAsync("cockpit.yaml", ("qm: 500", "qm: 560"), Policy("maxUnavailable: 2"));
        await lab.SettledAsync();
        Assert.NotEqual(before, Etc(lab));
        Assert.Equal("2147483648", lab.Cgroup("ecu1", "memory.high"));

        await lab.RunAsync("lab", "fault", "ecu2", "freeze");
        Assert.StartsWith("fleet/cockpit deleting  rollout cockpit/2", await lab.RunAsync("delete", "fleet", "cockpit", "--no-wait"), StringComparison.Ordinal);
        await lab.NodeAsync("ecu1", IsClean, "ecu1 is clean");
        await lab.NodeAsync("ecu3", IsClean, "ecu3 is clean");
        Assert.NotNull((await lab.CockpitAsync()).Status.DeletingSince);
        Assert.Equal("max", lab.Cgroup("ecu1", "memory.high"));
        Assert.Contains("Rollout cockpit/2: 2 of 3 nodes ready; waits for ecu2: ", await lab.RunAsync("rollout", "why", "cockpit"), StringComparison.Ordinal);

        await lab.RunAsync("lab", "fault", "ecu2", "thaw");
        await lab.StepAsync("ecu2", "Idle");

        Assert.Equal(before, Etc(lab));
        Assert.All(lab.Lab.Nodes, node => Assert.Equal("max", lab.Cgroup(node.Name, "memory.high")));
        await Assert.ThrowsAsync<Grpc.Core.RpcException>(lab.CockpitAsync);
        var events = await lab.EventsAsync();
        Assert.Equal(["FleetCreated", "FleetDeleting", "FleetDeleted"], events.Select(item => item.Reason).Where(reason => reason.StartsWith("Fleet", StringComparison.Ordinal)));
    }

    [Fact]
    public async Task Delete_AndApplyAgain_TheFleetIsGoneAndComesBack()
    {
        await using var lab = await FleetLab.StartAsync(nodes: 2);
        await lab.ApplyAsync("cockpit.yaml");
        await lab.SettledAsync();

        Assert.Contains("Gone in ", await lab.RunAsync("delete", "fleet", "cockpit", "--timeout", "60s"), StringComparison.Ordinal);
        await lab.ApplyAsync("cockpit.yaml");
        await lab.SettledAsync();
        Assert.Equal("cockpit/3", (await lab.CockpitAsync(Rollout.Types.Phase.Succeeded)).Status.Rollout.Name);
    }

    [Fact]
    public async Task Delete_Orphan_LeavesEveryNodeAsItIs()
    {
        await using var lab = await FleetLab.StartAsync(nodes: 2);
        await lab.ApplyAsync("cockpit.yaml");
        await lab.SettledAsync();
        var (files, calls) = (Etc(lab), lab.Lab.BlueChi.Counters.Total);

        Assert.Equal("fleet/cockpit deleted\n", await lab.RunAsync("delete", "fleet", "cockpit", "--on-delete", "orphan"));
        await lab.StepAsync("ecu1", "Idle");
        await lab.StepAsync("ecu2", "Idle");

        Assert.Equal(files, Etc(lab));
        Assert.Equal(calls, lab.Lab.BlueChi.Counters.Total);
    }

    private static bool IsClean(Node node) => node.Status is { Revision: "removed", Step.Name: "Ready" };

    private static (string, string) Policy(string policy) => ("  environment:", $"  rollout: {{{policy}}}\n  environment:");

    // Every file that a fleet could have a hand in, with its content.
    private static string[] Etc(FleetLab lab) =>
    [
        .. from node in lab.Lab.Nodes
           from file in new DirectoryInfo(Path.Combine(node.Root, "etc")).EnumerateFiles("*", SearchOption.AllDirectories)
           orderby file.FullName
           select $"{file.FullName}: {File.ReadAllText(file.FullName)}",
    ];
}
