using Qm.Fleet.Core.Environments;
using Xunit;

namespace Qm.Fleet.Core.Tests.Environments;

[Trait("Requirement", "QMF-CORE-004")]
public sealed class WorkloadParserTests
{
    private const string Quadlet = "spec.environment.workloads[0].quadlet";
    private static readonly (string, string, string[]) Image = ("Container", "Image", ["localhost/radio:3"]);

    [Fact]
    public void Parse_QuadletWithEverySection_IsTakenWithValuesInOrder()
    {
        var environment = Manifest.Checked(Manifest.Environment() with
        {
            Workloads =
            [
                Manifest.Workload("radio", 800, Image, ("Container", "Volume", ["/b:/b", " /a:/a "]), ("Unit", "Description", ["Radio"]),
                    ("Service", "Restart", ["always"]), ("Install", "WantedBy", ["default.target"]), ("Quadlet", "DefaultDependencies", ["false"]),
                    ("Unit", "X-Team", ["cockpit"])),
            ],
        });

        var quadlet = environment.Workloads.Single().Quadlet;
        Assert.Equal(["Container", "Install", "Quadlet", "Service", "Unit"], quadlet.Keys);
        Assert.Equal(["/b:/b", "/a:/a"], quadlet["Container"]["Volume"]);
    }

    [Theory]
    [InlineData("Image")]
    [InlineData("Image", "")]
    [InlineData("Image", "localhost/radio:3", " ")]
    [InlineData("Environment", "A=b")]
    public void Parse_QuadletWithoutImage_IsRefused(string key, params string[] values) =>
        Assert.Equal($"{Quadlet}.Container", Assert.Single(Problems(("Container", key, values))).Path);

    [Fact]
    public void Parse_RootfsInPlaceOfImage_IsTaken() => Assert.Empty(Problems(("Container", "Rootfs", ["/srv/radio"])));

    [Fact]
    public void Parse_ImageAndRootfs_ExcludeEachOther() =>
        Assert.Contains("exclude each other", Assert.Single(Problems(Image, ("Container", "Rootfs", ["/srv/radio"]))).Message, StringComparison.Ordinal);

    [Fact]
    public void Parse_SectionOfAnotherQuadletKind_IsRefused() =>
        Assert.Equal($"{Quadlet}.Kube", Assert.Single(Problems(Image, ("Kube", "Yaml", ["x"]))).Path);

    [Theory]
    [InlineData("")]
    [InlineData("Ex ec")]
    [InlineData("Exec=x\nUser")]
    [InlineData("-Exec")]
    [InlineData("#Exec")]
    public void Parse_KeyThatIsNoKey_IsRefused(string key) => Assert.Equal($"{Quadlet}.Container.{key}", Assert.Single(Problems(Image, ("Container", key, ["x"]))).Path);

    [Theory]
    [InlineData("x\n[Service]\nExecStart=/bin/sh")]
    [InlineData("x\r")]
    [InlineData("x\0")]
    [InlineData("x\\")]
    public void Parse_ValueThatWouldChangeOtherLines_IsRefused(string value) =>
        Assert.Equal($"{Quadlet}.Container.Exec", Assert.Single(Problems(Image, ("Container", "Exec", [value]))).Path);

    [Theory]
    [InlineData("Service", "OOMScoreAdjust", "800")]
    [InlineData("Container", "PodmanArgs", "--oom-score-adj=-500")]
    [InlineData("Container", "PodmanArgs", "--log-level debug --oom-score-adj 600")]
    public void Parse_ScoreBesideOomScoreAdjust_PointsToTheFieldThatOwnsIt(string section, string key, string value)
    {
        var problem = Assert.Single(Problems(Image, (section, key, [value])));

        Assert.Equal(($"{Quadlet}.{section}.{key}", Rules.OwnedElsewhere), (problem.Path, problem.Rule));
        Assert.Contains("use the workload's oomScoreAdjust", problem.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Parse_NameGivenTwice_IsReportedAtTheSecond() =>
        Assert.Equal(
            "spec.environment.workloads[1].name: \"radio\" is the name of another workload, too",
            Assert.Single(Manifest.Problems(Manifest.Environment() with { Workloads = [Manifest.Workload("radio"), Manifest.Workload("radio")] })).ToString());

    private static IReadOnlyList<Problem> Problems(params (string, string, string[])[] entries) =>
        Manifest.Problems(Manifest.Environment() with { Workloads = [Manifest.Workload("radio", null, entries)] });
}
