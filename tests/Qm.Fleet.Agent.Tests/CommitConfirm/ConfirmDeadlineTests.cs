using CsCheck;
using Qm.Fleet.Agent.CommitConfirm;

namespace Qm.Fleet.Agent.Tests.CommitConfirm;

[Trait("Requirement", "QMF-RULE-7")]
public sealed class ConfirmDeadlineTests
{
    [Fact]
    public void In_SameBoot_IsUnchanged()
    {
        var deadline = ConfirmDeadline.Begin(TimeSpan.FromSeconds(60), new(1_000_000, "a"));

        Assert.Same(deadline, deadline.In(new(99_000_000, "a")));
        Assert.Equal(TimeSpan.FromSeconds(50), deadline.Left(new(11_000_000, "a")));
        Assert.Equal(TimeSpan.FromSeconds(-1), deadline.Left(new(62_000_000, "a")));
    }

    [Fact]
    public void In_FirstReboot_BeginsAnewWithItsFullLength()
    {
        var deadline = ConfirmDeadline.Begin(TimeSpan.FromSeconds(60), new(900_000_000, "a")).In(new(5_000_000, "b"));

        Assert.Equal(TimeSpan.FromSeconds(60), deadline.Left(new(5_000_000, "b")));
        Assert.Same(deadline, deadline.In(new(6_000_000, "b")));
    }

    [Fact]
    public void In_SecondReboot_IsOver() =>
        Assert.True(ConfirmDeadline.Begin(TimeSpan.FromSeconds(60), new(0, "a")).In(new(5, "b")).In(new(7, "c")).Left(new(7, "c")) <= TimeSpan.Zero);

    // However often the node boots, it is up for at most twice the length before it goes back.
    [Fact]
    public void In_AnyBoots_EndsAfterAtMostTwiceItsLength() =>
        Gen.Select(Gen.Int[1_000, 100_000], Gen.Long[1, 50_000_000].Array[1, 8]).Sample((milliseconds, uptimes) =>
        {
            var within = TimeSpan.FromMilliseconds(milliseconds);
            var deadline = ConfirmDeadline.Begin(within, new(0, "boot 0"));
            var up = TimeSpan.Zero;
            foreach (var (boot, uptime) in uptimes.Index())
            {
                deadline = deadline.In(new(0, $"boot {boot}"));
                var left = deadline.Left(new(0, $"boot {boot}"));
                up += left < TimeSpan.FromMicroseconds(uptime) ? left : TimeSpan.FromMicroseconds(uptime);
                if (left <= TimeSpan.FromMicroseconds(uptime))
                {
                    break;
                }
            }

            Assert.InRange(up, TimeSpan.Zero, within * 2);
            Assert.True(uptimes.Length < 3 || deadline.BegunAnew || up == within);
        });

    [Theory]
    [InlineData(0, null)]
    [InlineData(60_000, 60_000)]
    [InlineData(long.MaxValue, 86_400_001)]
    [InlineData(long.MinValue, -1)]
    public void FromWire_AnyNumber_IsALengthOrNone(long wire, int? milliseconds) =>
        Assert.Equal(milliseconds is { } length ? TimeSpan.FromMilliseconds(length) : null, ConfirmDeadline.FromWire(wire));
}
