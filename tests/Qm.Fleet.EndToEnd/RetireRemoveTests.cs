using Xunit;

namespace Qm.Fleet.EndToEnd;

/// <summary>A node that is clean before it is retired, beside others that go on.</summary>
[Trait("Requirement", "QMF-RETIRE-003")]
public sealed class RetireRemoveTests
{
    [Fact]
    public async Task Retire_Remove_TakesEverythingOffTheNodeAndThenItsCertificate()
    {
        await using var lab = await FleetLab.StartAsync();
        var before = Etc(lab, "ecu2");
        await lab.ApplyAsync("cockpit.yaml");
        await lab.SettledAsync();
        Assert.NotEqual(before, Etc(lab, "ecu2"));
        var (others, calls) = (Etc(lab, "ecu1"), lab.Calls("ecu1", "SetUnitProperties"));

        var told = await lab.RunAsync("node", "retire", "ecu2", "--reason", "goes back to the pool", "--remove", "--timeout", "2m");

        Assert.Contains("node/ecu2 is retired when it is clean  operation/retire@ecu2/1\n", told, StringComparison.Ordinal);
        Assert.Contains("node/ecu2 retired\n", told, StringComparison.Ordinal);
        Assert.Equal(before, Etc(lab, "ecu2"));
        Assert.Equal("max", lab.Cgroup("ecu2", "memory.high"));
        Assert.Equal(others, Etc(lab, "ecu1"));
        Assert.Equal(calls, lab.Calls("ecu1", "SetUnitProperties"));
        Assert.Contains("node:ecu2", await lab.RunAsync("pki", "revocations"), StringComparison.Ordinal);
        Assert.Equal(["NodeRetiring", "NodeRetired"], (await lab.EventsAsync()).Where(static one => one.Node == "ecu2" && one.Reason.StartsWith("NodeRetir", StringComparison.Ordinal)).Select(static one => one.Reason));
        await EndedAsync(lab, "node:ecu2");
        // Asked again, nothing more is done, and nothing is waited for.
        Assert.Equal("node/ecu2 retired", (await lab.RunAsync("node", "retire", "ecu2", "--reason", "goes back to the pool", "--remove")).Trim());
        Assert.DoesNotContain("retire@", await lab.RunAsync("get", "rollouts"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Retire_RemoveOfANodeThatIsAway_SaysSoAndGoesOnWhenItIsBackAfterAKill()
    {
        await using var lab = await FleetLab.StartAsync();
        lab.Lab.BlueChi.Faults.AgentTimeout = TimeSpan.FromMilliseconds(200);
        var before = Etc(lab, "ecu2");
        await lab.ApplyAsync("cockpit.yaml");
        await lab.SettledAsync();
        await lab.RunAsync("lab", "fault", "ecu2", "freeze");
        await lab.RunAsync("node", "retire", "ecu2", "--reason", "sold", "--remove", "--no-wait");
        await lab.OperationAsync("operations/retire@ecu2/1", static operation => operation.Message.StartsWith("ecu2: ", StringComparison.Ordinal), "the removal says what it waits for");
        var (code, told) = await lab.Lab.RunCliAsync(["node", "retire", "ecu2", "--reason", "sold", "--remove", "--timeout", "3s"], FleetLab.Ct);

        Assert.True(code == 5 && told.Contains("has not ended after 3.0 s: ecu2: ", StringComparison.Ordinal) && told.Contains("It goes on without you; look with qmfleet get operation/retire@ecu2/1", StringComparison.Ordinal), told);
        Assert.Contains("ecu2", await lab.RunAsync("get", "operation", "retire@ecu2/1", "-o", "jsonpath={.message}"), StringComparison.Ordinal);
        Assert.Contains("qmfleet cancel operation/retire@ecu2/1 calls it off", await lab.RunAsync("describe", "node", "ecu2"), StringComparison.Ordinal);
        Assert.DoesNotContain("node:ecu2", await lab.RunAsync("pki", "revocations"), StringComparison.Ordinal);
        await lab.Lab.Controller.KillAsync();
        await lab.Lab.StartControllerAsync(FleetLab.Ct);
        await lab.RunAsync("lab", "fault", "ecu2", "thaw");

        await lab.NodeAsync("ecu2", static node => node.Status.Retirement is not null, "ecu2 is retired");

        Assert.Equal(before, Etc(lab, "ecu2"));
    }

    [Fact]
    public async Task Retire_RemoveTwoOfOneFleetAndCancelOne_FindRoomInItsBudgetAndGiveItBack()
    {
        await using var lab = await FleetLab.StartAsync();
        await lab.ApplyAsync("cockpit.yaml", ("qm: 500", "qm: 560"));
        await lab.SettledAsync();
        var files = Etc(lab, "ecu3");
        var applied = (await lab.EventsAsync())[^1].Number;
        await lab.RunAsync("node", "cordon", "ecu3");
        await lab.RunAsync("node", "retire", "ecu3", "--reason", "sold", "--remove", "--no-wait");
        await lab.NodeAsync("ecu3", static node => node.Status.Step?.Message.Contains("cordoned", StringComparison.Ordinal) == true, "ecu3 waits, because it is cordoned");

        Assert.Contains("operation/retire@ecu3/1 ended", await lab.RunAsync("cancel", "operation/retire@ecu3/1", "--reason", "the wrong one"), StringComparison.Ordinal);
        await lab.RunAsync("node", "uncordon", "ecu3");
        // Each is down long enough for the other to come beside it, if it could.
        foreach (var node in lab.Lab.Nodes)
        {
            node.Faults.SlowDown("qm.service", TimeSpan.FromSeconds(4));
        }

        await lab.RunAsync("node", "retire", "ecu1", "ecu2", "--reason", "sold", "--remove", "--timeout", "2m");
        await lab.NodeAsync("ecu3", static node => node.Status is { Step.Name: "Ready", Fleet: "cockpit", Retiring: null }, "ecu3 is of its fleet again");

        Assert.Equal(files, Etc(lab, "ecu3"));
        // maxUnavailable is 1: the second is not taken down before the first is out of it.
        var told = (await lab.EventsAsync()).Where(one => one.Number > applied && one.Reason is "QmRestarted" or "NodeRetired" && one.Node is "ecu1" or "ecu2").ToList();
        Assert.Equal(["QmRestarted", "NodeRetired", "QmRestarted", "NodeRetired"], told.Select(static one => one.Reason));
        Assert.Equal([told[0].Node, told[2].Node], [told[1].Node, told[3].Node]);
        Assert.All((string[])["ecu1", "ecu2"], name => Assert.Equal("max", lab.Cgroup(name, "memory.high")));
    }

    /// <summary>Waits until the controller has ended a connection because of its certificate.</summary>
    private static async Task EndedAsync(FleetLab lab, string subject)
    {
        using var late = CancellationTokenSource.CreateLinkedTokenSource(FleetLab.Ct);
        late.CancelAfter(TimeSpan.FromSeconds(60));
        while (!(await File.ReadAllTextAsync(Path.Combine(lab.Lab.Directory.Logs, "controller.log"), late.Token)).Contains($"A connection of {subject} with certificate", StringComparison.Ordinal))
        {
            await Task.Delay(TimeSpan.FromMilliseconds(100), TimeProvider.System, late.Token);
        }
    }

    // Every file that a fleet could have a hand in, with its content.
    private static string[] Etc(FleetLab lab, string name) =>
    [
        .. from node in lab.Lab.Nodes
           where node.Name == name
           from file in new DirectoryInfo(Path.Combine(node.Root, "etc")).EnumerateFiles("*", SearchOption.AllDirectories)
           where !file.FullName.Contains("/pki", StringComparison.Ordinal)
           orderby file.FullName
           select $"{file.FullName}: {File.ReadAllText(file.FullName)}",
    ];
}
