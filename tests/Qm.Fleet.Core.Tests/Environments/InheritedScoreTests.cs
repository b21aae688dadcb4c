using CsCheck;
using Qm.Fleet.Core.Environments;
using Xunit;

namespace Qm.Fleet.Core.Tests.Environments;

[Trait("Requirement", "QMF-OOM-005")]
public sealed class InheritedScoreTests
{
    [Fact]
    public void Problems_ScoreBelowTheInheritedOne_SayWhoWhatWhereAndWhyNot() => Assert.Equal(
        "radio.container asks for OOM score 550, not above the 600 which /etc/systemd/system/qm.service.d/10-hand.conf gives QM: a container has to be killed before QM, and Podman could not start it, "
            + "because QM may not lower it (no CAP_SYS_RESOURCE, which is never granted: with it QM's own dbus and journald would go below the host, to -900 and -250)",
        Assert.Single(InheritedScore.Problems(600, "/etc/systemd/system/qm.service.d/10-hand.conf", [new("radio.container", 550), new("map.container", 601)])));

    // An equal one Podman can set: it is the order that it breaks.
    [Fact]
    public void Problems_TheInheritedScoreItself_IsOutOfOrderButCouldBeHad()
    {
        var problem = Assert.Single(InheritedScore.Problems(600, "", [new("radio.container", 600)]));

        Assert.Contains("not above the 600 which QM has: a container has to be killed before QM", problem, StringComparison.Ordinal);
        Assert.DoesNotContain("could not start", problem, StringComparison.Ordinal);
    }

    [Fact]
    public void Problems_AnyScores_NameExactlyThoseThatAreNotAboveQm() =>
        Gen.Select(Gen.Int[-1000, 1000], Gen.Int[-1000, 1000].Array[0, 6]).Sample((qm, scores) => Assert.Equal(
            scores.Index().Where(score => score.Item <= qm).Select(score => $"w{score.Index}"),
            InheritedScore.Problems(qm, "", [.. scores.Index().Select(score => KeyValuePair.Create($"w{score.Index}", score.Item))]).Select(problem => problem.Split(' ')[0])));
}
