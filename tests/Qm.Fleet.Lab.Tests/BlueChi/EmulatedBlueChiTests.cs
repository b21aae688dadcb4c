using Qm.Fleet.BlueChi.Bus;
using Xunit;

namespace Qm.Fleet.Lab.Tests.BlueChi;

[Trait("Requirement", "QMF-LAB-001")]
public sealed class EmulatedBlueChiTests
{
    [Fact]
    public async Task ListNodes_OneOfThreeAbsent_HasTheWireSignatureAndDegrades()
    {
        await using var site = await TestSite.StartAsync();
        var nodes = Assert.Single(await site.ControllerAsync("ListNodes"));
        Assert.Equal("a(soss)", nodes.Signature);
        Assert.Equal(
            ["absent /org/eclipse/bluechi/node/absent offline ", "ecu1 /org/eclipse/bluechi/node/ecu1 online ", "qm.ecu1 /org/eclipse/bluechi/node/qm_2eecu1 online "],
            nodes.AsItems().Select(node => string.Join(' ', node.AsItems().Select(part => part.AsText()))));
        Assert.Equal("degraded", await site.PropertyAsync("", "Controller", "Status"));
    }

    [Fact]
    public async Task RestartUnit_IdleQm_TellsInTheMeasuredOrder()
    {
        await using var site = await TestSite.StartAsync();
        await site.MonitorAsync("ecu1", "qm.service");
        await site.MonitorAsync("qm.ecu1", "bluechi-agent.service");
        await site.SeenAsync("UnitStateChanged qm.ecu1 bluechi-agent.service active running virtual");
        await site.NodeAsync("RestartUnit", "qm.service", "replace");
        Assert.Equal(
        [
            "JobNew 1 job/1", "reply RestartUnit", "State job/1 running", "UnitStateChanged ecu1 qm.service deactivating stop real",
            "UnitStateChanged qm.ecu1 bluechi-agent.service inactive agent-offline virtual", "UnitRemoved qm.ecu1 bluechi-agent.service virtual", "Status node/qm_2eecu1 offline",
            "UnitStateChanged ecu1 qm.service deactivating stop-sigterm real", "UnitStateChanged ecu1 qm.service deactivating stop-post real", "UnitStateChanged ecu1 qm.service inactive dead real",
            "State job/1 waiting", "State job/1 running", "UnitStateChanged ecu1 qm.service activating start real", "UnitStateChanged ecu1 qm.service active running real",
            "JobRemoved 1 job/1 ecu1 qm.service done", "Status node/qm_2eecu1 online", "UnitNew qm.ecu1 bluechi-agent.service virtual",
            "UnitStateChanged qm.ecu1 bluechi-agent.service active running virtual",
        ], await site.SeenAsync("UnitStateChanged qm.ecu1 bluechi-agent.service active running virtual"));
    }

    [Fact]
    public async Task Reload_MonitoredUnit_IsRemovedAndNewAndALaterSubscriptionIsToldAStaleState()
    {
        await using var site = await TestSite.StartAsync();
        await site.MonitorAsync("ecu1", "qm.service");
        await site.SeenAsync("UnitStateChanged ecu1 qm.service active running virtual");
        await site.NodeAsync("Reload");
        Assert.Equal(["UnitRemoved ecu1 qm.service real", "UnitNew ecu1 qm.service real", "reply Reload"], await site.SeenAsync("reply Reload"));

        await site.MonitorAsync("ecu1", "brake-control.service");
        await site.SeenAsync("UnitStateChanged ecu1 brake-control.service inactive dead virtual");
        Assert.Equal("active", (await site.NodeAsync("GetUnitProperty", "brake-control.service", "org.freedesktop.systemd1.Unit", "ActiveState"))[0].AsText());
    }

    [Fact]
    public async Task SetUnitProperties_KnownAndUnknownUnit_SucceedAndSayNothing()
    {
        await using var site = await TestSite.StartAsync();
        await site.MonitorAsync("ecu1", "qm.service");
        await site.SeenAsync("UnitStateChanged ecu1 qm.service active running virtual");
        var limit = new BusValue.Array("(sv)", [new BusValue.Struct(["MemoryHigh", new BusValue.Variant(1UL << 30)])]);
        Assert.Empty(await site.NodeAsync("SetUnitProperties", "qm.service", true, limit));
        Assert.Empty(await site.NodeAsync("SetUnitProperties", "nosuch.service", true, limit));
        Assert.Equal(["reply SetUnitProperties", "reply SetUnitProperties", "reply ListNodes"], [.. await site.SeenAsync("reply SetUnitProperties"), .. await site.SeenAsync("reply SetUnitProperties"),
            .. await AfterAsync(site.ControllerAsync("ListNodes"), site.SeenAsync("reply ListNodes"))]);
        Assert.Equal("t", (await site.NodeAsync("GetUnitProperty", "qm.service", "org.freedesktop.systemd1.Service", "MemoryHigh"))[0].AsInner().Signature);
        Assert.Equal("i", (await site.NodeAsync("GetUnitProperty", "qm.service", "org.freedesktop.systemd1.Service", "OOMScoreAdjust"))[0].AsInner().Signature);
    }

