using CsCheck;
using Qm.Fleet.Core.Environments;
using Xunit;

namespace Qm.Fleet.Core.Tests.Environments;

[Trait("Requirement", "QMF-CORE-005")]
public sealed class CanonicalTests
{
    // Each is one thing an environment can say; two say the same exactly when they are equal here.
    private static readonly Gen<Model> Environment = Gen.Select(
        Gen.OneOf("2G", "3G", "50%"), Gen.OneOf("idle", "100"), Gen.Int[1, 3], Gen.OneOf("INFO", "WARN"), Gen.OneOf("a", "a\u00e4", "1:a", "a = 1"), Gen.Bool,
        (memory, weight, scores, level, value, radio) => new Model(memory, weight, scores, level, value, radio));

    [Fact]
    public void Write_Environment_IsSortedLinesThatCannotRunIntoEachOther() =>
        Assert.Equal(
            """
            rootfs = 12:preinstalled
            resources.CPUWeight = 4:idle
            resources.MemoryHigh = 2:2G
            resources.MemoryMax = 2:3G
            oom.qm = 3:500
            oom.nested = 3:750
            oom.asil[brake-control.service] = 5:-1000
            bluechi.qm.ControllerAddress = 35:unix:path=/run/bluechi/bluechi.sock
            workloads[radio] = 0:
            workloads[radio].quadlet.Container.Image = 17:localhost/radio:3

            """,
            Canonical.Write(Manifest.Checked(Manifest.Environment())));

    // Frozen: another text for the same environment would make every node of every fleet move to a "new" revision.
    [Fact]
    public void Hash_KnownEnvironment_NeverChanges() =>
        Assert.Equal("0d09fdce4af7ae51c1b37a9a3a31f20f39571b2aa6ce8a2654941fdf44e8ee2c", Canonical.Hash(Manifest.Checked(Manifest.Environment())));

    [Theory]
    [InlineData("2G", "2048M")]
    [InlineData("1.5G", "1536M")]
    [InlineData("1073741824", "1G")]
    [InlineData("50%", "50.00%")]
    public void Hash_EqualLimitInOtherUnits_IsTheSame(string left, string right) =>
        Assert.Equal(Hash(Manifest.Environment() with { Resources = Manifest.Map(("MemoryMax", left)) }), Hash(Manifest.Environment() with { Resources = Manifest.Map(("MemoryMax", right)) }));

    [Fact]
    public void Hash_AnyOrderOfKeysSectionsAndWorkloads_IsTheSame() =>
        Environment.SelectMany(model => Gen.Select(Gen.Shuffle(model.Resources()), Gen.Shuffle(model.Quadlet()), Gen.Shuffle(new[] { "maps", "store", "radio" }))
            .Select((resources, quadlet, names) => (model, resources, quadlet, names))).Sample((model, resources, quadlet, names) =>
            Assert.Equal(
                Hash(model.ToManifest(model.Resources(), model.Quadlet(), ["maps", "radio", "store"])),
                Hash(model.ToManifest(resources, quadlet, names))));

    [Fact]
    public void Hash_TwoEnvironments_AreTheSameExactlyWhenTheyMeanTheSame() =>
        Gen.Select(Environment, Environment).Sample((left, right) =>
            Assert.Equal(left == right, Hash(left.ToManifest(left.Resources(), left.Quadlet(), ["maps"])) == Hash(right.ToManifest(right.Resources(), right.Quadlet(), ["maps"]))));

