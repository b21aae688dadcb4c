using CsCheck;
using Qm.Fleet.Core.Rollouts;
using Xunit;

namespace Qm.Fleet.Core.Tests.Rollouts;

[Trait("Requirement", "QMF-ROLL-001")]
public sealed class SequentialRolloutTests
{
    private static readonly Gen<RolloutMember[]> Members =
        Gen.Enum<MemberState>().Array[0, 12].Select(states => states.Select((state, index) => Member($"ecu{index:00}", state)).ToArray());

    [Fact]
    public void Advance_NothingBegun_AdmitsTheFirstByName()
    {
        var decision = SequentialRollout.Advance(RolloutPhase.Progressing, [Member("b", MemberState.Waiting), Member("a", MemberState.Waiting)]);

        Assert.Equal(["a"], decision.MayMove);
        Assert.Equal(RolloutPhase.Progressing, decision.Phase);
        Assert.Equal("0 of 2 nodes ready; a: reason of a", decision.Summary);
    }

    [Fact]
    public void Advance_OneMoving_KeepsItsTurn()
    {
        var decision = SequentialRollout.Advance(RolloutPhase.Progressing, [Member("a", MemberState.Waiting), Member("b", MemberState.Moving)]);

        Assert.Equal(["b"], decision.MayMove);
    }

    [Fact]
    public void Advance_OneFailed_PausesAndAdmitsNobody()
    {
        var decision = SequentialRollout.Advance(
            RolloutPhase.Progressing, [Member("a", MemberState.Waiting), Member("b", MemberState.Failed), Member("c", MemberState.Moving)]);

        Assert.Empty(decision.MayMove);
        Assert.Equal(RolloutPhase.Paused, decision.Phase);
        Assert.Equal("b failed: reason of b", decision.Message);
    }

    [Fact]
    public void Advance_UnreachableNotBegun_IsPassedOverAndNamed()
    {
        var passed = SequentialRollout.Advance(RolloutPhase.Progressing, [Member("a", MemberState.Unreachable), Member("b", MemberState.Waiting)]);
        var waits = SequentialRollout.Advance(RolloutPhase.Progressing, [Member("a", MemberState.Unreachable), Member("b", MemberState.Ready)]);

        Assert.Equal(["b"], passed.MayMove);
        Assert.Equal("1 of 2 nodes ready; waits for a: reason of a", waits.Summary);
        Assert.Equal(RolloutPhase.Progressing, waits.Phase);
    }

    [Fact]
    public void Advance_NoMembers_NeverSucceeds()
    {
        var decision = SequentialRollout.Advance(RolloutPhase.Progressing, []);

        Assert.Equal(RolloutPhase.Progressing, decision.Phase);
        Assert.Equal("0 of 0 nodes ready; no node matches the selector", decision.Summary);
    }

    [Fact]
    public void Advance_AnyMembers_AtMostOneMovesAndOnlyWhenNoneFailed() => Members.Sample(members =>
    {
        var decision = SequentialRollout.Advance(RolloutPhase.Progressing, members);

        Assert.True(decision.MayMove.Count <= 1);
        Assert.Equal(members.Any(member => member.State == MemberState.Failed), decision.Phase == RolloutPhase.Paused);
        Assert.Equal(members.Length > 0 && members.All(member => member.State == MemberState.Ready), decision.Phase == RolloutPhase.Succeeded);
        var moving = members.Where(member => member.State == MemberState.Moving).Select(member => member.Name).ToArray();
        Assert.True(moving.Length == 0 || decision.MayMove.All(moving.Contains), "a second node was admitted while one was on its way");
    });

    [Fact]
    public void Advance_AnyOrderOfMembers_SameDecision() => Members.SelectMany(members => Gen.Shuffle(members).Select(shuffled => (members, shuffled))).Sample((members, shuffled) =>
    {
        var left = SequentialRollout.Advance(RolloutPhase.Progressing, members);
        var right = SequentialRollout.Advance(RolloutPhase.Progressing, shuffled);

        Assert.Equal((left.Phase, left.Message), (right.Phase, right.Message));
        Assert.Equal(left.MayMove, right.MayMove);
    });

    private static RolloutMember Member(string name, MemberState state) => new(name, state, $"reason of {name}");
}
