using System.Text.Json;
using System.Xml.Linq;
using Grpc.Core;
using Qm.Fleet.V1;
using Xunit;
using static Qm.Fleet.V1.CheckResult.Types;

namespace Qm.Fleet.Cli.Tests.Verbs;

public sealed class DiagnosticsTests : CliTest
{
    [Theory]
    [InlineData(Verdict.Pass, ExitCode.Done)]
    [InlineData(Verdict.Unknown, ExitCode.Done)]
    [InlineData(Verdict.NotApplicable, ExitCode.Done)]
    [InlineData(Verdict.Fail, ExitCode.Failed)]
    [Trait("Requirement", "QMF-CLI-003")]
    public async Task Checks_ExitCode_Is1OnlyWhenOneFails(Verdict verdict, int expected)
    {
        Server.Diagnostics.Checks.AddRange([Check("mqueue", Verdict.Pass), Check("disk", verdict)]);

        Assert.Equal(expected, await RunAsync("checks", "ecu9"));
        Assert.Empty(Server.Diagnostics.Runs);
    }

    [Fact]
    [Trait("Requirement", "QMF-CLI-002")]
    public async Task Checks_Table_HasALineForEachAndTheSentenceOfWhatIsWrong()
    {
        Server.Diagnostics.Checks.AddRange([Check("mqueue", Verdict.Pass), Check("disk", Verdict.Fail, "mount a partition\u001b[2J there")]);
        await RunAsync("checks", "ecu9");

        Assert.Equal("""
            CHECK   KIND    VERDICT  EXPECTED  FOUND
            mqueue  static  pass     wanted    seen
            disk    static  FAIL     wanted    seen
            disk: mount a partition?[2J there (/proc/1/mountinfo)

            """.ReplaceLineEndings("\n"), Out.ToString());
        Assert.Empty(Errors);
    }

    [Fact]
    [Trait("Requirement", "QMF-CLI-002")]
    public async Task Checks_Json_IsTheApis()
    {
        Server.Diagnostics.Checks.Add(Check("disk", Verdict.Fail, "why"));
        await RunAsync("checks", "ecu9", "-o", "json");
        var item = JsonDocument.Parse(Out.ToString()).RootElement.GetProperty("items")[0];

        Assert.Equal(("disk", "FAIL", "why"), (item.GetProperty("id").GetString(), item.GetProperty("verdict").GetString(), item.GetProperty("message").GetString()));
    }

    [Fact]
    public async Task Checks_JUnit_CountsAndNamesEveryVerdict()
    {
        Server.Diagnostics.Checks.AddRange([
            Check("a", Verdict.Pass), Check("b", Verdict.Fail, "bad <&\u0001"), Check("c", Verdict.Unknown, "not told"), Check("d", Verdict.NotApplicable, "none"),
        ]);
        await RunAsync("checks", "ecu9", "--run", "all", "-o", "junit");
        var suite = XDocument.Parse(Out.ToString()).Root!.Element("testsuite")!;

        Assert.Equal(["4", "1", "1", "1"], new[] { "tests", "failures", "errors", "skipped" }.Select(name => suite.Attribute(name)!.Value));
        Assert.Equal("bad <&?", suite.Elements("testcase").ElementAt(1).Element("failure")!.Attribute("message")!.Value);
        Assert.Null(suite.Elements("testcase").First().Element("failure"));
        Assert.Equal(["a", "b", "c", "d"], suite.Elements("testcase").Select(test => test.Attribute("name")!.Value));
    }

    [Theory]
    [InlineData("--run all", "", false)]
    [InlineData("--run mqueue --run disk", "mqueue,disk", false)]
    [InlineData("--run selinux --disturb", "selinux", true)]
    [Trait("Requirement", "QMF-CHECK-002")]
    public async Task Checks_Run_AsksForExactlyWhatWasNamed(string options, string names, bool disturb)
    {
        Assert.Equal(ExitCode.Done, await RunAsync(["checks", "ecu9", .. options.Split(' ')]));

        var run = Assert.Single(Server.Diagnostics.Runs);
        Assert.Equal((names, disturb), (string.Join(',', run.Names), run.Disturb));
    }

    [Theory]
    [InlineData("--disturb")]
    [InlineData("--run all --disturb")]
    [InlineData("--run all --run mqueue")]
    [Trait("Requirement", "QMF-CHECK-002")]
    public async Task Checks_DisturbWithoutAName_IsRefusedBeforeAnythingIsAsked(string options)
    {
        Assert.Equal(ExitCode.Invalid, await RunAsync(["checks", "ecu9", .. options.Split(' ')]));
        Assert.Empty(Server.Diagnostics.Runs);
    }

    [Fact]
    [Trait("Requirement", "QMF-CLI-002")]
    public async Task Bundle_Whole_IsWrittenAndItsPathTold()
    {
        Server.Diagnostics.Chunks.AddRange(["abc", "def"]);
        var path = Files + "ecu9.tar.gz";

        Assert.Equal(ExitCode.Done, await RunAsync("bundle", "ecu9", "-f", path));
        Assert.Equal("abcdef", await File.ReadAllTextAsync(path, TestContext.Current.CancellationToken));
        Assert.Equal(path + "\n", Out.ToString());
        Assert.Equal("ecu9: 1 KiB collected\n", Errors);
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(path));
        Assert.Equal([path], Directory.GetFiles(Files));
    }

    [Fact]
    [Trait("Requirement", "QMF-DIAG-002")]
    public async Task Bundle_CutOff_LeavesTheOldFileAndNothingBeside()
    {
        var path = Write("ecu9.tar.gz", "old");
        Server.Diagnostics.Chunks.Add("abc");
        Server.Diagnostics.End = new(StatusCode.DataLoss, "ecu9 could not tell everything");

        Assert.Equal(ExitCode.Failed, await RunAsync("bundle", "ecu9", "-f", path));
        Assert.Equal("old", await File.ReadAllTextAsync(path, TestContext.Current.CancellationToken));
        Assert.Equal([path], Directory.GetFiles(Files));
        Assert.Contains("could not tell everything", Errors);
    }

    [Fact]
    [Trait("Requirement", "QMF-CLI-003")]
    public async Task Bundle_PlaceThatCannotBeWritten_Is1AndSaysWhere()
    {
        Assert.Equal(ExitCode.Failed, await RunAsync("bundle", "ecu9", "-f", Files + "missing/ecu9.tar.gz"));
        Assert.Contains("-f missing/ecu9.tar.gz: ", Errors);
    }

    private static CheckResult Check(string id, Verdict verdict, string message = "") => new()
    {
        Id = id,
        Title = "title",
        Kind = Kind.Static,
        Source = "/proc/1/mountinfo",
        Expected = "wanted",
        Found = "seen",
        Verdict = verdict,
        Message = message,
    };
}
