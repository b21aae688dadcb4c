using Qm.Fleet.Core.Environments;
using Xunit;

namespace Qm.Fleet.Core.Tests.Environments;

[Trait("Requirement", "QMF-CORE-004")]
public sealed class AgentConfParserTests
{
    [Theory]
    [InlineData("ControllerHost", "10.88.0.1")]
    [InlineData("ControllerHost", "fd00::1")]
    [InlineData("ControllerHost", "ecu-main.vehicle")]
    [InlineData("ControllerPort", "842")]
    [InlineData("ControllerPort", "65535")]
    [InlineData("ControllerAddress", "unix:path=/run/bluechi/bluechi.sock")]
    [InlineData("ControllerAddress", "tcp:host=10.88.0.1,port=842")]
    [InlineData("ControllerAddress", "unix:path=/run/bluechi.sock;tcp:host=10.88.0.1,port=842")]
    [InlineData("HeartbeatInterval", "2000")]
    [InlineData("ControllerHeartbeatThreshold", "0")]
    [InlineData("LogLevel", "WARN")]
    [InlineData("LogTarget", "stderr-full")]
    [InlineData("LogIsQuiet", "off")]
    [InlineData("TCPKeepAliveCount", "127")]
    public void Parse_SettingThatBlueChiReads_IsTaken(string key, string value) => Assert.Empty(Problems(key, value));

    [Theory]
    [InlineData("ControllerPort", "65536", "is not a whole number from 0 to 65535")]
    [InlineData("ControllerPort", "-1", "is not a whole number")]
    [InlineData("HeartbeatInterval", "2s", "without a unit")]
    [InlineData("HeartbeatInterval", "", "is not a whole number")]
    [InlineData("TCPKeepAliveTime", "32768", "from 0 to 32767")]
    [InlineData("TCPKeepAliveCount", "128", "from 0 to 127")]
    [InlineData("LogLevel", "debug", "is none of DEBUG, INFO, WARN, ERROR")]
    [InlineData("LogIsQuiet", "1", "is none of true, false")]
    [InlineData("LogTarget", "syslog", "is none of journald")]
    [InlineData("ControllerHost", "", "is not a host name")]
    [InlineData("ControllerHost", "a b", "is not a host name")]
    [InlineData("ControllerHost", "a ;b", "is not a host name")]
    [InlineData("ControllerAddress", "", "is not an address")]
    [InlineData("ControllerAddress", "/run/bluechi.sock", "is not an address")]
    [InlineData("ControllerAddress", "unix:path=run/bluechi.sock", "is not an address")]
    [InlineData("ControllerAddress", "unix:path=/run/a b", "is not an address")]
    [InlineData("ControllerAddress", "tcp:host=10.88.0.1", "is not an address")]
    [InlineData("ControllerAddress", "tcp:port=842", "is not an address")]
    [InlineData("ControllerAddress", "tcp:host=10.88.0.1,port=0", "is not an address")]
    [InlineData("ControllerAddress", "ssh:host=10.88.0.1", "is not an address")]
    [InlineData("AllowedNodeNames", "ecu1", "not a key of agent.conf")]
    [InlineData("nodename", "ecu1", "not a key of agent.conf")]
    [InlineData("LogLevel", "INFO\nNodeName=x", "control character")]
    public void Parse_SettingThatBlueChiWouldMisread_SaysWhatIsWrong(string key, string value, string reason)
    {
        var problem = Assert.Single(Problems(key, value));

        Assert.Equal(($"spec.environment.bluechi.qm.{key}", null), (problem.Path, problem.Rule));
        Assert.Contains(reason, problem.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("ControllerHost", "localhost")]
    [InlineData("ControllerHost", "LocalHost.")]
    [InlineData("ControllerHost", "127.0.0.1")]
    [InlineData("ControllerHost", "127.1")]
    [InlineData("ControllerHost", "::1")]
    [InlineData("ControllerHost", "[::1]")]
    [InlineData("ControllerHost", "::ffff:127.0.0.1")]
    [InlineData("ControllerHost", "0.0.0.0")]
    [InlineData("ControllerAddress", "tcp:host=127.0.0.1,port=842")]
    [InlineData("ControllerAddress", "tcp:port=842,host=localhost")]
    [InlineData("ControllerAddress", "tcp:host=127%2e0%2e0%2e1,port=842")]
    [InlineData("ControllerAddress", "unix:path=/run/bluechi.sock;tcp:host=::1,port=842")]
    [InlineData("ControllerAddress", "unix:abstract=bluechi")]
    [Trait("Requirement", "QMF-LINK-002")]
    public void Parse_AddressThatMeansQmItself_NamesTheRule(string key, string value) =>
        Assert.Equal(Rules.UnreachableAddress, Assert.Single(Problems(key, value)).Rule);

    [Fact]
    public void Parse_NodeName_IsDerivedAndNotASetting() => Assert.Equal(Rules.OwnedElsewhere, Assert.Single(Problems("NodeName", "qm.ecu1")).Rule);

    [Fact]
    public void Parse_HeartbeatThatStopsReconnecting_IsRefused() => Assert.Equal(Rules.LinkSafety, Assert.Single(Problems("HeartbeatInterval", "0")).Rule);

    [Theory]
    [InlineData(500, true)]
    [InlineData(501, false)]
    public void Parse_Line_HasAtMost500Bytes(int length, bool taken) =>
        Assert.Equal(taken, Problems("ControllerHost", new string('a', length - "ControllerHost=".Length)).Count == 0);

    [Fact]
    public void Parse_SeveralSettings_AreSorted() =>
        Assert.Equal(
            ["ControllerHost", "ControllerPort"],
            Manifest.Checked(Manifest.Environment() with { QmAgent = Manifest.Map(("ControllerPort", "842"), ("ControllerHost", "10.88.0.1")) }).QmAgent.Keys);

    [Theory]
    [InlineData("ControllerAddress", "unix:abstract=bluechi")]
    [InlineData("ControllerAddress", "tcp:host=127.0.0.1,port=842")]
    [InlineData("ControllerHost", "localhost")]
    [InlineData("HeartbeatInterval", "500")]
    [Trait("Requirement", "QMF-LINK-002")]
    public void Parse_HostsAgent_MayUseWhatIsTheHosts(string key, string value) => Assert.Empty(HostProblems(key, value));

    [Theory]
    [InlineData("NodeName", "ecu2", Rules.LinkSafety)]
    [InlineData("HeartbeatInterval", "00", Rules.LinkSafety)]
    [InlineData("ControllerPort", "84200", null)]
    [InlineData("ControllerAddress", "unix:abstract=", null)]
    [InlineData("AllowedNodeNames", "ecu1", null)]
    public void Parse_HostsAgent_IsCheckedAsQmsIs(string key, string value, string? rule)
    {
        var problem = Assert.Single(HostProblems(key, value));

        Assert.Equal(($"spec.environment.bluechi.host.{key}", rule), (problem.Path, problem.Rule));
    }

    private static IReadOnlyList<Problem> HostProblems(string key, string value) =>
        Manifest.Problems(Manifest.Environment() with { HostAgent = Manifest.Map((key, value)) });

    private static IReadOnlyList<Problem> Problems(string key, string value) =>
        Manifest.Problems(Manifest.Environment() with { QmAgent = Manifest.Map((key, value)) });
}
