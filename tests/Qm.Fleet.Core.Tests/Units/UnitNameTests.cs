using Qm.Fleet.Core.Units;
using Xunit;

namespace Qm.Fleet.Core.Tests.Units;

[Trait("Requirement", "QMF-CORE-001")]
public sealed class UnitNameTests
{
    [Theory]
    [InlineData("qm.service")]
    [InlineData("vehicle-parked.target")]
    [InlineData("getty@tty1.service")]
    [InlineData("dev-disk-by\\x2dlabel.device")]
    [InlineData("a..service")]
    public void IsValid_NameThatSystemdTakes_IsTrue(string name) => Assert.True(UnitName.IsValid(name, out _));

    [Theory]
    [InlineData("")]
    [InlineData("qm")]
    [InlineData(".service")]
    [InlineData("qm.container")]
    [InlineData("@.service")]
    [InlineData("@tty1.service")]
    [InlineData("../qm.service")]
    [InlineData("q m.service")]
    [InlineData("qm.service\n")]
    [InlineData("qm\u00e4.service")]
    public void IsValid_NameThatSystemdRefuses_SaysWhyWithoutControlCharacters(string name)
    {
        Assert.False(UnitName.IsValid(name, out var problem));
        Assert.DoesNotContain(problem, char.IsControl);
    }

    [Theory]
    [InlineData(255, true)]
    [InlineData(256, false)]
    public void IsValid_Length_IsBoundedAsInSystemd(int length, bool valid) =>
        Assert.Equal(valid, UnitName.IsValid(new string('a', length - ".service".Length) + ".service", out _));

    [Theory]
    [InlineData("getty@.service", true)]
    [InlineData("getty@tty1.service", false)]
    [InlineData("getty.service", false)]
    public void IsTemplate_Name_TellsTemplatesFromInstances(string name, bool template) => Assert.Equal(template, UnitName.IsTemplate(name));

    [Theory]
    [InlineData("radio")]
    [InlineData("r")]
    [InlineData("0-media.player_2")]
    [InlineData("system")]
    public void IsValidWorkload_PlainName_IsTrue(string name) => Assert.True(UnitName.IsValidWorkload(name, out _));

    [Theory]
    [InlineData("")]
    [InlineData("Radio")]
    [InlineData("-radio")]
    [InlineData("radio.")]
    [InlineData("..")]
    [InlineData("a/b")]
    [InlineData("radio@1")]
    [InlineData("radio\n")]
    public void IsValidWorkload_NameThatIsNoFileName_SaysWhy(string name)
    {
        Assert.False(UnitName.IsValidWorkload(name, out var problem));
        Assert.DoesNotContain(problem, char.IsControl);
    }

    [Theory]
    [InlineData("bluechi-agent")]
    [InlineData("dbus")]
    [InlineData("dbus-broker")]
    [InlineData("dbus-org.freedesktop.login1")]
    [InlineData("podman")]
    [InlineData("podman-restart")]
    [InlineData("qm")]
    [InlineData("systemd-journald")]
    public void IsValidWorkload_UnitOfQmsOwnSystem_IsRefused(string name)
    {
        Assert.False(UnitName.IsValidWorkload(name, out var problem));
        Assert.Contains($"{name}.service of QM's own operating system", problem, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(63, true)]
    [InlineData(64, false)]
    public void IsValidWorkload_Length_IsAtMost63(int length, bool valid) =>
        Assert.Equal(valid, UnitName.IsValidWorkload(new string('a', length), out _));
}