    [Fact]
    public async Task RestartUnit_OfTheAgentItself_NeverEndsItsJob()
    {
        await using var site = await TestSite.StartAsync();
        await site.QmAsync("RestartUnit", "bluechi-agent.service", "replace");
        var lines = await site.SeenAsync("Status node/qm_2eecu1 online");
        Assert.Equal(["JobNew 1 job/1", "reply RestartUnit"], lines.Take(2));
        Assert.DoesNotContain(lines, line => line.StartsWith("JobRemoved", StringComparison.Ordinal));

        // The new agent may be heard before systemd is done with starting it.
        await site.QmIdleAsync("bluechi-agent.service");
        var (name, text) = await TestSite.ErrorOfAsync(site.QmAsync("RestartUnit", "bluechi-agent.service", "replace"));
        Assert.Equal(("org.freedesktop.DBus.Error.NoReply", "Connection terminated"), (name, text));
        Assert.DoesNotContain(await site.SeenAsync("Status node/qm_2eecu1 online"), line => line.StartsWith("Job", StringComparison.Ordinal));
        Assert.Equal("org.freedesktop.DBus.Error.UnknownObject", (await TestSite.ErrorOfAsync(site.PropertyAsync("job/1", "Job", "State"))).Name);
    }

    [Fact]
    public async Task NodeDrop_WithAPendingJob_SaysNothingOfTheJob()
    {
        await using var site = await TestSite.StartAsync();
        site.Node.Faults.SlowDown("qm.service", TimeSpan.FromHours(1));
        await site.NodeAsync("RestartUnit", "qm.service", "replace");
        site.BlueChi.Cut("ecu1");
        var lines = await site.SeenAsync("Status node/ecu1 offline");
        Assert.DoesNotContain(lines, line => line.StartsWith("JobRemoved", StringComparison.Ordinal));
        Assert.Equal(("org.eclipse.bluechi.Offline", "Node is offline"), await TestSite.ErrorOfAsync(site.NodeAsync("Reload")));

        site.BlueChi.Heal("ecu1");
        await site.SeenAsync("Status node/ecu1 online");
    }

    [Fact]
    public async Task SurvivingAgent_AfterHealing_DoesNotTellItsStateAgain()
    {
        await using var site = await TestSite.StartAsync();
        await site.MonitorAsync("ecu1", "qm.service");
        await site.SeenAsync("UnitStateChanged ecu1 qm.service active running virtual");
        site.BlueChi.Cut("ecu1");
        await site.SeenAsync("Status node/ecu1 offline");
        site.BlueChi.Heal("ecu1");
        await site.SeenAsync("Status node/ecu1 online");
        await site.ControllerAsync("ListNodes");
        Assert.DoesNotContain(await site.SeenAsync("reply ListNodes"), line => line.StartsWith("Unit", StringComparison.Ordinal));
    }

    [Fact]
    public async Task FrozenAgent_StaysOnlineTimesOutAndExecutesLate()
    {
        await using var site = await TestSite.StartAsync();
        var pid = site.Node.Qm!.InitPid;
        site.BlueChi.Faults.AgentTimeout = TimeSpan.FromMilliseconds(50);
        site.BlueChi.Freeze("ecu1");
        Assert.Equal(("org.freedesktop.DBus.Error.NoReply", "Method call timed out"), await TestSite.ErrorOfAsync(site.NodeAsync("RestartUnit", "qm.service", "replace")));
        Assert.Equal("online", await site.PropertyAsync("node/ecu1", "Node", "Status"));
        Assert.Equal("org.freedesktop.DBus.Error.Failed", (await TestSite.ErrorOfAsync(site.ControllerAsync("ListUnits"))).Name);

        site.BlueChi.Thaw("ecu1");
        var lines = await site.SeenAsync("Status node/qm_2eecu1 online");
        Assert.DoesNotContain(lines, line => line.StartsWith("Job", StringComparison.Ordinal));
        Assert.NotEqual(pid, site.Node.Qm!.InitPid);
    }

