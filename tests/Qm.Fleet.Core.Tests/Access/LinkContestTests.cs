using Qm.Fleet.Core.Access;
using Xunit;

namespace Qm.Fleet.Core.Tests.Access;

[Trait("Requirement", "QMF-ATTACK-002")]
public sealed class LinkContestTests
{
    private static readonly LinkSession Node = new("10.0.0.7", "boot-1");

    [Fact]
    public void Open_NodeThatDialsInAgain_IsNoContest() => Assert.DoesNotContain(true, Play([Node, Node, Node, Node, Node]));

    [Fact]
    public void Open_NodeThatIsRestarted_IsNoContest() =>
        Assert.DoesNotContain(true, Play([Node, Node with { BootId = "boot-2" }, Node with { BootId = "boot-3" }, Node with { Peer = "10.0.0.8", BootId = "boot-4" }]));

    [Fact]
    public void Open_EarlierBootComesBack_IsAContest() => Assert.Equal([false, false, true, true], Play([Node, Node with { BootId = "boot-2" }, Node, Node with { BootId = "boot-2" }]));

    [Fact]
    public void Open_NodeThatWaversBetweenTwoNetworks_IsNoContestAtOnce()
    {
        var other = Node with { Peer = "192.168.0.7" };

        Assert.Equal([false, false, false, false, true], Play([Node, other, Node, other, Node]));
    }

    [Fact]
    public void Open_AfterTheOtherHadEnded_IsNoContest() =>
        Assert.DoesNotContain(true, Play([Node, Node with { BootId = "boot-2" }, Node, Node with { BootId = "boot-2" }], replaces: false));

    [Fact]
    public void Open_LongAfter_IsForgotten() => Assert.DoesNotContain(true, Play([Node, Node with { BootId = "boot-2" }, Node], every: LinkContest.Window));

    private static List<bool> Play(LinkSession[] sessions, bool replaces = true, TimeSpan? every = null)
    {
        var (contest, now, found) = (LinkContest.None, DateTimeOffset.UnixEpoch, new List<bool>());
        foreach (var session in sessions)
        {
            (contest, var isContested) = contest.Open(session, replaces, now);
            found.Add(isContested);
            now += every ?? TimeSpan.FromSeconds(20);
        }
        return found;
    }
}
