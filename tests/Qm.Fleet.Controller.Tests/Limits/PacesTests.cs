using Microsoft.Extensions.Time.Testing;
using Qm.Fleet.Controller.Security.Limits;
using Qm.Fleet.Core.Limits;

namespace Qm.Fleet.Controller.Tests.Limits;

[Trait("Requirement", "QMF-LIMIT-002")]
public sealed class PacesTests
{
    private static readonly Pace One = new(PerSecond: 1, Burst: 1);

    private readonly FakeTimeProvider _time = new();

    [Fact]
    public void Take_OfTwo_CountsForEach()
    {
        var paces = new Paces<string>(_time);

        Assert.True(paces.Take("a", One, TimeSpan.Zero).IsGiven);
        Assert.False(paces.Take("a", One, TimeSpan.Zero).IsGiven);
        Assert.True(paces.Take("b", One, TimeSpan.Zero).IsGiven);
        _time.Advance(TimeSpan.FromSeconds(1));
        Assert.True(paces.Take("a", One, TimeSpan.Zero).IsGiven);
    }

    [Fact]
    public void Take_OfMany_KeepsNobodyWhoOwesNothing()
    {
        var paces = new Paces<int>(_time);
        for (var key = 0; key < 1000; key++)
        {
            paces.Take(key, One, TimeSpan.Zero);
        }
        _time.Advance(TimeSpan.FromMinutes(2));

        paces.Take(0, One, TimeSpan.Zero);

        Assert.Equal(1, paces.Count);
    }

    [Fact]
    public void Take_OfMoreThanAreKept_StaysBounded()
    {
        var paces = new Paces<int>(_time);
        for (var key = 0; key < 100_000; key++)
        {
            Assert.True(paces.Take(key, One, TimeSpan.Zero).IsGiven);
        }

        Assert.InRange(paces.Count, 1, 20_001);
    }
}