    // One change at a time, in every field there is.
    [Fact]
    public void Hash_AnyChangeOfMeaning_IsAnother()
    {
        var environment = Manifest.Environment();
        EnvironmentManifest[] changed =
        [
            environment,
            environment with { RootfsPreinstalled = false },
            environment with { RootfsPreinstalled = false, RootfsArchive = new("file:///a.tar", new('a', 64)) },
            environment with { RootfsPreinstalled = false, RootfsArchive = new("file:///b.tar", new('a', 64)) },
            environment with { RootfsPreinstalled = false, RootfsArchive = new("", new('a', 64)) },
            environment with { RootfsPreinstalled = false, RootfsArchive = new("file:///a.tar", new('b', 64)) },
            environment with { Resources = Manifest.Map() },
            environment with { Resources = Manifest.Map(("MemoryMax", "infinity")) },
            environment with { Resources = Manifest.Map(("MemoryMax", "100%")) },
            environment with { Resources = Manifest.Map(("MemoryHigh", "100%")) },
            environment with { OomQm = 501 },
            environment with { OomQm = null },
            environment with { OomNested = 751 },
            environment with { OomNested = null },
            environment with { OomAsil = new Dictionary<string, int>() },
            environment with { OomAsil = new Dictionary<string, int> { ["brake-control.service"] = -999 } },
            environment with { OomAsil = new Dictionary<string, int> { ["steering.service"] = -1000 } },
            environment with { QmAgent = Manifest.Map() },
            environment with { QmAgent = Manifest.Map(("LogLevel", "INFO")) },
            environment with { HostAgent = Manifest.Map(("LogLevel", "INFO")) },
            environment with { Drift = "report" },
            environment with { Workloads = [] },
            environment with { Workloads = [Manifest.Workload("maps", null, ("Container", "Image", ["localhost/radio:3"]))] },
            environment with { Workloads = [Manifest.Workload("radio", 750)] },
            environment with { Workloads = [Manifest.Workload("radio", null, ("Container", "Image", ["localhost/radio:4"]))] },
            environment with { Workloads = [Manifest.Workload("radio", null, ("Container", "Rootfs", ["localhost/radio:3"]))] },
            environment with { Workloads = [Manifest.Workload("radio", null, ("Container", "Image", ["", "localhost/radio:3"]))] },
            environment with { Workloads = [Manifest.Workload("radio", null, ("Container", "Image", ["localhost/radio:3"]), ("Container", "Volume", ["/a", "/b"]))] },
            environment with { Workloads = [Manifest.Workload("radio", null, ("Container", "Image", ["localhost/radio:3"]), ("Container", "Volume", ["/b", "/a"]))] },
            environment with { Workloads = [Manifest.Workload("radio", null, ("Container", "Image", ["localhost/radio:3"]), ("Unit", "Volume", ["/a", "/b"]))] },
        ];

        Assert.Equal(changed.Length, changed.Select(Hash).Distinct().Count());
    }

    // Every node of every fleet would move to a "new" revision otherwise.
    [Fact]
    public void Hash_DriftHealedInWords_IsTheSame() => Assert.Equal(Hash(Manifest.Environment()), Hash(Manifest.Environment() with { Drift = "heal" }));

    [Fact]
    public void Parse_DriftOfAnotherWord_IsRefused()
    {
        var problem = Assert.Single(Manifest.Problems(Manifest.Environment() with { Drift = "ignore" }));
        Assert.Equal(("spec.environment.drift", "\"ignore\" is neither heal nor report"), (problem.Path, problem.Message));
    }

    [Fact]
    public void Hash_Environment_Is64LowerCaseHexDigits() =>
        Assert.Matches("^[0-9a-f]{64}$", Hash(Manifest.Environment()));

    private static string Hash(EnvironmentManifest environment) => Canonical.Hash(Manifest.Checked(environment));

    private sealed record Model(string Memory, string Weight, int Scores, string Level, string Value, bool Radio)
    {
        public (string, string)[] Resources() => [("MemoryMax", Memory), ("CPUWeight", Weight), ("TasksMax", "50%")];

        public (string, string, string[])[] Quadlet() =>
            [("Container", "Image", ["localhost/x:1"]), ("Container", "Environment", [Value, "B=1"]), ("Unit", "Description", [Radio ? "Radio" : "Maps"]), ("Service", "Restart", ["always"])];

        public EnvironmentManifest ToManifest((string, string)[] resources, (string, string, string[])[] quadlet, string[] names) => new()
        {
            Resources = Manifest.Map(resources),
            OomQm = 500 + Scores,
            OomAsil = new Dictionary<string, int> { ["brake.service"] = -Scores },
            QmAgent = Manifest.Map(("LogLevel", Level)),
            Workloads = [.. names.Select(name => Manifest.Workload(name, null, quadlet))],
        };
    }
}
