using Xunit;

namespace Qm.Fleet.Cli.Tests;

[Trait("Requirement", "QMF-CLI-015")]
public sealed class DefectTests : CliTest
{
    [Fact]
    public async Task Run_Defect_Is1AndOneLine()
    {
        Assert.Equal(ExitCode.Failed, await RunAsync(Broken, "version", "--client"));
        Assert.Equal("qmfleet has a defect: InvalidTimeZoneException: the clock broke\nThe same with -v shows all of it; please report that.\n", Errors);
    }

    [Fact]
    public async Task Run_DefectWithV_ShowsAllOfIt()
    {
        Assert.Equal(ExitCode.Failed, await RunAsync(Broken, "version", "--client", "-v"));
        Assert.Contains("   at ", Errors, StringComparison.Ordinal);
    }

    private CliContext Broken => Context() with { Out = new BrokenWriter() };

    private sealed class BrokenWriter : StringWriter
    {
        public override Task WriteLineAsync(string? value) => throw new InvalidTimeZoneException("the clock broke\nand more");
    }
}
