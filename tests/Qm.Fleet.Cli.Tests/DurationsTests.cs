using Qm.Fleet.Cli.Output;
using Xunit;

namespace Qm.Fleet.Cli.Tests;

public sealed class DurationsTests
{
    [Theory]
    [InlineData(-1, "0.0 s")]
    [InlineData(9.94, "9.9 s")]
    [InlineData(9.95, "10 s")]
    [InlineData(59.4, "59 s")]
    [InlineData(59.5, "1 m 0 s")]
    [InlineData(60, "1 m 0 s")]
    [InlineData(3599, "59 m 59 s")]
    [InlineData(90_000, "1 d 1 h")]
    public void Show_AnyLength_HasNoUnitOfZeroBeforeAnother(double seconds, string shown) => Assert.Equal(shown, Durations.Show(TimeSpan.FromSeconds(seconds)));
}
