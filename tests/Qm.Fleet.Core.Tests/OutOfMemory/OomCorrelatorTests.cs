using CsCheck;
using Qm.Fleet.Core.OutOfMemory;
using Xunit;

namespace Qm.Fleet.Core.Tests.OutOfMemory;

/// <summary>A kill is one, whatever tells of it.</summary>
[Trait("Requirement", "QMF-OOM-001")]
public sealed class OomCorrelatorTests
{
    [Fact]
    public void Kill_OfAContainerAtItsLimit_IsOneWithEverythingKnown()
    {
        // The kernel names the victim of a group twice.
        var kill = Assert.Single(new KernelLines().Write("Linux version").Header().Chosen().Killed().Group().Killed().Killed(2211, "decoder").Killed(2212, "decoder").Kills());

        Assert.Equal((OomPlace.Nested, "radio.service", KernelLines.Radio), (kill.Place, kill.Unit, kill.Cgroup));
        Assert.Equal((2210, "radio", 750, 750 + 284), (kill.Pid, kill.Comm, kill.ScoreAdjust, kill.Score));
        Assert.Equal((OomCause.Limit, KernelLines.Radio, 256L << 20), (kill.Cause, kill.LimitCgroup, kill.LimitBytes));
        Assert.Equal((3, KernelLines.Radio, "kmsg:6", ""), (kill.Killed, kill.GroupCgroup, kill.Record, kill.NotKnown));
        Assert.Equal("radio (pid 2210, score 1034, limit of radio 256M); group of 3 killed", OomText.Describe(kill));
    }

    [Fact]
    public void Kill_OfAProcessOfQmAtTheLimitOfQm_IsQms()
    {
        var kill = Assert.Single(new KernelLines().Header(limitKibibytes: 3 << 20).Chosen(KernelLines.Bus, "/qm.service", "dbus-daemon", 90).Killed(90, "dbus-daemon", score: 500).Kills());
        Assert.Equal((OomPlace.Qm, "dbus.service", 1), (kill.Place, kill.Unit, kill.Killed));
        Assert.Equal("dbus-daemon of QM (pid 90, score 523, limit of qm.service 3G)", OomText.Describe(kill));
    }

    [Fact]
    public void Kill_ForTheMachine_SaysSoAndHasNoLimit()
    {
        var kill = Assert.Single(new KernelLines().Header(limitKibibytes: null).Chosen(limit: null).Killed(ofCgroup: false).Kills());
        Assert.Equal((OomCause.Machine, OomPlace.Nested, null, null), (kill.Cause, kill.Place, kill.LimitBytes, kill.Score));
        Assert.Equal("radio (pid 2210, oom_score_adj 750, the whole machine was out of memory)", OomText.Describe(kill));
    }

    [Fact]
    public void Kill_WhoseLineWasBrokenOffByAnotherProcessor_IsPutTogether()
    {
        var text = KernelLines.ChosenText();
        var kill = Assert.Single(new KernelLines().Header().Write(text[..90]).Write("usb 1-1: reset").Write(text[90..200], continues: true).Write(text[200..], continues: true).Killed().Kills());
        Assert.Equal((KernelLines.Radio, KernelLines.Radio), (kill.Cgroup, kill.LimitCgroup));
    }

    [Fact]
    public void Kill_OfWhichTheLineIsCutShort_TakesItsPlaceFromTheGroup()
    {
        var kill = Assert.Single(new KernelLines().Header().Write(KernelLines.ChosenText()[..150]).Killed().Group().Killed(2211).Kills());
        Assert.Equal((OomPlace.Nested, "radio.service", 2), (kill.Place, kill.Unit, kill.Killed));
    }

    [Fact]
    public void Kill_ThatAProgramPretends_IsNone() =>
        Assert.Empty(new KernelLines().Write(KernelLines.ChosenText(), isKernels: false).Write(new KernelLines().Killed().Records[0].Text, isKernels: false).Kills());

