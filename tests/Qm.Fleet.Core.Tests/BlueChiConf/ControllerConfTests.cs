using System.Text;
using Qm.Fleet.Core.BlueChiConf;
using Xunit;

namespace Qm.Fleet.Core.Tests.BlueChiConf;

[Trait("Requirement", "QMF-LINK-001")]
public sealed class ControllerConfTests
{
    [Theory]
    [InlineData("[bluechi-controller]\nAllowedNodeNames=ecu1,qm.ecu1", "ecu1,qm.ecu1")]
    [InlineData("[bluechi-controller]\nAllowedNodeNames=ecu1,\n   qm.ecu1", "ecu1,qm.ecu1")]
    [InlineData("[bluechi-controller]\nAllowedNodeNames=ecu1,\nAllowedNodeNames=qm.ecu1", "ecu1,qm.ecu1")]
    [InlineData("[bluechi-controller]\nAllowedNodeNames=ecu1, qm.ecu1", "ecu1")]
    [InlineData("[bluechi-controller]\nAllowedNodeNames=ecu1\nAllowedNodeNames=qm.ecu1", "")]
    [InlineData("[bluechi-agent]\nAllowedNodeNames=ecu1", "")]
    [InlineData("[node ecu1]\nAllowed=true\n[node qm.ecu1]\nAllowed=ON", "ecu1,qm.ecu1")]
    [InlineData("[node ecu1]\nAllowed=1\n[node qm.ecu1]\nAllowDependenciesOn=ecu1", "")]
    [InlineData("[node ecu1]\nAllowed=true\nAllowed=x", "")]
    public void Allows_NamesOfOneFile_IsAsBlueChiReadsThem(string text, string allowed)
    {
        var conf = Merge(("a.conf", text));

        Assert.Equal(allowed, string.Join(',', ((string[])["ecu1", "qm.ecu1"]).Where(conf.Allows)));
    }

    // The list of a later file is the list; what has a section of its own stays.
    [Fact]
    public void Allows_ListOfALaterFile_ReplacesTheEarlier()
    {
        var conf = Merge(("a.conf", "[bluechi-controller]\nAllowedNodeNames=ecu1\n[node ecu2]\nAllowed=yes"), ("b.conf", "[bluechi-controller]\nAllowedNodeNames=ecu3"));

        Assert.Equal([false, true, true], ((string[])["ecu1", "ecu2", "ecu3"]).Select(conf.Allows));
        Assert.Equal(["ecu3"], conf.AllowedNodeNames);
    }

    [Fact]
    public void Allows_ControllerThatDoesNotStart_IsNobody()
    {
        var conf = Merge(("a.conf", "[bluechi-controller]\nAllowedNodeNames=ecu1\njunk"));

        Assert.False(conf.Allows("ecu1"));
        Assert.Contains("line 3 of /etc/bluechi/controller.conf.d/a.conf", conf.Settings.FatalBecause, StringComparison.Ordinal);
    }

    private static ControllerConf Merge(params (string Name, string Text)[] dropIns) => ControllerConf.Merge(
        null, null, dropIns.Select(file => new ConfFile($"/etc/bluechi/controller.conf.d/{file.Name}", Encoding.UTF8.GetBytes(file.Text))));
}