    [Fact]
    public async Task ControllerRestart_CountsFromOneAgainUnderAnotherOwner()
    {
        await using var site = await TestSite.StartAsync();
        await site.NodeAsync("StartUnit", "qm.service", "replace");
        await site.SeenAsync("JobRemoved 1 job/1 ecu1 qm.service done");
        var owner = site.BlueChi.UniqueName;
        await site.BlueChi.RestartAsync(clean: true, TimeSpan.FromMilliseconds(10), TestContext.Current.CancellationToken);
        Assert.NotEqual(owner, site.BlueChi.UniqueName);
        Assert.Equal("online", await site.PropertyAsync("node/ecu1", "Node", "Status"));

        await site.MonitorAsync("ecu1", "qm.service");
        await site.NodeAsync("StartUnit", "qm.service", "replace");
        await site.SeenAsync("JobRemoved 1 job/1 ecu1 qm.service done");
    }

    [Fact]
    public async Task MergedJobs_OfOneUnit_LoseTheOlder()
    {
        await using var site = await TestSite.StartAsync();
        site.Node.Faults.SlowDown("qm.service", TimeSpan.FromMilliseconds(200));
        await site.NodeAsync("RestartUnit", "qm.service", "replace");
        await site.NodeAsync("RestartUnit", "qm.service", "replace");
        Assert.DoesNotContain("JobRemoved 1 job/1 ecu1 qm.service done", await site.SeenAsync("JobRemoved 2 job/2 ecu1 qm.service done"));
        Assert.Equal("running", await site.PropertyAsync("job/1", "Job", "State"));
    }

    [Fact]
    public async Task CancelledJob_EndsCanceledWithOneL()
    {
        await using var site = await TestSite.StartAsync();
        site.Node.Faults.SlowDown("qm.service", TimeSpan.FromHours(1));
        await site.NodeAsync("RestartUnit", "qm.service", "replace");
        await site.CallAsync("job/1", "Job", "Cancel", []);
        await site.SeenAsync("JobRemoved 1 job/1 ecu1 qm.service canceled");
    }

    [Fact]
    public async Task FailingStart_EndsItsJobFailed()
    {
        await using var site = await TestSite.StartAsync();
        site.Node.Faults.FailStarts("qm.service", 1);
        await site.NodeAsync("RestartUnit", "qm.service", "replace");
        await site.SeenAsync("JobRemoved 1 job/1 ecu1 qm.service failed");
        await site.NodeAsync("StartUnit", "qm.service", "replace");
        await site.SeenAsync("JobRemoved 2 job/2 ecu1 qm.service done");
    }

    [Fact]
    public async Task OverlappingSubscriptions_TellTwice()
    {
        await using var site = await TestSite.StartAsync();
        var monitor = await site.MonitorAsync("ecu1", "brake-control.service");
        await site.CallAsync(monitor, "Monitor", "Subscribe", ["ecu1", "*"]);
        await site.NodeAsync("StopUnit", "brake-control.service", "replace");
        var lines = await site.SeenAsync("JobRemoved 1 job/1 ecu1 brake-control.service done");
        Assert.Equal(2, lines.Count(line => line == "UnitStateChanged ecu1 brake-control.service inactive dead real"));
    }

