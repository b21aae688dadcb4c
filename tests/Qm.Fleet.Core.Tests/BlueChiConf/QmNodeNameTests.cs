using System.Text;
using System.Text.RegularExpressions;
using Qm.Fleet.Core.BlueChiConf;
using Qm.Fleet.Core.Environments;
using Qm.Fleet.Core.Revisions;
using Xunit;

namespace Qm.Fleet.Core.Tests.BlueChiConf;

/// <summary>What QM's <c>setup</c> makes of a host's file, and what the file of a revision makes of that.</summary>
[Trait("Requirement", "QMF-LINK-002")]
public sealed partial class QmNodeNameTests
{
    private const string HostName = "vm7";
    private const string ContainerId = "0123456789ab";

    // The host's line; the name the host's agent registers; the name QM's agent registers after setup alone, null where it does not start.
    [Theory]
    [InlineData("NodeName=host1", "host1", "qm.host1")]
    [InlineData("#NodeName=host1", HostName, ContainerId)]
    [InlineData("# NodeName=host1\nNodeName=host2", "host2", "qm.host2")]
    [InlineData(" NodeName = host1", "host1", "host1")]
    [InlineData("NodeName = host1", "host1", "host1")]
    [InlineData("NodeName: host1", "host1", "host1")]
    [InlineData("NodeName=qm.host1", "qm.host1", "qm.qm.host1")]
    [InlineData("NodeName=host1 ; the first", "host1", "qm.host1")]
    [InlineData("ControllerHost=10.0.0.1\n NodeName=host1", HostName, ContainerId)]
    [InlineData("NodeName=ho\nNodeName=st1", "host1", "qm.hoqm.st1")]
    [InlineData("", HostName, ContainerId)]
    [InlineData(null, HostName, "qm." + HostName)]
    public void Render_WhateverSetupDerived_IsQmAndTheHostsName(string? hostLines, string host, string? afterSetup)
    {
        var hostFile = hostLines is null ? null : $"[bluechi-agent]\n{hostLines}\n";
        var setup = Setup(hostFile);

        Assert.Equal(host, NodeName(HostName, ("agent.conf", hostFile)));
        Assert.Equal(afterSetup, NodeName(ContainerId, ("agent.conf", setup)));
        Assert.Equal("qm." + host, NodeName(ContainerId, ("agent.conf", setup), ("zz-qm-fleet.conf", Rendered(host))));
    }

    // The agent of such a host does not start, so no node of any name is there to be given a file; setup alone would have derived a good one.
    [Fact]
    public void NodeName_EmptyOnTheHost_IsTheHostNameInsideQmAndNoneOnTheHost()
    {
        const string hostFile = "[bluechi-agent]\nNodeName=\n";

        Assert.Null(NodeName(HostName, ("agent.conf", hostFile)));
        Assert.Equal("qm." + HostName, NodeName(ContainerId, ("agent.conf", Setup(hostFile))));
    }

    // Digits sort before letters, so the place counts.
    [Theory]
    [InlineData("99-fleet.conf", "qm.stale")]
    [InlineData("ZZ-fleet.conf", "qm.stale")]
    [InlineData("zz-qm-fleet.conf", "qm.host1")]
    public void Render_FileLeftByAnEarlierSetup_IsOverriddenOnlyFromBehindIt(string name, string expected) =>
        Assert.Equal(expected, NodeName(ContainerId, ("agent.conf", "[bluechi-agent]\nNodeName=qm.stale\n"), (name, Rendered("host1"))));

    [Fact]
    public void Render_SettingsOfBothAgents_AreReadBackByTheAgentsThemselves()
    {
        var revision = RevisionRenderer.Render("r1", Environments.Manifest.Checked(Environments.Manifest.Environment() with
        {
            HostAgent = Environments.Manifest.Map(("ControllerAddress", "tcp:host=127.0.0.1,port=842"), ("HeartbeatInterval", "500")),
            QmAgent = Environments.Manifest.Map(("ControllerHost", "fd00::1"), ("ControllerPort", "8420")),
        }), "ecu1");

        var host = Merge(("zz-qm-fleet.conf", revision.Find(new(OwnedFileKind.HostBlueChiAgentConf, ""))!.Content));
        var qm = Merge(("zz-qm-fleet.conf", revision.Find(new(OwnedFileKind.QmBlueChiAgentConf, ""))!.Content));

        Assert.Equal(("tcp:host=127.0.0.1,port=842", "500"), (host.Address, host.Settings.Values["HeartbeatInterval"].Value));
        Assert.DoesNotContain("NodeName", host.Settings.Values.Keys);
        Assert.Equal(("tcp:host=fd00::1,port=8420", "qm.ecu1"), (qm.Address, qm.NodeName(ContainerId)));
    }

    [Fact]
    public void Render_NothingSaidOfTheHostsAgent_LeavesItAlone() =>
        Assert.Null(RevisionRenderer.Render("r1", new FleetEnvironment(), "ecu1").Find(new(OwnedFileKind.HostBlueChiAgentConf, "")));

    private static string Rendered(string host) =>
        RevisionRenderer.Render("r1", new FleetEnvironment(), host).Find(new(OwnedFileKind.QmBlueChiAgentConf, ""))!.Content;

    private static string? NodeName(string hostName, params (string Name, string? Text)[] dropIns) => Merge(dropIns).NodeName(hostName);

    private static AgentConf Merge(params (string Name, string? Text)[] dropIns) => AgentConf.Merge(null, null, dropIns
        .Where(dropIn => dropIn.Text is not null).Select(dropIn => new ConfFile($"/etc/bluechi/agent.conf.d/{dropIn.Name}", Encoding.UTF8.GetBytes(dropIn.Text!))));

    // What setup does to the host's agent.conf.d/agent.conf, line by line.
    private static string Setup(string? hostFile) => hostFile is null
        ? $"[bluechi-agent]\nNodeName=qm.{HostName}\n"
        : EmptyName().Replace(NodeNameAtStart().Replace(hostFile, "NodeName=qm."), $"NodeName=qm.{HostName}");

    [GeneratedRegex("^NodeName=", RegexOptions.Multiline)]
    private static partial Regex NodeNameAtStart();

    [GeneratedRegex("^NodeName=(qm\\.)?$", RegexOptions.Multiline)]
    private static partial Regex EmptyName();
}