    [Fact]
    public void Kill_FedAgain_IsToldOnce()
    {
        var correlator = new OomCorrelator();
        var lines = new KernelLines().Header().Chosen().Killed();
        KmsgRecord[] records = [.. lines.Records];
        Assert.Single(lines.Kills(correlator));
        foreach (var record in records)
        {
            correlator.Feed(record);
        }

        Assert.Empty(correlator.EndRound().Kills.Concat(correlator.EndRound().Kills));
    }

    [Fact]
    public void Log_ThatLostRecords_TellsHowManyAndNoHalfKill()
    {
        var correlator = new OomCorrelator();
        Begin(correlator);
        var lines = new KernelLines(1).Header().Chosen().Killed().Group().Lose(40).Killed(2290).Killed(2291).Write("usb 1-1: reset").Header().Chosen().Killed(2300);
        foreach (var record in lines.Records)
        {
            correlator.Feed(record);
        }

        var first = correlator.EndRound();
        Assert.Equal((40L, 1), (first.LostRecords, first.Kills.Count));
        Assert.Equal(2300, Assert.Single(correlator.EndRound().Kills).Pid);
    }

    [Fact]
    public void Kills_AThousandInASecond_AreBoundedAndCounted()
    {
        var correlator = new OomCorrelator();
        Begin(correlator);
        var lines = new KernelLines(1);
        for (var i = 0; i < 1000; i++)
        {
            lines.After(1).Header().Chosen(pid: 3000 + i).Killed(3000 + i);
        }

        foreach (var record in lines.Records)
        {
            correlator.Feed(record);
        }

        var (first, second) = (correlator.EndRound(), correlator.EndRound());
        Assert.Equal(OomCorrelator.KillsMax, first.Kills.Count);
        Assert.Equal(1000, first.Kills.Count + first.LeftOut + second.Kills.Count + second.LeftOut);
    }

    // The kernel explains ten kills in five seconds; of more, it says only who was killed.
    [Fact]
    public void Kill_WithoutExplanation_TakesItsPlaceFromTheCounterThatGrew()
    {
        var correlator = new OomCorrelator();
        correlator.Count(Counters(0));
        Begin(correlator);
        correlator.Count(Counters(1, (KernelLines.Radio, 1)));
        var kill = Assert.Single(Rounds(correlator, new KernelLines(1).Killed(), Counters(1, (KernelLines.Radio, 1))));
        Assert.Equal((OomPlace.Nested, "radio.service", 2210), (kill.Place, kill.Unit, kill.Pid));
        Assert.Contains("ten kills in five seconds", kill.NotKnown, StringComparison.Ordinal);
    }

    [Fact]
    public void Kill_WithoutExplanationThatNoCounterOfQmSaw_IsTheHosts()
    {
        var correlator = new OomCorrelator();
        correlator.Count(Counters(0));
        Begin(correlator);
        Assert.Equal(OomPlace.Host, Assert.Single(Rounds(correlator, new KernelLines(1).Killed(ofCgroup: false), Counters(0))).Place);
    }

    [Fact]
    public void Kill_ThatOnlyACounterTells_SaysWhatIsNotKnown()
    {
        var correlator = new OomCorrelator();
        correlator.Count(Counters(2));
        Assert.Empty(correlator.EndRound().Kills);
        var kill = Assert.Single(Rounds(correlator, new KernelLines(), Counters(5, (KernelLines.Radio, 3))));
        Assert.Equal(($"memory.events:{KernelLines.Payload}:5", OomPlace.Nested, 3, 0), (kill.Record, kill.Place, kill.Killed, kill.Pid));
        Assert.StartsWith("3 processes of radio; the kernel log tells nothing of it", OomText.Describe(kill), StringComparison.Ordinal);
        Assert.Empty(Rounds(correlator, new KernelLines(), Counters(5, (KernelLines.Radio, 3))));
    }

