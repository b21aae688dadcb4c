using CsCheck;
using Qm.Fleet.Core.Limits;
using Xunit;

namespace Qm.Fleet.Core.Tests.Limits;

[Trait("Requirement", "QMF-LIMIT-004")]
public sealed class AgentPaceTests
{
    private const double Rate = 15;

    private static readonly AgentPaces Paces = new(new(PerSecond: 50, Burst: 50), new(Rate, Burst: 30));
    private static readonly AgentSaid Report = new(Messages: 1, Reports: 1, IsAsked: false);
    private static readonly AgentSaid Answer = new(Messages: 1, Reports: 0, IsAsked: true);
    private static readonly AgentSaid Heartbeat = new(Messages: 1, Reports: 0, IsAsked: false);

    [Fact]
    public void Take_AsFastAsItIsRead_GivesNoMoreThanTheBurstAndTheRateAndThenNothing()
    {
        var read = Flood(AgentPace.None, TimeSpan.Zero, Report);

        Assert.Equal(AgentPace.FirstRest, read.CutOff);
        Assert.InRange(read.Count, AgentPace.Patience.TotalSeconds * Rate, 30 + ((AgentPace.Patience.TotalSeconds + 1) * Rate) + 1);
        Assert.Equal(AgentPace.FirstRest, read.Pace.RestLeft(read.Now));
        Assert.Equal(TimeSpan.Zero, read.Pace.RestLeft(read.Now + AgentPace.FirstRest));
    }

    // Whatever QM does to have it speak: 13 reports a second at most, and once in a while all that gathered.
    [Fact]
    public void Take_WhatOneOfOursSays_IsNeverCutOff() => Gen.Select(Gen.Int[1, 13], Gen.Int[0, 16].Array[1, 40]).Sample((rate, bursts) =>
    {
        var (pace, now) = (AgentPace.None, TimeSpan.Zero);
        foreach (var burst in bursts)
        {
            for (var number = 0; number < rate * 5; number++)
            {
                Say(Report);
                Say(Heartbeat);
                now += TimeSpan.FromSeconds(1.0 / rate);
            }

            for (var number = 0; number < burst; number++)
            {
                Say(Report);
            }
        }

        void Say(AgentSaid said)
        {
            (pace, var turn) = pace.Take(Paces, said, now);
            Assert.Equal(TimeSpan.Zero, turn.Rest);
            now += turn.Wait;
        }
    });

    [Fact]
    public void Take_WhatWasAskedFor_IsHeldToThePaceAndNeverCutOff()
    {
        var (pace, now) = (AgentPace.None, TimeSpan.Zero);
        for (var piece = 0; piece < 10_000; piece++)
        {
            (pace, var turn) = pace.Take(Paces, Answer, now);
            Assert.Equal((TimeSpan.Zero, TimeSpan.Zero), (turn.Held, turn.Rest));
            now += turn.Wait;
        }

        Assert.InRange(now.TotalSeconds, (10_000 - 50) / 50.0, 10_000 / 50.0);
    }

    // A flood is not over because something else was said in between.
    [Fact]
    public void Take_HeartbeatsBetweenReports_DoNotBeginAnew()
    {
        var (pace, now, rest, count) = (AgentPace.None, TimeSpan.Zero, TimeSpan.Zero, 0);
        while (rest == TimeSpan.Zero && count++ < 10_000)
        {
            (pace, var beat) = pace.Take(Paces, Heartbeat, now);
            now += beat.Wait;
            (pace, var turn) = pace.Take(Paces, Report, now);
            // Nor does it seem to be: whoever looks sees it held all the time.
            Assert.Equal(turn.Held, beat.Held + beat.Wait);
            (now, rest) = (now + turn.Wait, turn.Rest);
        }

        Assert.Equal(AgentPace.FirstRest, rest);
    }

    [Fact]
    public void Take_CutOffAgainAndAgain_RestsTwiceAsLongEachTimeUpToTheLongestAndIsForgivenInTheEnd()
    {
        var (pace, now, rests) = (AgentPace.None, TimeSpan.Zero, new List<double>());
        for (var time = 0; time < 7; time++)
        {
            var read = Flood(pace, now, Report);
            rests.Add(read.CutOff.TotalSeconds);
            (pace, now) = (read.Pace, read.Now + read.CutOff);
        }

        Assert.Equal([30, 60, 120, 240, 480, 600, 600], rests);
        Assert.Equal(AgentPace.FirstRest, Flood(pace, now + AgentPace.Forgiven, Report).CutOff);
    }

    private static (AgentPace Pace, TimeSpan Now, TimeSpan CutOff, int Count) Flood(AgentPace pace, TimeSpan now, AgentSaid said)
    {
        var turn = default(AgentTurn);
        var count = 0;
        while (turn.Rest == TimeSpan.Zero)
        {
            (pace, turn) = pace.Take(Paces, said, now);
            now += turn.Rest == TimeSpan.Zero ? turn.Wait : TimeSpan.Zero;
            Assert.True(++count < 100_000);
        }

        return (pace, now, turn.Rest, count);
    }
}
