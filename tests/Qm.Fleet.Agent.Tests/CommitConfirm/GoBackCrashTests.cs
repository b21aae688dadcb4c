using Qm.Fleet.Agent.Files;

namespace Qm.Fleet.Agent.Tests.CommitConfirm;

[Trait("Requirement", "QMF-RULE-4")]
[Trait("Requirement", "QMF-RULE-7")]
public sealed class GoBackCrashTests
{
    private const int NoSpace = 28;

    [Theory]
    [InlineData((int)Fault.KillBefore)]
    [InlineData((int)Fault.KillHalfway)]
    [InlineData((int)Fault.KillAfter)]
    public async Task GoBack_KilledAtAnySystemCall_LeavesOldOrNewAndThenGoesBack(int fault)
    {
        var ends = new HashSet<string>();
        var died = true;
        for (var at = 1; died; at++)
        {
            using var node = new EmulatedNode();
            var (before, after) = await DueAsync(node);
            var calls = new FaultySystemCalls((Fault)fault, at);
            died = GoBack(node, calls);
            ends.Add(AssertGoesBack(node, before, after, $"{(Fault)fault} {at}: {calls.Made[^1]}"));
            Assert.True(died || at > 40, $"only {at} system calls were enumerated");
        }

        Assert.Equal(["r1", "r2"], ends.Order());
    }

    [Fact]
    public async Task GoBack_KilledAgainWhileItRecovers_LeavesOldOrNewAndThenGoesBack()
    {
        for (var (at, died) = (1, true); died; at += 3)
        {
            for (var recoveryAt = 1; ; recoveryAt += 1 + recoveryAt / 3)
            {
                using var node = new EmulatedNode();
                var (before, after) = await DueAsync(node);
                died = GoBack(node, new FaultySystemCalls(Fault.KillAfter, at));
                var diedAgain = GoBack(node, new FaultySystemCalls(Fault.KillAfter, recoveryAt));
                AssertGoesBack(node, before, after, $"killed at {at}, then at {recoveryAt}");
                if (!diedAgain)
                {
                    break;
                }
            }
        }
    }

    [Theory]
    [InlineData((int)Fault.FailOnce)]
    [InlineData((int)Fault.FailFromThenOn)]
    public async Task GoBack_DiskFailsAtAnySystemCall_LeavesOldOrNewAndGoesBackOnceItWorks(int fault)
    {
        for (var (at, made) = (1, int.MaxValue); at <= made; at++)
        {
            using var node = new EmulatedNode();
            var (before, after) = await DueAsync(node);
            var calls = new FaultySystemCalls((Fault)fault, at, NoSpace);
            GoBack(node, calls);
            made = calls.Made.Count;
            AssertGoesBack(node, before, after, $"{(Fault)fault} {at}");
        }
    }

    // r2 committed over a confirmed r1, and its deadline over.
    private static async Task<(SortedDictionary<string, string> Before, SortedDictionary<string, string> After)> DueAsync(EmulatedNode node)
    {
        var before = await LinkChange.ConfirmOldAsync(node);
        using var agent = node.Open();
        await LinkChange.CommitNewAsync(agent.Revisions);
        node.Time.Advance(LinkChange.Within);
        return (before, node.OwnedTrees());
    }

    private static bool GoBack(EmulatedNode node, FaultySystemCalls calls)
    {
        using var agent = node.Open(calls);
        try
        {
            agent.Revisions.GoBackIfDue();
            return false;
        }
        catch (CrashException)
        {
            return true;
        }
        catch (NodeFileException)
        {
            return false;
        }
    }

    // What a restarted agent finds is one of the two with a memory that agrees; what it then does leads back, and owes both restarts.
    private static string AssertGoesBack(EmulatedNode node, SortedDictionary<string, string> before, SortedDictionary<string, string> after, string context)
    {
        using var agent = node.Open();
        agent.Revisions.Recover();
        var revision = agent.Revisions.State.Revision;
        Assert.True((revision == "r2" ? after : before).SequenceEqual(node.OwnedTrees()), $"{context}: the files are not those of {revision}");
        Assert.Null(agent.State.Journal);

        agent.Revisions.GoBackIfDue();
        Assert.True(before.SequenceEqual(node.OwnedTrees()), $"{context}: it did not go back");
        var state = agent.Revisions.State;
        Assert.Equal(("r1", false, "r2"), (state.Revision, state.Confirmed, state.Reverted?.Revision));
        Assert.Equal((true, true), (agent.Revisions.Owed?.Host, agent.Revisions.Owed?.Qm));
        Assert.Null(state.Deadline);
        Assert.Equal("r1", agent.State.Previous?.Revision);
        return revision;
    }
}
