using Qm.Fleet.Core.Reconcile;
using Xunit;

namespace Qm.Fleet.Core.Tests.Reconcile;

[Trait("Requirement", "QMF-WATCH-090")]
public sealed class NodeVitalsTests
{
    [Theory]
    [InlineData(2000, null, true)]
    [InlineData(-2001, null, false)]
    [InlineData(1800, true, true)]
    [InlineData(1800, false, false)]
    [InlineData(1500, false, true)]
    public void Clock_AnySkew_IsRightOrSaysBothWaysHowMuch(int milliseconds, bool? before, bool isRight) =>
        Assert.Equal(isRight, NodeVitals.Clock(TimeSpan.FromMilliseconds(milliseconds), before).IsRight);

    [Fact]
    public void Clock_ThatIsOff_SaysHowMuchAndWhichWay()
    {
        Assert.StartsWith("its clock is 75 s behind the controller's", NodeVitals.Clock(TimeSpan.FromSeconds(-75), null).Message, StringComparison.Ordinal);
        Assert.StartsWith("its clock is 3 s ahead of the controller's", NodeVitals.Clock(TimeSpan.FromSeconds(3), null).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(10_000, 1000, null, true)]
    [InlineData(10_000, 999, null, false)]
    [InlineData(1000, 255, null, false)]
    [InlineData(10_000, 1100, false, false)]
    [InlineData(10_000, 1400, false, true)]
    [InlineData(0, 0, null, false)]
    public void Disk_AnyFilling_HasSpaceOrNot(long totalMebibytes, long freeMebibytes, bool? before, bool hasSpace) =>
        Assert.Equal(hasSpace, NodeVitals.Disk("/var/qm", totalMebibytes << 20, freeMebibytes << 20, before).HasSpace);

    [Fact]
    public void Disk_ThatIsFull_SaysWhichAndHowFull() =>
        Assert.StartsWith("/var/qm has 4 % of 8G free, less than 10 % or 256M", NodeVitals.Disk("/var/qm", 8L << 30, 400L << 20, null).Message, StringComparison.Ordinal);
}
