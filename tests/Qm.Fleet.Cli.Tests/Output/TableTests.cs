using Qm.Fleet.Cli.Output;
using Xunit;

namespace Qm.Fleet.Cli.Tests.Output;

[Trait("Requirement", "QMF-CLI-006")]
public sealed class TableTests
{
    [Theory]
    [InlineData(null, "NODE  OOM host/qm/nested  SINCE\necu1  0 / 500 / 750       1.0 s\n")]
    [InlineData(31, "NODE  OOM host/qm/nested  SINCE\necu1  0 / 500 / 750       1.0 s\n")]
    // Heads give way as far as need be.
    [InlineData(30, "NODE  OOM host/qm/nest…  SINCE\necu1  0 / 500 / 750      1.0 s\n")]
    [InlineData(26, "NODE  OOM host/qm/…  SINCE\necu1  0 / 500 / 750  1.0 s\n")]
    // What would not fit all the same keeps its heads, and is cut at its end.
    [InlineData(25, "NODE  OOM host/qm/nested…\necu1  0 / 500 / 750     …\n")]
    public async Task Write_OnATerminalThatIsTooNarrow_CutsHeadsBeforeWhatStandsBelowThem(int? width, string shown) => Assert.Equal(shown, await WriteAsync(width, noHeaders: false));

    [Fact]
    public async Task Write_WithoutHeads_IsAsWideAsWhatThereIs() => Assert.Equal("ecu1  0 / 500 / 750  1.0 s\n", await WriteAsync(26, noHeaders: true));

    private static async Task<string> WriteAsync(int? width, bool noHeaders)
    {
        var table = new Table("NODE", "OOM host/qm/nested", "SINCE") { NoHeaders = noHeaders };
        table.Add("ecu1", "0 / 500 / 750", "1.0 s");
        using var writer = new StringWriter { NewLine = "\n" };
        await table.WriteAsync(writer, width);
        return writer.ToString();
    }
}
