using Qm.Fleet.Lab.Control;
using Qm.Fleet.Lab.Nodes;
using Qm.Fleet.Lab.Tests.BlueChi;
using Xunit;

namespace Qm.Fleet.Lab.Tests.Control;

/// <summary>What each fault does to a client of BlueChi, over a real bus.</summary>
[Trait("Requirement", "QMF-LAB-004")]
public sealed class FaultInjectorTests : IAsyncLifetime
{
    private TestSite _site = null!;
    private readonly FakeExtensions _extensions = new();
    private FaultInjector _faults = null!;

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        _site = await TestSite.StartAsync();
        _site.BlueChi.Faults.AgentTimeout = TimeSpan.FromMilliseconds(50);
        _faults = new FaultInjector(_site.BlueChi, [_site.Node], (node, ct) => node.RebootAsync(ct), TimeProvider.System);
    }

    public async ValueTask DisposeAsync()
    {
        await _faults.DisposeAsync();
        await _site.DisposeAsync();
    }

    [Fact]
    public async Task Freeze_WhatTheNodeDoesMeanwhile_IsToldWhenItGoesOn()
    {
        await _site.MonitorAsync("ecu1", "brake-control.service");
        await _site.SeenAsync("UnitStateChanged ecu1 brake-control.service active running virtual");
        await _faults.FreezeAsync("ecu1");
        await _site.Node.Host.RunAsync(JobType.Stop, "brake-control.service", Ct);
        await _site.ControllerAsync("ListNodes");
        Assert.Equal(["reply ListNodes"], await _site.SeenAsync("reply ListNodes"));
        Assert.Equal([new("ecu1", "freeze", "")], _faults.List());

        await _faults.ThawAsync("ecu1");
        Assert.Equal(
            ["UnitStateChanged ecu1 brake-control.service deactivating stop-sigterm real", "UnitStateChanged ecu1 brake-control.service inactive dead real"],
            await _site.SeenAsync("UnitStateChanged ecu1 brake-control.service inactive dead real"));
        Assert.Empty(_faults.List());
    }

    [Fact]
    public async Task Cut_WithoutDataInFlight_IsOfflineUntilHealedEvenForANewAgent()
    {
        await _faults.CutAsync("ecu1", dataInFlight: false);
        await _site.SeenAsync("Status node/ecu1 offline");
        await _site.Node.Host.RunAsync(JobType.Restart, "bluechi-agent.service", Ct);
        Assert.Equal(("org.eclipse.bluechi.Offline", "Node is offline"), await TestSite.ErrorOfAsync(_site.NodeAsync("Reload")));
        Assert.Equal([new("ecu1", "cut", "")], _faults.List());

        await _faults.HealAsync("ecu1", fresh: false, Ct);
        await _site.SeenAsync("Status node/ecu1 online");
    }

    [Fact]
    public async Task Cut_WithDataInFlight_StaysOnlineAndCarriesOutWhatWasSentWhenHealed()
    {
        var pid = _site.Node.Qm!.InitPid;
        await _site.NodeAsync("StartUnit", "qm.service", "replace");
        await _site.SeenAsync("JobRemoved 1 job/1 ecu1 qm.service done");
        await _faults.CutAsync("ecu1", dataInFlight: true);
        Assert.Equal(("org.freedesktop.DBus.Error.NoReply", "Method call timed out"), await TestSite.ErrorOfAsync(_site.NodeAsync("RestartUnit", "qm.service", "replace")));
        Assert.Equal("online", await _site.PropertyAsync("node/ecu1", "Node", "Status"));
        Assert.Equal(pid, _site.Node.Qm.InitPid);
        Assert.Equal([new("ecu1", "cut", "data in flight")], _faults.List());

        await _faults.HealAsync("ecu1", fresh: false, Ct);
        var seen = await _site.SeenAsync("Status node/qm_2eecu1 online");
        Assert.DoesNotContain(seen, line => line.StartsWith("Job", StringComparison.Ordinal) || line == "Status node/ecu1 offline");
        Assert.NotEqual(pid, _site.Node.Qm!.InitPid);
    }

    [Fact]
    public async Task Heal_Fresh_TellsTheUnitsAgain()
    {
        await _site.MonitorAsync("ecu1", "qm.service");
        await _site.SeenAsync("UnitStateChanged ecu1 qm.service active running virtual");
        await _faults.CutAsync("ecu1", dataInFlight: false);
        await _site.SeenAsync("Status node/ecu1 offline");

        await _faults.HealAsync("ecu1", fresh: true, Ct);
        await _site.SeenAsync("Status node/ecu1 online");
        await _site.SeenAsync("UnitStateChanged ecu1 qm.service active running virtual");
    }

    [Fact]
    public async Task Heal_FreshAfterDataInFlight_IsOfflineFirst()
    {
        await _faults.CutAsync("ecu1", dataInFlight: true);
        await _faults.HealAsync("ecu1", fresh: true, Ct);
        Assert.Contains("Status node/ecu1 offline", await _site.SeenAsync("Status node/ecu1 online"));
    }

    [Fact]
    public async Task MergeJobs_NextJob_LosesItsEndToANewerOne()
    {
        _faults.MergeJobs("ecu1");
        Assert.Equal([new("ecu1", "merge-jobs", "the next job")], _faults.List());
        await _site.NodeAsync("RestartUnit", "qm.service", "replace");
        var seen = await _site.SeenAsync("JobRemoved 2 job/2 ecu1 qm.service done");
        Assert.Equal(["JobNew 1 job/1", "reply RestartUnit", "State job/1 running", "JobNew 2 job/2"], seen.Take(4));
        Assert.DoesNotContain(seen, line => line.StartsWith("JobRemoved 1", StringComparison.Ordinal));
        Assert.Equal("running", await _site.PropertyAsync("job/1", "Job", "State"));

        await _site.NodeAsync("RestartUnit", "qm.service", "replace");
        await _site.SeenAsync("JobRemoved 3 job/3 ecu1 qm.service done");
    }

    [Fact]
    public async Task Refuse_OneMethodOfOneUnit_LeavesTheOthers()
    {
        _faults.Refuse("ecu1", new("org.example.No", "qm.service", "RestartUnit"));
        Assert.Equal(("org.example.No", "The lab refuses RestartUnit on ecu1."), await TestSite.ErrorOfAsync(_site.NodeAsync("RestartUnit", "qm.service", "replace")));
        await _site.NodeAsync("RestartUnit", "brake-control.service", "replace");
        await _site.NodeAsync("StartUnit", "qm.service", "replace");
        await _site.QmAsync("Reload");

        _faults.Refuse("qm.ecu1", new("org.example.No"));
        Assert.Equal("org.example.No", (await TestSite.ErrorOfAsync(_site.QmAsync("Reload"))).Name);
        Assert.Equal([new("ecu1", "refuse", "RestartUnit qm.service org.example.No"), new("qm.ecu1", "refuse", "org.example.No")], _faults.List());
    }

    [Fact]
    public async Task Flood_OfASubscribedUnit_TellsItsPropertiesUntilCleared()
    {
        await _site.MonitorAsync("ecu1", "qm.service");
        await _faults.FloodAsync("ecu1", 5000, duration: null);
        await _site.ChatterAsync(signals: 1000);

        Assert.Equal([new("ecu1", "flood", "5000/s")], await _faults.ClearAsync("ecu1"));
        Assert.Empty(_faults.List());
    }

    [Fact]
    public async Task Delay_OfCalls_IsOnUntilCleared()
    {
        _faults.Delay("ecu1", TimeSpan.FromHours(1));
        var delayed = _site.NodeAsync("Reload");
        await _site.QmAsync("Reload");
        Assert.False(delayed.IsCompleted);

        Assert.Equal([new("ecu1", "delay", "3600s")], await _faults.ClearAsync(node: null));
        await _site.NodeAsync("Reload");
        Assert.False(delayed.IsCompleted);
    }

    [Fact]
    public async Task CrashLoop_UntilCleared_KillsEveryQm()
    {
        await _site.MonitorAsync("ecu1", "qm.service");
        await _site.SeenAsync("UnitStateChanged ecu1 qm.service active running virtual");
        _faults.CrashLoop("ecu1");
        for (var crash = 0; crash < 2; crash++)
        {
            await _site.SeenAsync("UnitStateChanged ecu1 qm.service activating auto-restart real");
        }

        Assert.Equal([new("ecu1", "crash-loop", "")], await _faults.ClearAsync("ecu1"));
        await _site.SeenAsync("Status node/qm_2eecu1 online");
    }

    [Fact]
    public async Task CrashQm_Once_IsRestartedBySystemd()
    {
        await _site.MonitorAsync("ecu1", "qm.service");
        _faults.CrashQm("qm.ecu1");
        await _site.SeenAsync("UnitStateChanged ecu1 qm.service activating auto-restart real");
        await _site.SeenAsync("Status node/qm_2eecu1 online");
        Assert.Equal(1u, _site.Node.Host.Find("qm.service")!.Restarts);
    }

    [Fact]
    public void KillWorkload_ThatDoesNotRun_SaysWhichDo() => Assert.Equal(
        "workload radio does not run in QM of ecu1; none does", Assert.Throws<InvalidOperationException>(() => _faults.KillWorkload("ecu1", "radio")).Message);

    [Fact]
    public void FailProbe_OfAWorkloadThatDoesNotRun_SaysWhichDo() => Assert.Equal(
        "workload radio does not run in QM of ecu1; none does", Assert.Throws<InvalidOperationException>(() => _faults.FailProbe("ecu1", "radio")).Message);

    [Fact]
    public async Task Flap_UntilCleared_CutsAndHealsAgainAndAgain()
    {
        await _faults.FlapAsync("ecu1", TimeSpan.FromMilliseconds(100));
        Assert.Equal([new("ecu1", "flap", "every 100ms")], _faults.List());
        for (var round = 0; round < 2; round++)
        {
            await _site.SeenAsync("Status node/ecu1 offline");
            await _site.SeenAsync("Status node/ecu1 online");
        }

        Assert.Equal([new("ecu1", "flap", "every 100ms")], await _faults.ClearAsync("ecu1"));
        Assert.Equal("online", await _site.PropertyAsync("node/ecu1", "Node", "Status"));
        Assert.Empty(_faults.List());
    }

    [Fact]
    public async Task CutCable_OfBothAgentsAndTheExtension_IsOneFaultThatOnlyClearEnds()
    {
        await using var faults = new FaultInjector(_site.BlueChi, [_site.Node], (node, ct) => node.RebootAsync(ct), TimeProvider.System, _extensions);
        await faults.CutCableAsync("ecu1");
        Assert.Equal(("offline", "offline", true), (await _site.PropertyAsync("node/ecu1", "Node", "Status"), await _site.PropertyAsync("node/qm_2eecu1", "Node", "Status"), _extensions.IsCut));
        Assert.Equal([new("ecu1", "cut-cable", "")], faults.List());
        Assert.Equal("the whole cable of ecu1 is cut; lab clear ecu1 mends it", (await Assert.ThrowsAsync<InvalidOperationException>(() => faults.HealAsync("qm.ecu1", fresh: false, Ct))).Message);
        Assert.Empty(await faults.ClearAsync("qm.ecu1"));

        Assert.Equal([new("ecu1", "cut-cable", "")], await faults.ClearAsync("ecu1"));
        Assert.Equal(("online", "online", false), (await _site.PropertyAsync("node/ecu1", "Node", "Status"), await _site.PropertyAsync("node/qm_2eecu1", "Node", "Status"), _extensions.IsCut));
        Assert.NotNull(_site.Node.Qm);
    }

    [Fact]
    public async Task CutCable_WhereTheExtensionHasNoLinkOfItsOwn_CutsNothing()
    {
        await Assert.ThrowsAsync<InvalidOperationException>(() => _faults.CutCableAsync("ecu1"));
        Assert.Equal(("online", "online"), (await _site.PropertyAsync("node/ecu1", "Node", "Status"), await _site.PropertyAsync("node/qm_2eecu1", "Node", "Status")));
        Assert.Empty(_faults.List());
    }

    [Fact]
    public async Task KillExtension_UntilCleared_StaysAway()
    {
        await using var faults = new FaultInjector(_site.BlueChi, [_site.Node], (node, ct) => node.RebootAsync(ct), TimeProvider.System, _extensions);
        await faults.KillExtensionAsync("ecu1");
        await faults.RebootAsync("ecu1", Ct);
        Assert.True(_extensions.IsKilled);
        Assert.Equal([new("ecu1", "kill-extension", "")], await faults.ClearAsync(node: null));
        Assert.False(_extensions.IsKilled);
    }

    [Fact]
    public async Task FillDisk_UntilCleared_HasNoRoomAndThenWhatWasThere()
    {
        Assert.SkipUnless(Environment.IsPrivilegedProcess, "filling a disk takes a mount, which only root may make");
        var file = Path.Combine(_site.Node.Root, "var/qm/kept");
        await File.WriteAllTextAsync(file, "kept", Ct);
        _faults.FillDisk("ecu1");
        Assert.Equal(0, new DriveInfo(Path.GetDirectoryName(file)!).AvailableFreeSpace);
        Assert.Equal([new("ecu1", "fill-disk", "/var/qm")], await _faults.ClearAsync("ecu1"));
        Assert.Equal("kept", await File.ReadAllTextAsync(file, Ct));
    }

    [Fact]
    public async Task FailProbe_OfAContainer_IsOnUntilCleared()
    {
        _site.Node.Faults.FailProbe("systemd-radio");
        Assert.Equal([new("ecu1", "fail-probe", "systemd-radio")], _faults.List());
        Assert.Equal([new("ecu1", "fail-probe", "systemd-radio")], await _faults.ClearAsync("ecu1"));
        Assert.Empty(_faults.List());
    }

    [Fact]
    public async Task SlowAndFailStart_OfUnits_AreListedWithWhatIsLeft()
    {
        _faults.Slow("ecu1", "qm.service", TimeSpan.FromMilliseconds(1));
        _faults.FailStart("qm.ecu1", "brake-control.service", 2);
        await _site.NodeAsync("RestartUnit", "brake-control.service", "replace");
        await _site.SeenAsync("JobRemoved 1 job/1 ecu1 brake-control.service failed");
        Assert.Equal([new("ecu1", "slow", "qm.service 1ms"), new("ecu1", "fail-start", "brake-control.service 1")], _faults.List());
    }

    [Fact]
    public async Task Reboot_OfACutNode_StaysCut()
    {
        await _faults.CutAsync("ecu1", dataInFlight: true);
        await _faults.RebootAsync("ecu1", Ct);
        await _site.SeenAsync("Status node/qm_2eecu1 online");
        Assert.Equal([new("ecu1", "cut", "data in flight")], _faults.List());
        Assert.Equal([new("ecu1", "cut", "data in flight")], await _faults.ClearAsync("ecu1"));
        Assert.Contains("Status node/ecu1 offline", await _site.SeenAsync("Status node/ecu1 online"));
    }

    [Fact]
    public async Task RestartBlueChi_WithACutAndAFrozenNode_AttachesNeitherUntilTheyAreReachable()
    {
        await _faults.CutAsync("ecu1", dataInFlight: true);
        await _faults.FreezeAsync("qm.ecu1");
        var back = _faults.RestartBlueChi(killed: true, TimeSpan.FromMilliseconds(500));
        Assert.Contains(new ActiveFault("bluechi", "restart", "down, killed"), _faults.List());
        Assert.Throws<InvalidOperationException>(() => { _ = _faults.RestartBlueChi(killed: false, TimeSpan.Zero); });
        await back;
        Assert.Equal("offline", await _site.PropertyAsync("node/ecu1", "Node", "Status"));
        Assert.Equal("offline", await _site.PropertyAsync("node/qm_2eecu1", "Node", "Status"));

        await _faults.ClearAsync(node: null);
        Assert.Equal("online", await _site.PropertyAsync("node/ecu1", "Node", "Status"));
        Assert.Equal("online", await _site.PropertyAsync("node/qm_2eecu1", "Node", "Status"));
    }

    [Fact]
    public async Task Clear_OfQmAlone_LeavesTheHost()
    {
        await _faults.FreezeAsync("ecu1");
        await _faults.FreezeAsync("qm.ecu1");
        Assert.Equal([new("qm.ecu1", "freeze", "")], await _faults.ClearAsync("qm.ecu1"));
        Assert.Equal([new("ecu1", "freeze", "")], _faults.List());
        Assert.Equal([new("ecu1", "freeze", "")], await _faults.ClearAsync("ecu1"));
    }

    private sealed class FakeExtensions : IExtensions
    {
        public bool IsKilled { get; private set; }

        public bool IsCut { get; private set; }

        public Task KillAsync(EmulatedNode node)
        {
            IsKilled = true;
            return Task.CompletedTask;
        }

        public Task ReviveAsync(EmulatedNode node)
        {
            IsKilled = false;
            return Task.CompletedTask;
        }

        public void Cut(EmulatedNode node) => IsCut = true;

        public void Heal(EmulatedNode node) => IsCut = false;

        public (bool Killed, bool Cut) StateOf(EmulatedNode node) => (IsKilled, IsCut);
    }
}