    [Fact]
    public async Task Errors_AreThoseOfBlueChiAndSystemd()
    {
        await using var site = await TestSite.StartAsync();
        Assert.Equal(("org.freedesktop.DBus.Error.ServiceUnknown", "Node not found"), await TestSite.ErrorOfAsync(site.ControllerAsync("GetNode", "nonode")));
        Assert.Equal(("org.freedesktop.DBus.Error.UnknownObject", "Unknown object '/org/eclipse/bluechi/node/nonode'."), await TestSite.ErrorOfAsync(site.CallAsync("node/nonode", "Node", "Reload", [])));
        Assert.Equal(("org.eclipse.bluechi.Offline", "Node is offline"), await TestSite.ErrorOfAsync(site.CallAsync("node/absent", "Node", "Whatever", [])));
        Assert.Equal(("org.freedesktop.systemd1.NoSuchUnit", "Unit nosuch.service not found."), await TestSite.ErrorOfAsync(site.NodeAsync("StartUnit", "nosuch.service", "replace")));
        Assert.Equal(("org.freedesktop.systemd1.NoSuchUnit", "Unit nosuch.service not loaded."), await TestSite.ErrorOfAsync(site.NodeAsync("StopUnit", "nosuch.service", "replace")));
        Assert.Equal(("org.freedesktop.DBus.Error.InvalidArgs", "Job mode bogusmode invalid"), await TestSite.ErrorOfAsync(site.NodeAsync("StartUnit", "qm.service", "bogusmode")));
        Assert.Equal("org.freedesktop.DBus.Error.InvalidArgs", (await TestSite.ErrorOfAsync(site.NodeAsync("StartUnit", "qm.service"))).Name);
        Assert.Equal("org.freedesktop.systemd1.JobTypeNotApplicable", (await TestSite.ErrorOfAsync(site.NodeAsync("ReloadUnit", "qm.service", "replace"))).Name);
        Assert.Equal("org.freedesktop.DBus.Error.UnknownProperty", (await TestSite.ErrorOfAsync(site.NodeAsync("GetUnitProperty", "qm.service", "", "Nope"))).Name);
        Assert.Equal("not-found", (await site.NodeAsync("GetUnitProperty", "nosuch.service", "", "LoadState"))[0].AsText());
        await site.NodeAsync("StartUnit", "qm.service", "replace");

        // The numbers of refused jobs are not used again.
        await site.SeenAsync("JobRemoved 5 job/5 ecu1 qm.service done");
    }

    [Fact]
    public async Task Counters_CountWhatChangesANode()
    {
        await using var site = await TestSite.StartAsync();
        Assert.Equal(0UL, site.BlueChi.Counters.Total);
        await site.NodeAsync("GetUnitProperties", "qm.service", "");
        await site.NodeAsync("Reload");
        await site.QmAsync("Reload");
        await site.QmAsync("Reload");
        Assert.Equal((1UL, 2UL, 3UL), (site.BlueChi.Counters["ecu1", "Reload"], site.BlueChi.Counters["qm.ecu1", "Reload"], site.BlueChi.Counters.Total));
        var wire = Assert.Single(await site.CallAsync("lab", "lab1", "Counters", []));
        Assert.Equal("a{st}", wire.Signature);
        Assert.Equal(["ecu1 Reload", "qm.ecu1 Reload"], wire.AsEntries().Select(entry => entry.Key.AsText()));
    }

    [Fact]
    public async Task WrongNodeName_InQm_NeverRegisters()
    {
        await using var site = await TestSite.StartAsync();
        var conf = Path.Combine(site.Node.Root, "etc/qm/bluechi/agent.conf.d/zz-test.conf");
        await File.WriteAllTextAsync(conf, "[bluechi-agent]\nNodeName=qm.ecu01\n", TestContext.Current.CancellationToken);
        await site.NodeAsync("RestartUnit", "qm.service", "replace");
        await site.SeenAsync("JobRemoved 1 job/1 ecu1 qm.service done");
        Assert.False(site.BlueChi.IsOnline("qm.ecu1"));

        File.Delete(conf);
        await site.NodeAsync("RestartUnit", "qm.service", "replace");
        await site.SeenAsync("Status node/qm_2eecu1 online");
    }

    private static async Task<IReadOnlyList<string>> AfterAsync(Task first, Task<IReadOnlyList<string>> then)
    {
        await first;
        return await then;
    }

    [Fact]
    public async Task FrozenAgent_WithHeartbeats_IsDroppedAndComesBackWhenItGoesOn()
    {
        await using var site = await TestSite.StartAsync(new(TimeSpan.FromMilliseconds(100), TimeSpan.FromSeconds(1)));
        site.BlueChi.Freeze("ecu1");
        await site.SeenAsync("Status node/ecu1 offline");
        Assert.Equal("online", await site.PropertyAsync("node/qm_2eecu1", "Node", "Status"));
        site.BlueChi.Thaw("ecu1");
        await site.SeenAsync("Status node/ecu1 online");
    }

    [Fact]
    public async Task CutWithDataInFlight_WithHeartbeats_IsNoticed()
    {
        await using var site = await TestSite.StartAsync(new(TimeSpan.FromMilliseconds(100), TimeSpan.FromSeconds(1)));
        site.BlueChi.Cut("ecu1", dataInFlight: true);
        await site.SeenAsync("Status node/ecu1 offline");
        site.BlueChi.Heal("ecu1");
        await site.SeenAsync("Status node/ecu1 online");
    }
}
