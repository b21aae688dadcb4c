using Qm.Fleet.Benchmarks.Soak;
using Xunit;

namespace Qm.Fleet.BlueChi.Tests.Soak;

/// <summary>Two hours of the long run, which is a command of the benchmarks: <c>soak</c>.</summary>
[Trait("Requirement", "QMF-BLUECHI-009")]
public sealed class SoakTests
{
    // What a process holds as a whole is no measure beside other tests; what belongs to the session is.
    [Fact]
    public async Task Session_HoursOfANodesLife_HoldsNoMoreThanBefore()
    {
        var ct = TestContext.Current.CancellationToken;
        await using var site = await SoakSite.StartAsync(ct);
        var day = new NodeDay(site);
        await day.HourAsync(0, ct);
        var before = await Footprint.TakeAsync(site, ct);

        await day.HourAsync(1, ct);

        var after = await Footprint.TakeAsync(site, ct);
        Assert.Equal((before.Matches, before.Subscriptions), (after.Matches, after.Subscriptions));
        Assert.Equal(2, day.Counts["controller restarts"]);
    }
}
