using CsCheck;
using Qm.Fleet.Core.Limits;
using Xunit;

namespace Qm.Fleet.Core.Tests.Limits;

[Trait("Requirement", "QMF-LIMIT-002")]
public sealed class PaceTests
{
    private static readonly Gen<(Pace Pace, (int Milliseconds, int Patience)[] Asked)> Asking = Gen.Select(
        Gen.Select(Gen.Int[1, 500], Gen.Int[1, 50], static (rate, burst) => new Pace(rate, burst)),
        Gen.Select(Gen.Int[0, 200], Gen.Int[0, 300]).Array[1, 200]);

    [Fact]
    public void Take_WhateverIsAsked_GivesNoMoreThanTheBurstAndTheRate() => Asking.Sample(asked =>
    {
        var given = Given(asked.Pace, asked.Asked);
        for (var first = 0; first < given.Count; first++)
        {
            for (var last = first; last < given.Count; last++)
            {
                // A turn is had when its wait is over.
                Assert.True(last - first + 1 <= asked.Pace.Burst + ((given[last] - given[first]).TotalSeconds * asked.Pace.PerSecond) + 1e-3);
            }
        }
    });

    [Fact]
    public void Take_NoFasterThanTheRate_IsNeverHeldUp() => Gen.Select(Gen.Int[1, 1000], Gen.Int[1, 500]).Sample((rate, count) =>
    {
        var (pace, paid, now) = (new Pace(rate, 1), TimeSpan.Zero, TimeSpan.Zero);
        for (var number = 0; number < count; number++)
        {
            var turn = pace.Take(paid, now, TimeSpan.Zero);
            Assert.True(turn.IsGiven);
            (paid, now) = (turn.PaidAt, now + TimeSpan.FromSeconds(1.0 / rate) + TimeSpan.FromTicks(1));
        }
    });

    [Fact]
    public void Take_OneAfterTheOtherWithPatience_IsNeverRefused()
    {
        var (pace, paid, now) = (new Pace(10, 2), TimeSpan.Zero, TimeSpan.Zero);
        for (var number = 0; number < 100; number++)
        {
            var turn = pace.Take(paid, now, TimeSpan.FromSeconds(1));
            Assert.True(turn.IsGiven);
            (paid, now) = (turn.PaidAt, now + turn.Wait);
        }
        Assert.Equal(9.8, now.TotalSeconds, precision: 3);
    }

    [Fact]
    public void Take_Refused_SaysWhenItWouldNotBe() => Asking.Sample(asked =>
    {
        var (paid, now) = (TimeSpan.Zero, TimeSpan.Zero);
        foreach (var (pause, patience) in asked.Asked)
        {
            now += TimeSpan.FromMilliseconds(pause);
            var turn = asked.Pace.Take(paid, now, TimeSpan.FromMilliseconds(patience));
            if (!turn.IsGiven)
            {
                Assert.Equal(paid, turn.PaidAt);
                Assert.True(asked.Pace.Take(paid, now + turn.Wait + TimeSpan.FromTicks(1), TimeSpan.FromMilliseconds(patience)).IsGiven);
            }
            paid = turn.PaidAt;
        }
    });

    [Fact]
    public void Take_OfSomethingDear_TakesItsPrice()
    {
        var pace = new Pace(10, 10);

        var turn = pace.Take(TimeSpan.Zero, TimeSpan.Zero, TimeSpan.MaxValue, cost: 30);

        Assert.Equal((true, 2), (turn.IsGiven, turn.Wait.TotalSeconds));
        Assert.False(pace.Take(turn.PaidAt, TimeSpan.FromSeconds(2), TimeSpan.Zero).IsGiven);
    }

    private static List<TimeSpan> Given(Pace pace, (int Milliseconds, int Patience)[] asked)
    {
        var (given, paid, now) = (new List<TimeSpan>(), TimeSpan.Zero, TimeSpan.Zero);
        foreach (var (pause, patience) in asked)
        {
            now += TimeSpan.FromMilliseconds(pause);
            var turn = pace.Take(paid, now, TimeSpan.FromMilliseconds(patience));
            paid = turn.PaidAt;
            if (turn.IsGiven)
            {
                given.Add(now + turn.Wait);
            }
        }
        given.Sort();
        return given;
    }
}
