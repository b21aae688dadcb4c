using Qm.Fleet.Core.Environments;
using Qm.Fleet.Core.Revisions;
using Xunit;

namespace Qm.Fleet.Core.Tests.Environments;

[Trait("Requirement", "QMF-CORE-006")]
public sealed class ResourcesParserTests
{
    [Fact]
    public void Render_LimitsOfDevicesAndSettingsForSystemdOomd_StandInTheDropIn() =>
        Assert.Equal(
            [
                "AllowedCPUs=", "AllowedCPUs=2-3", "IOReadBandwidthMax=/dev/sda 50M", "IOReadBandwidthMax=/var/qm infinity", "IOWriteIOPSMax=/dev/sda 1K",
                "ManagedOOMMemoryPressureLimit=60%", "ManagedOOMPreference=avoid",
            ],
            RevisionRenderer.Render("a", Manifest.Checked(Manifest.Environment() with
            {
                OomQm = null,
                Resources = Manifest.Map(("AllowedCPUs", "2-3"), ("ManagedOOMPreference", "avoid"), ("ManagedOOMMemoryPressureLimit", "60%")),
                DeviceResources = Devices(("IOReadBandwidthMax", ["/var/qm infinity", "/dev/sda 50000000"]), ("IOWriteIOPSMax", ["/dev/sda 1K"])),
                OomAsil = new Dictionary<string, int>(),
            }), "ecu1").Files.First(file => file.Id.Kind == OwnedFileKind.QmContainerDropIn).Content.Split('\n')
                .Where(line => line.Contains('=', StringComparison.Ordinal)));

    [Fact]
    [Trait("Requirement", "QMF-CORE-004")]
    public void Parse_WrongDevices_AreAllToldWithTheirPlaces() =>
        Assert.Equal(
            [
                "spec.environment.resources.CPUQuota", "spec.environment.resources.IOReadBandwidthMax[1]", "spec.environment.resources.IOReadBandwidthMax[2]",
                "spec.environment.resources.IOWeight",
            ],
            Manifest.Problems(Manifest.Environment() with
            {
                Resources = Manifest.Map(("CPUQuota", "60")),
                DeviceResources = Devices(("IOReadBandwidthMax", ["/dev/sda 5M", "/dev/sda 6M", "sda 5M"]), ("IOWeight", ["/dev/sda 5"])),
            }).Select(problem => problem.Path));

    [Fact]
    public void Canonical_OrderAndUnitsOfDevices_MakeNoOtherRevisionAndAnotherLimitDoes()
    {
        Assert.Equal(Hash("/dev/sda 50M", "/var/qm 1K"), Hash("/var/qm 1000", "/dev/sda 50000K"));
        Assert.NotEqual(Hash("/dev/sda 50M", "/var/qm 1K"), Hash("/dev/sda 50M", "/var/qm 2K"));
        Assert.NotEqual(Hash("/dev/sda 50M"), Hash("/dev/sda 50M", "/var/qm infinity"));
    }

    private static string Hash(params string[] limits) => Canonical.Hash(Manifest.Checked(Manifest.Environment() with { DeviceResources = Devices(("IOReadBandwidthMax", limits)) }));

    private static Dictionary<string, IReadOnlyList<string>> Devices(params (string Key, string[] Entries)[] devices) =>
        devices.ToDictionary(device => device.Key, IReadOnlyList<string> (device) => device.Entries);
}