    [Fact]
    public void Kill_ThatLogAndCounterTell_IsOne()
    {
        var correlator = new OomCorrelator();
        correlator.Count(Counters(0));
        Begin(correlator);
        // The counter is ahead of the log by a round.
        correlator.Count(Counters(2, (KernelLines.Radio, 2)));
        Assert.Empty(correlator.EndRound().Kills);
        Assert.Single(Rounds(correlator, new KernelLines(1).Header().Chosen().Killed().Group().Killed(), Counters(2)));
    }

    [Fact]
    public void Kill_ThatTookQmAlong_IsNotToldAgainInItsNextLife()
    {
        var correlator = new OomCorrelator();
        correlator.Count(Counters(0));
        Begin(correlator);
        correlator.Count(null);
        Assert.Single(Rounds(correlator, new KernelLines(1).Header().Chosen($"/qm.service/{KernelLines.Payload}/init.scope", "/qm.service", "systemd", 91).Killed(91, "systemd"), null));
        Assert.Empty(Rounds(correlator, new KernelLines(), new("libpod-payload-1e1e", 0, new Dictionary<string, long>())));
    }

    /// <summary>However the log is cut into rounds, and whatever lies between, every kill is told once, with its own victim.</summary>
    [Fact]
    public void Kills_AnySequenceInAnyRounds_AreToldOnceEach() =>
        Gen.Select(Gen.Int[0, 3].Array[1, 30], Gen.Int[1, 9].Array[1, 20]).Sample((kinds, sizes) =>
        {
            var lines = new KernelLines().Write("Linux version");
            for (var i = 0; i < kinds.Length; i++)
            {
                var pid = 1000 + (10 * i);
                lines.After(200).Write("usb 1-1: reset");
                _ = kinds[i] switch
                {
                    0 => lines.Header().Chosen(pid: pid).Killed(pid),
                    1 => lines.Header().Chosen(pid: pid).Killed(pid).Group().Killed(pid).Killed(pid + 1),
                    2 => lines.Header(limitKibibytes: null).Chosen(limit: null, pid: pid).Killed(pid, ofCgroup: false),
                    _ => lines.Header().Write(KernelLines.ChosenText(pid: pid)[..120]).Write(KernelLines.ChosenText(pid: pid)[120..], continues: true).Killed(pid),
                };
            }

            var (correlator, told, at) = (new OomCorrelator(), new List<OomKill>(), 0);
            for (var round = 0; at < lines.Records.Count; round++)
            {
                foreach (var record in lines.Records.Skip(at).Take(sizes[round % sizes.Length]))
                {
                    correlator.Feed(record);
                }

                at += sizes[round % sizes.Length];
                told.AddRange(correlator.EndRound().Kills);
            }

            told.AddRange([.. correlator.EndRound().Kills, .. correlator.EndRound().Kills, .. correlator.EndRound().Kills]);
            Assert.Equal(Enumerable.Range(0, kinds.Length).Select(i => 1000 + (10 * i)), told.Select(kill => kill.Pid));
            Assert.Equal(kinds.Select(kind => kind == 1 ? 2 : 1), told.Select(kill => kill.Killed));
            Assert.Equal(told.Count, told.Select(kill => kill.Record).Distinct().Count());
        }, iter: 2_000);

    private static void Begin(OomCorrelator correlator)
    {
        correlator.Feed(new(0, 0, true, false, "Linux version"));
        Assert.Empty(correlator.EndRound().Kills);
    }

    private static OomCounters Counters(long kills, params (string Cgroup, long Kills)[] containers) =>
        new(KernelLines.Payload, kills, containers.ToDictionary(container => container.Cgroup, container => container.Kills));

    private static List<OomKill> Rounds(OomCorrelator correlator, KernelLines lines, OomCounters? counters)
    {
        var kills = new List<OomKill>();
        foreach (var record in lines.Records)
        {
            correlator.Feed(record);
        }

        for (var round = 0; round < 5; round++)
        {
            correlator.Count(counters);
            kills.AddRange(correlator.EndRound().Kills);
        }

        return kills;
    }
}
