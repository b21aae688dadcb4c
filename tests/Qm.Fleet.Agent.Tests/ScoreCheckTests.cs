using Qm.Fleet.Agent.Revisions;
using Qm.Fleet.Core.Revisions;

namespace Qm.Fleet.Agent.Tests;

/// <summary>Scores that the containers of a revision could not have on this node, where another file than ours has the last word on QM's.</summary>
[Trait("Requirement", "QMF-OOM-005")]
public sealed class ScoreCheckTests
{
    private const string OfTheUnit = "etc/systemd/system/qm.service.d/10-hand.conf";
    private const string OfTheQuadlet = "etc/containers/systemd/qm.container.d/90-hand.conf";
    private const string Default = "the default of containers inside QM";

    [Theory]
    [InlineData(OfTheUnit, "[Service]\nOOMScoreAdjust=800\n", 800)]
    [InlineData(OfTheUnit, "[Service]\nOOMScoreAdjust=700\nOOMScoreAdjust=banana\n", 700)]
    [InlineData("run/systemd/system/service.d/99-all.conf", "[Service]\nOOMScoreAdjust=760\n", 760)]
    [InlineData(OfTheQuadlet, "[Service]\nOOMScoreAdjust=650\n", 650)]
    public async Task Stage_ScoreBelowTheOneInherited_IsRefusedWithTheFileThatSetsIt(string path, string content, int qm)
    {
        using var node = new EmulatedNode();
        node.Write(path, content);
        using var agent = node.Open();
        var before = node.Times();
        var refusal = await Assert.ThrowsAsync<CommandRefusedException>(() => agent.Revisions.StageAsync(Revision(nested: qm, radio: "--oom-score-adj=600")));

        Assert.Equal("OomOrder", refusal.Reason);
        Assert.Contains($"radio.container asks for OOM score 600, not above the {qm} which /{path} gives QM", refusal.Message);
        Assert.Contains($"{Default} asks for OOM score {qm}", refusal.Message);
        Assert.Contains("no CAP_SYS_RESOURCE, which is never granted", refusal.Message);
        Assert.Equal(before, node.Times());
    }

    // What sorts before ours, says nothing that systemd takes, or takes back what it said, leaves QM the revision's own 550.
    [Theory]
    [InlineData("etc/containers/systemd/qm.container.d/10-hand.conf", "[Service]\nOOMScoreAdjust=900\n")]
    [InlineData(OfTheUnit, "[Service]\nOOMScoreAdjust=many\n")]
    [InlineData(OfTheUnit, "[Container]\nOOMScoreAdjust=900\n")]
    [InlineData(OfTheUnit, "[Service]\nOOMScoreAdjust=900\nOOMScoreAdjust=\n")]
    public async Task Stage_ScoresAboveTheOneInForce_AreTaken(string path, string content)
    {
        using var node = new EmulatedNode();
        node.Write(path, content);
        using var agent = node.Open();
        await agent.Revisions.StageAsync(Revision(nested: 760, radio: "--oom-score-adj=551"));

        Assert.Equal("r1", agent.Revisions.StagedRevision);
    }

    [Fact]
    public async Task Stage_ScoreNotAboveItsOwnRevisionsQm_IsRefusedOnTheNodeToo()
    {
        using var node = new EmulatedNode();
        using var agent = node.Open();
        var refusal = await Assert.ThrowsAsync<CommandRefusedException>(() => agent.Revisions.StageAsync(Revision(nested: 760, radio: "--oom-score-adj 550")));

        Assert.Contains("not above the 550 which /etc/containers/systemd/qm.container.d/50-qm-fleet.conf gives QM", refusal.Message);
        Assert.DoesNotContain(Default, refusal.Message);
    }

    [Fact]
    public async Task Stage_ContainersConfThatIsNone_IsRefused()
    {
        using var node = new EmulatedNode();
        using var agent = node.Open();
        var refusal = await Assert.ThrowsAsync<CommandRefusedException>(
            () => agent.Revisions.StageAsync(new("r1", [new(OwnedFileKind.QmContainersConf, "", "[containers]\noom_score_adj = \n")])));

        Assert.Equal("InvalidFile", refusal.Reason);
        Assert.Contains("is no TOML", refusal.Message);
    }

    private static StagedRevision Revision(int nested, string radio) => new("r1",
    [
        new(OwnedFileKind.QmContainerDropIn, "", "[Service]\nOOMScoreAdjust=550\n"),
        new(OwnedFileKind.QmContainersConf, "", FormattableString.Invariant($"[containers]\noom_score_adj = {nested}\n")),
        new(OwnedFileKind.Workload, "radio", $"[Container]\nImage=localhost/radio:3\nPodmanArgs={radio}\n"),
    ]);
}
