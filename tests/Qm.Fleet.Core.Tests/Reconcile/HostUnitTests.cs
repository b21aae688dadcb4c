using Qm.Fleet.Core.Reconcile;
using Xunit;

namespace Qm.Fleet.Core.Tests.Reconcile;

[Trait("Requirement", "QMF-ASIL-001")]
public sealed class HostUnitTests
{
    [Theory]
    [InlineData("*.service", "exact name")]
    [InlineData("heater?.service", "exact name")]
    [InlineData("heater", "exact name")]
    [InlineData("", "exact name")]
    [InlineData("getty@.service", "template")]
    [InlineData("qm.service", "QM as a whole")]
    [InlineData("bluechi-agent.service", "reached through")]
    [InlineData("qm-fleet-agent.service", "reached through")]
    [InlineData("poweroff.target", "other units")]
    [InlineData("system.slice", "other units")]
    [InlineData("init.scope", "other units")]
    public void Parse_WhatMustNotBeListed_SaysWhy(string unit, string says) =>
        Assert.Contains(says, Assert.Single(HostUnit.Parse(unit, "bench", "").Problems, static problem => problem.Path == "host_unit.unit").Message, StringComparison.Ordinal);

    [Fact]
    public void Parse_WrongInEveryField_NamesAllOfThem() => Assert.Equal(
        ["host_unit.unit", "host_unit.reason", "host_unit.selector"], HostUnit.Parse("*", " ", "zone in").Problems.Select(static problem => problem.Path));

    [Fact]
    public void Parse_OfAReasonThatIsTooLong_IsRefused() =>
        Assert.Equal("host_unit.reason", Assert.Single(HostUnit.Parse("heater.service", new('x', HostUnit.LongestReason + 1), "").Problems).Path);

    [Fact]
    public void IsFor_TheExactNameOnNodesOfItsLabels_AndNothingElse()
    {
        var listed = HostUnit.Parse("heater.service", "bench", "zone=cockpit").Value!;
        var cockpit = new Dictionary<string, string> { ["zone"] = "cockpit" };

        Assert.True(listed.IsFor("heater.service", cockpit));
        Assert.False(listed.IsFor("Heater.service", cockpit));
        Assert.False(listed.IsFor("heater.socket", cockpit));
        Assert.False(listed.IsFor("heater.service", new Dictionary<string, string> { ["zone"] = "rear" }));
        Assert.True(HostUnit.Parse("getty@tty1.service", "bench", "").Value!.IsFor("getty@tty1.service", new Dictionary<string, string>()));
    }
}
