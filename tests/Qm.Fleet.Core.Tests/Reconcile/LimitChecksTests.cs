using System.Collections.Immutable;
using Qm.Fleet.Core.Environments;
using Qm.Fleet.Core.Reconcile;
using Qm.Fleet.Core.Resources;
using Qm.Fleet.Core.Revisions;
using Xunit;

namespace Qm.Fleet.Core.Tests.Reconcile;

[Trait("Requirement", "QMF-CORE-006")]
public sealed class LimitChecksTests
{
    private static readonly NodeEvidence Evidence = new()
    {
        StagedRevision = "",
        Revision = "a",
        Confirmed = false,
        Files = new Dictionary<OwnedFileId, FileEvidence>(),
        Effective = new Dictionary<string, string>(),
        Cgroup = new Dictionary<string, string> { ["io.max"] = "8:0 rbps=50000000 wbps=max riops=max wiops=max\n8:16 rbps=20000000 wbps=max riops=max wiops=max" },
        Oom = new(0, 500, 492, 750, [], []),
        Machine = new(8L << 30, 32768) { Disks = new Dictionary<string, string> { ["/dev/sda"] = "8:0", ["/dev/sdb"] = "8:16" } },
        RetiredWorkloads = [],
        RetiredProperties = [],
    };

    [Fact]
    public void LimitsToSet_DeviceThatIsNoLongerNamed_IsLiftedByItsPathAndTheOthersStay() =>
        Assert.Equal(
            ["IOReadBandwidthMax=/dev/sda 50M, /dev/sdb infinity"],
            ToSet(Revision(("IOReadBandwidthMax", "/dev/sda 50M")), Evidence with { RetiredProperties = ["IOReadBandwidthMax=/dev/sdb"] }));

    [Fact]
    public void LimitsToSet_KeyThatIsGone_GoesBackToWhatTheNodesOwnFilesSay() =>
        Assert.Equal(
            ["IOReadBandwidthMax=/dev/sda 80M, /dev/sdb infinity"],
            ToSet(Revision(), Evidence with
            {
                RetiredProperties = ["IOReadBandwidthMax=/dev/sda", "IOReadBandwidthMax=/dev/sdb"],
                Effective = new Dictionary<string, string> { ["IOReadBandwidthMax"] = "/dev/sda 80M, /dev/sdc 1M" },
            }));

    [Fact]
    public void LimitsToSet_DevicesThatNobodyNames_AreLeftToTheNode() => Assert.Empty(ToSet(Revision(("IOReadBandwidthMax", "/dev/sda 50M")), Evidence));

    [Theory]
    [InlineData("kill", CheckResult.Pass)]
    [InlineData("auto", CheckResult.Fail)]
    [InlineData(null, CheckResult.Unreadable)]
    public void Evaluate_SettingForSystemdOomd_IsWhatSystemdSays(string? said, CheckResult expected)
    {
        var evidence = said is null ? Evidence : Evidence with { ManagedOom = ImmutableDictionary<string, string>.Empty.Add("ManagedOOMSwap", said) };

        var check = Assert.Single(NodeChecks.Evaluate(Revision(("ManagedOOMSwap", "kill")), evidence), check => check.Name == "ManagedOOMSwap");

        Assert.Equal((expected, said ?? ""), (check.Result, check.Found));
    }

    [Fact]
    public void LimitsToSet_SettingForSystemdOomdThatIsGone_GoesBackToTheVendors() =>
        Assert.Equal(
            ["ManagedOOMSwap=kill", "ManagedOOMPreference=none"],
            ToSet(Revision(), Evidence with
            {
                RetiredProperties = ["ManagedOOMSwap", "ManagedOOMPreference"],
                Effective = new Dictionary<string, string> { ["ManagedOOMSwap"] = "kill" },
                ManagedOom = new Dictionary<string, string> { ["ManagedOOMSwap"] = "auto", ["ManagedOOMPreference"] = "omit" },
            }));

    // What systemd says of the mark may be ahead of the cgroup, so the agent extension's word is the one that counts.
    [Fact]
    public void With_UnitThatWasRead_AddsWhatSystemdSaysAndKeepsWhatTheNodeShows()
    {
        var unit = new UnitReading("loaded", "active", "running", "success", "", 1, 500, 0)
        {
            ManagedOom = ImmutableSortedDictionary<string, string>.Empty.Add("ManagedOOMSwap", "kill").Add("ManagedOOMPreference", "omit"),
        };

        var merged = (Evidence with { ManagedOom = new Dictionary<string, string> { ["ManagedOOMPreference"] = "none" } }).With(unit);

        Assert.Equal(("kill", "none"), (merged.ManagedOom["ManagedOOMSwap"], merged.ManagedOom["ManagedOOMPreference"]));
    }

    // A real systemd 257 kept a lifted device with "max" for everything, and wrote that after the limits of the disk's other name.
    [Fact]
    public void Calls_OfALimitThatIsLifted_HaveSystemdForgetTheDevice() =>
        Assert.Equal(
            [
                "Node(ecu1).SetUnitProperties qm.service IOReadBandwidthMax=/dev/sda infinity", "Node(ecu1).Reload",
                "Node(ecu1).SetUnitProperties qm.service IOReadBandwidthMax=/dev/sda 5000",
            ],
            Calls("/dev/sda infinity").Concat(Calls("/dev/sda 5K")));

    private static IEnumerable<string> Calls(string text) => NodeCall.Of(
        new NodeStep.SetLimits([.. LiveProperty.Of(Limits(("IOReadBandwidthMax", text)).ToArray(), Evidence.Machine)], ""), "ecu1").Select(call => call.ToString());

    private static IEnumerable<string> ToSet(RenderedRevision revision, NodeEvidence evidence) => NodeChecks.LimitsToSet(revision, evidence).Select(limit => $"{limit.Key}={limit.Value}");

    private static ImmutableSortedDictionary<ResourceProperty, ResourceValue> Limits(params (string Key, string Value)[] limits) => Revision(limits).Environment.Resources;

    private static RenderedRevision Revision(params (string Key, string Value)[] limits) => RevisionRenderer.Render(
        "a", Environments.Manifest.Checked(new EnvironmentManifest { RootfsPreinstalled = true, Resources = Environments.Manifest.Map(limits) }), "ecu1");
}
