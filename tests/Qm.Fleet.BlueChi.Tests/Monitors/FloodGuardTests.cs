using Microsoft.Extensions.Time.Testing;
using Qm.Fleet.BlueChi.Monitors;
using Xunit;

namespace Qm.Fleet.BlueChi.Tests.Monitors;

[Trait("Requirement", "QMF-BLUECHI-006")]
public sealed class FloodGuardTests
{
    private readonly FakeTimeProvider _time = new();

    [Fact]
    public void Count_BurstWithinTheAllowance_IsNoFlood()
    {
        var guard = new FloodGuard(limit: 10, burst: 20, _time);

        Assert.DoesNotContain(true, Enumerable.Range(0, 20).Select(_ => guard.Count("ecu1")));
    }

    [Fact]
    public void Count_LastingRateAtTheLimit_IsNoFlood()
    {
        var guard = new FloodGuard(limit: 10, burst: 20, _time);

        for (var signal = 0; signal < 10_000; signal++)
        {
            Assert.False(guard.Count("ecu1"));
            _time.Advance(TimeSpan.FromMilliseconds(100));
        }
    }

    [Fact]
    public void Count_RateAboveTheLimit_IsFoundOnce_AndOthersAreNot()
    {
        var guard = new FloodGuard(limit: 10, burst: 20, _time);
        var found = 0;

        for (var signal = 0; signal < 1_000; signal++)
        {
            found += guard.Count("ecu1") ? 1 : 0;
            Assert.False(signal % 10 == 0 && guard.Count("ecu2"));
            _time.Advance(TimeSpan.FromMilliseconds(10));
        }

        Assert.Equal(1, found);
    }

    [Fact]
    public void Forget_FloodedNode_BeginsAnew()
    {
        var guard = new FloodGuard(limit: 10, burst: 20, _time);
        Assert.Equal(1, Enumerable.Range(0, 50).Count(_ => guard.Count("ecu1")));

        guard.Forget("ecu1");

        Assert.Equal(1, Enumerable.Range(0, 50).Count(_ => guard.Count("ecu1")));
    }
}
