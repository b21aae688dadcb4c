using Qm.Fleet.Core.OutOfMemory;
using Xunit;

namespace Qm.Fleet.Core.Tests.OutOfMemory;

/// <summary>What systemd says of a unit, and what the node tells of a kill: one event, whichever comes first or not at all.</summary>
public sealed class OomResultsTests
{
    private const string Radio = "radio.service";
    private static readonly DateTimeOffset Noon = new(2026, 7, 1, 12, 0, 0, TimeSpan.Zero);
    private readonly OomResults _results = new();
    private DateTimeOffset _now = Noon;

    [Theory, Trait("Requirement", "QMF-OOM-004")]
    [InlineData(true)]
    [InlineData(false)]
    public void Due_TheNodeTellsTheKillToo_IsNoEventOfItsOwn(bool resultFirst)
    {
        Look("success");
        if (resultFirst)
        {
            Look(OomResults.Word);
        }

        var kill = Kill("kmsg:1", OomPlace.Nested, Radio) with { Comm = "radio", Pid = 7 };
        Assert.Equal(kill, _results.Take(kill, _now));
        Look(OomResults.Word);
        Pass(60);

        Assert.Empty(Due());
    }

    [Fact, Trait("Requirement", "QMF-OOM-004")]
    public void Due_NobodyElseTells_NamesTheUnitOnceForEachLifeOfIt()
    {
        Look("success");
        Look(OomResults.Word);
        Assert.Empty(Due());
        Pass(10);

        var kill = Assert.Single(Due());
        Assert.Equal((OomPlace.Nested, Radio), (kill.Place, kill.Unit));
        Assert.Equal("a process of radio; systemd says so of radio.service (Result=oom-kill), and neither the kernel log nor memory.events tells of it", OomText.Describe(kill));
        Look(OomResults.Word);
        Pass(60);
        Assert.Empty(Due());

        Look("success", "second");
        Look(OomResults.Word, "second");
        Pass(10);
        Assert.Single(Due());
    }

    [Fact, Trait("Requirement", "QMF-OOM-004")]
    public void Look_AControllerThatStartsFindsIt_IsNoNews()
    {
        Look(OomResults.Word);
        Pass(60);

        Assert.Empty(Due());
    }

    [Fact, Trait("Requirement", "QMF-OOM-004")]
    public void Take_TheNodeCannotTellWhose_GetsTheUnitFromSystemd()
    {
        Look("success");
        Look(OomResults.Word);
        var vague = Kill("memory.events:libpod-payload-1:3", OomPlace.Qm, "qm.service") with { NotKnown = "the kernel log tells nothing of it; it was in QM or in a container of it" };

        var told = _results.Take(vague, _now);

        Assert.Equal((OomPlace.Nested, Radio), (told?.Place, told?.Unit));
        Assert.EndsWith("; systemd says that it was radio.service", told?.NotKnown, StringComparison.Ordinal);
        Assert.Equal(told, _results.Take(vague, _now));
        Pass(60);
        Assert.Empty(Due());
    }

    [Fact, Trait("Requirement", "QMF-OOM-004")]
    public void Due_TheNodeIsNotHeard_WaitsForWhatItHasToTell()
    {
        Look("success");
        Look(OomResults.Word);
        Pass(60);
        Assert.Empty(_results.Due(isHeard: false, _now));
        Assert.Empty(Due());

        Assert.NotNull(_results.Take(Kill("kmsg:1", OomPlace.Nested, Radio), _now));
        Pass(60);
        Assert.Empty(Due());
    }

    [Fact, Trait("Requirement", "QMF-OOM-004")]
    public void Take_TheNodeTellsItTooLate_IsTheEventThatWasTold()
    {
        Look("success");
        Look(OomResults.Word);
        Pass(10);
        Assert.Single(Due());

        Assert.Null(_results.Take(Kill("kmsg:1", OomPlace.Nested, Radio), _now));
        Assert.Null(_results.Take(Kill("kmsg:1", OomPlace.Nested, Radio), _now));
        Assert.NotNull(_results.Take(Kill("kmsg:2", OomPlace.Nested, Radio), _now));
    }

    [Fact, Trait("Requirement", "QMF-OOM-004")]
    public void Due_QmEndsForAKillInIt_IsTheSameKill()
    {
        _results.Look("qm.service", OomPlace.Qm, "first", "success", _now);
        _results.Take(Kill("kmsg:1", OomPlace.Nested, Radio), _now);
        _results.Look("qm.service", OomPlace.Qm, "first", OomResults.Word, _now);
        Pass(60);

        Assert.Empty(Due());
    }

    private void Look(string result, string invocation = "first") => _results.Look(Radio, OomPlace.Nested, invocation, result, _now);

    private void Pass(int seconds) => _now += TimeSpan.FromSeconds(seconds);

    private IReadOnlyList<OomKill> Due() => _results.Due(isHeard: true, _now);

    private static OomKill Kill(string record, OomPlace place, string unit) => new() { Record = record, Place = place, Unit = unit };
}
