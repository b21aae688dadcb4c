using System.Text;
using CsCheck;
using Qm.Fleet.Core.BlueChiConf;
using Xunit;

namespace Qm.Fleet.Core.Tests.BlueChiConf;

[Trait("Requirement", "QMF-LINK-001")]
public sealed class EffectiveConfTests
{
    [Fact]
    public void Merge_DropIns_TheLastInByteOrderWinsAndSaysWhereItStands()
    {
        var conf = Merge("A=vendor\nB=1", "A=main", ("99-fleet.conf", "A=99"), ("zz-qm-fleet.conf", "A=zz"), ("agent.conf", "A=setup"), ("ZZ.conf", "A=ZZ"), ("zzz", "A=no"));

        Assert.Equal(("zz", "/etc/bluechi/agent.conf.d/zz-qm-fleet.conf", 2), (conf.Values["A"].Value, conf.Values["A"].Path, conf.Values["A"].Line));
        Assert.Equal(["agent.conf", "ZZ.conf", "99-fleet.conf", "agent.conf", "agent.conf"], conf.Values["A"].Overridden.Select(lost => lost.Path[(lost.Path.LastIndexOf('/') + 1)..]));
        Assert.Equal("/usr/share/bluechi-agent/config/agent.conf", conf.Values["B"].Path);
    }

    [Fact]
    public void Merge_KeyOfALaterFile_ReplacesAndIsNotAppended() =>
        Assert.Equal("cd", Merge("A=a\nA=b", null, ("x.conf", "A=c\n d")).Values["A"].Value);

    [Fact]
    public void Merge_DamagedDropIn_IsLeftOutWholeAndTold()
    {
        var conf = Merge("A=1", null, ("a.conf", "A=2\njunk\nB=3"), ("b.conf", "C=4"));

        Assert.Equal("A=1,C=4", string.Join(',', conf.Values.Select(pair => $"{pair.Key}={pair.Value.Value}")));
        Assert.Contains("line 3 of /etc/bluechi/agent.conf.d/a.conf", Assert.Single(conf.Ignored), StringComparison.Ordinal);
        Assert.Null(conf.FatalBecause);
    }

    [Theory]
    [InlineData("junk", null, "A=1", "config/agent.conf")]
    [InlineData("A=1", "junk", "A=1", "/etc/bluechi/agent.conf")]
    [InlineData("A=1", null, "junk", "agent.conf.d/z.conf")]
    public void Merge_DamagedFileThatCounts_EndsTheProgram(string vendor, string? main, string last, string path)
    {
        var conf = Merge(vendor, main, ("a.conf", "A=1"), ("z.conf", last));

        Assert.Contains(path, conf.FatalBecause, StringComparison.Ordinal);
        Assert.Null(new AgentConf(conf).NodeName("host"));
    }

    [Theory]
    [InlineData("", "vm", "tcp:host=127.0.0.1,port=842")]
    [InlineData("NodeName=ecu1\nControllerHost=10.0.0.1\nControllerPort=8420", "ecu1", "tcp:host=10.0.0.1,port=8420")]
    [InlineData("NodeName=", null, "tcp:host=127.0.0.1,port=842")]
    [InlineData("ControllerHost=10.0.0.1\nControllerAddress=unix:path=/run/bluechi/bluechi.sock", "vm", "unix:path=/run/bluechi/bluechi.sock")]
    public void AgentConf_Settings_AreCompletedAsTheAgentDoes(string lines, string? nodeName, string address)
    {
        var conf = new AgentConf(Merge("", null, ("a.conf", lines)));

        Assert.Equal((nodeName, address), (conf.NodeName("vm"), conf.Address));
    }

    // Reading one after the other, by hand.
    [Fact]
    public void Merge_AnyWholeFiles_IsTheLastOfEachKey() =>
        Gen.Dictionary(Gen.OneOf("10-a.conf", "agent.conf", "zz.conf", "ä.conf"), ConfText.File.Where(text => IniFile.Parse(Bytes(text)).ErrorLine is null))[0, 4].Sample(files =>
        {
            var expected = new SortedDictionary<string, string>(StringComparer.Ordinal);
            foreach (var (_, text) in files.OrderBy(file => file.Key, StringComparer.Ordinal))
            {
                foreach (var (key, value, _) in IniFile.Parse(Bytes("[bluechi-agent]\n" + text)).Section("bluechi-agent"))
                {
                    expected[key] = value;
                }
            }

            var conf = Merge(null, null, [.. files.Reverse().Select(file => (file.Key, file.Value))]);

            Assert.Null(conf.FatalBecause);
            Assert.Equal(expected, conf.Values.ToDictionary(pair => pair.Key, pair => pair.Value.Value));
        });

    internal static EffectiveConf Merge(string? vendor, string? main, params (string Name, string Lines)[] dropIns) => EffectiveConf.Merge(
        "bluechi-agent", File("/usr/share/bluechi-agent/config/agent.conf", vendor), File("/etc/bluechi/agent.conf", main),
        dropIns.Select(dropIn => File($"/etc/bluechi/agent.conf.d/{dropIn.Name}", dropIn.Lines)!));

    private static ConfFile? File(string path, string? lines) => lines is null ? null : new(path, Bytes("[bluechi-agent]\n" + lines));

    private static byte[] Bytes(string text) => Encoding.UTF8.GetBytes(text);
}
