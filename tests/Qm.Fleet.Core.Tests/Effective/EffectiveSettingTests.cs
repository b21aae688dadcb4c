using System.Collections.Immutable;
using System.Text;
using Qm.Fleet.Core.BlueChiConf;
using Qm.Fleet.Core.Effective;
using Qm.Fleet.Core.Environments;
using Qm.Fleet.Core.Resources;
using Qm.Fleet.Core.Revisions;
using Xunit;

namespace Qm.Fleet.Core.Tests.Effective;

[Trait("Requirement", "QMF-EFFECT-001")]
public sealed class EffectiveSettingTests
{
    private const string Owned = "/etc/bluechi/agent.conf.d/zz-qm-fleet.conf";

    [Fact]
    public void OfAgent_SeveralFiles_TellsWhatEachSetsTheStrongestFirst()
    {
        var conf = AgentConf.Merge(
            File("/usr/share/bluechi-agent/config/agent.conf", "HeartbeatInterval=0"), File("/etc/bluechi/agent.conf", "NodeName=ecu1\nHeartbeatInterval=500"),
            [File(Owned, "HeartbeatInterval=1000"), File("/etc/bluechi/agent.conf.d/agent.conf", "HeartbeatInterval=700")]);
        var settings = EffectiveSetting.OfAgent(
            ConfigurationOf.HostAgent, conf, path => ConfigurationLayers.OfFile(path, path.StartsWith("/usr/", StringComparison.Ordinal), path == Owned)).ToDictionary(setting => setting.Key);

        Assert.Equal(["HeartbeatInterval", "NodeName"], settings.Keys.Order(StringComparer.Ordinal));
        Assert.Equal("1000", settings["HeartbeatInterval"].Value);
        Assert.Equal(
            [
                ("1000", ConfigurationLayer.Fleet, true, 2), ("700", ConfigurationLayer.DropIn, false, 2), ("500", ConfigurationLayer.Main, false, 3), ("0", ConfigurationLayer.Vendor, false, 2),
            ],
            settings["HeartbeatInterval"].Chain.Select(assignment => (assignment.Value, assignment.Layer, assignment.Counts, assignment.Line)));
    }

    [Theory]
    [InlineData("/usr/share/containers/systemd/qm.container", ConfigurationLayer.Vendor)]
    [InlineData("/usr/share/containers/systemd/container.d/10-a.conf", ConfigurationLayer.VendorDropIn)]
    [InlineData("/etc/containers/systemd/qm.container", ConfigurationLayer.Main)]
    [InlineData("/run/containers/systemd/qm.container.d/10-a.conf", ConfigurationLayer.DropIn)]
    [InlineData("/run/systemd/generator/qm.service", ConfigurationLayer.Generator)]
    [InlineData("/etc/systemd/system/qm.service", ConfigurationLayer.Main)]
    [InlineData("/usr/lib/systemd/system/service.d/10-a.conf", ConfigurationLayer.UnitDropIn)]
    [InlineData("/etc/systemd/system.control/qm.service.d/50-a.conf", ConfigurationLayer.Control)]
    [InlineData("/run/systemd/system.control/qm.service.d/50-a.conf", ConfigurationLayer.RuntimeControl)]
    public void OfUnit_WhereAFileLies_IsItsLayer(string path, ConfigurationLayer layer)
    {
        Assert.Equal(layer, ConfigurationLayers.OfUnit(path, isOwned: false));
        Assert.Equal(ConfigurationLayer.Fleet, ConfigurationLayers.OfUnit(path, isOwned: true));
    }

    [Theory]
    [InlineData(ConfigurationOf.Unit, "MemoryHigh", "1536M")]
    [InlineData(ConfigurationOf.Unit, "5", "")]
    [InlineData(ConfigurationOf.Unit, "MemoryMax", "")]
    [InlineData(ConfigurationOf.Unit, "OOMScoreAdjust", "550")]
    [InlineData(ConfigurationOf.HostAgent, "HeartbeatInterval", "2000")]
    [InlineData(ConfigurationOf.HostAgent, "NodeName", "")]
    [InlineData(ConfigurationOf.QmAgent, "HeartbeatInterval", "")]
    [InlineData(ConfigurationOf.QmAgent, "NodeName", "qm.ecu1")]
    [InlineData(ConfigurationOf.Containers, "oom_score_adj", "800")]
    public void Find_WhatARevisionWants_IsInTheManifestsWords(ConfigurationOf subject, string key, string wanted)
    {
        var environment = new FleetEnvironment
        {
            Resources = ImmutableSortedDictionary<ResourceProperty, ResourceValue>.Empty.Add(ResourceProperty.MemoryHigh, new ResourceValue.Bytes(1536UL << 20)),
            Oom = new(550, 800, ImmutableSortedDictionary<string, int>.Empty),
            HostAgent = ImmutableSortedDictionary<string, string>.Empty.Add("HeartbeatInterval", "2000"),
        };

        Assert.Equal(wanted, WantedSetting.Find(RevisionRenderer.Render("41d07be9", environment, "ecu1"), subject, key));
    }

    private static ConfFile File(string path, string lines) => new(path, Encoding.UTF8.GetBytes($"[bluechi-agent]\n{lines}\n"));
}
