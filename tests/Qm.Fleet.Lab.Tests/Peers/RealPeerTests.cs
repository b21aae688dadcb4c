using Qm.Fleet.BlueChi;
using Qm.Fleet.BlueChi.Jobs;
using Xunit;

namespace Qm.Fleet.Lab.Tests.Peers;

/// <summary>What the peers are for: a real bluechi-controller takes them for nodes.</summary>
[Trait("Requirement", "QMF-LAB-005")]
public sealed class RealPeerTests
{
    private const string Unit = "brake-control.service";
    private const string Journal = "systemd-journald.service";

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Nodes_HostAndQm_AreOnlineWithTheirOwnUnits()
    {
        await using var site = await RealSite.StartAsync();

        Assert.Equal(
            ["absent Offline", "ecu1 Online", "qm.ecu1 Online"], (await site.Client.ListNodesAsync(Ct)).Select(node => $"{node.Name} {node.Status}").Order(StringComparer.Ordinal));
        Assert.Equal(("loaded", "active", "running"), await StateOfAsync(site, "ecu1", "qm.service"));
        Assert.Equal(("not-found", "inactive", "dead"), await StateOfAsync(site, "qm.ecu1", "qm.service"));
        Assert.Contains(await site.Client.ListUnitsAsync("qm.ecu1", Ct), unit => unit.Name == Journal);
        Assert.Equal(["ecu1", "qm.ecu1"], (await site.Client.ListUnitsOfAllNodesAsync(Ct)).Keys.Order(StringComparer.Ordinal));
    }

    [Fact]
    public async Task Jobs_OfEveryKind_EndAsSystemdSays()
    {
        await using var site = await RealSite.StartAsync();

        Assert.Equal(JobResult.Done, (await site.Client.StopUnitAsync("ecu1", Unit, Ct)).Result);
        Assert.Equal(("loaded", "inactive", "dead"), await StateOfAsync(site, "ecu1", Unit));
        Assert.Equal(JobResult.Done, (await site.Client.StartUnitAsync("ecu1", Unit, Ct)).Result);
        Assert.Equal(JobResult.Done, (await site.Client.RestartUnitAsync("qm.ecu1", Journal, Ct)).Result);
        site.Node.Faults.FailStarts(Unit, 1);
        Assert.Equal(new JobOutcome(JobResult.Failed, "failed"), await site.Client.RestartUnitAsync("ecu1", Unit, Ct));
        Assert.Equal(JobResult.Refused, (await site.Client.StartUnitAsync("ecu1", "missing.service", Ct)).Result);
        await Assert.ThrowsAsync<NodeOfflineException>(() => site.Client.GetUnitStateAsync("absent", Unit, Ct));

        // What systemd refused reached the agent all the same.
        Assert.Equal(4UL, site.Peers.Counters["ecu1", "StopUnit"] + site.Peers.Counters["ecu1", "StartUnit"] + site.Peers.Counters["ecu1", "RestartUnit"]);
    }

    [Fact]
    public async Task Cancel_ARunningJob_EndsItCanceled()
    {
        await using var site = await RealSite.StartAsync();
        site.Node.Faults.SlowDown(Unit, TimeSpan.FromMinutes(1));
        var job = await site.Client.BeginJobAsync(JobType.Restart, "ecu1", Unit, JobMode.Replace, Ct);

        await job.CancelAsync(Ct);

        Assert.Equal("canceled", (await job.Outcome.WaitAsync(Ct)).Detail);
    }

    [Fact]
    public async Task Monitor_AUnit_TellsItsStatesAndProperties()
    {
        await using var site = await RealSite.StartAsync();
        await using var monitor = await site.MonitorAsync("ecu1", Unit);
        await site.ToldAsync($"new {Unit} virtual", $"state {Unit} active running virtual");

        await site.Client.StopUnitAsync("ecu1", Unit, Ct);

        Assert.Contains($"properties {Unit} org.freedesktop.systemd1.Service", await site.ToldAsync($"state {Unit} inactive dead real", $"properties {Unit} org.freedesktop.systemd1.Unit"));
    }

    [Fact]
    public async Task Freeze_UntilItsHeartbeatIsMissed_IsOfflineAndComesBack()
    {
        await using var site = await RealSite.StartAsync();

        await site.Peers.FreezeAsync("ecu1");
        await site.ToldAsync("ecu1=Offline");
        await Assert.ThrowsAsync<NodeOfflineException>(() => site.Client.GetUnitStateAsync("ecu1", Unit, Ct));
        await site.Peers.ThawAsync("ecu1");

        await site.ToldAsync("ecu1=Online");
        Assert.Equal(("loaded", "active", "running"), await StateOfAsync(site, "ecu1", Unit));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Heal_AfterACut_RepeatsItselfOnlyWhenFresh(bool fresh)
    {
        await using var site = await RealSite.StartAsync();
        await using var monitor = await site.MonitorAsync("ecu1", Unit);
        await site.ToldAsync($"state {Unit} active running virtual");

        await site.Peers.CutAsync("ecu1");
        await site.ToldAsync($"state {Unit} inactive agent-offline virtual", "ecu1=Offline");
        await (fresh ? site.Peers.HealFreshAsync("ecu1") : site.Peers.HealAsync("ecu1"));
        var told = new List<string>(await site.ToldAsync("ecu1=Online"));
        await site.Client.StopUnitAsync("ecu1", Unit, Ct);
        told.AddRange(await site.ToldAsync($"state {Unit} inactive dead real"));

        Assert.Equal(fresh, told.Contains($"state {Unit} active running virtual"));
    }

    [Fact]
    public async Task Restart_OfTheController_BringsEveryAgentBack()
    {
        await using var site = await RealSite.StartAsync();

        await site.BlueChi.RestartAsync();
        await site.ReconnectedAsync();

        await site.Peers.RegisteredAsync(["ecu1", "qm.ecu1"], TimeSpan.FromSeconds(20), Ct);
        while ((await site.Client.ListNodesAsync(Ct)).FirstOrDefault(node => node.Name is "ecu1" or "qm.ecu1" && node.Status != NodeStatus.Online) is { } missing)
        {
            await site.ToldAsync($"{missing.Name}=Online");
        }
    }

    private static async Task<(string Load, string Active, string Sub)> StateOfAsync(RealSite site, string node, string unit)
    {
        var state = await site.Client.GetUnitStateAsync(node, unit, Ct);
        return (state.LoadState, state.ActiveState, state.SubState);
    }
}
