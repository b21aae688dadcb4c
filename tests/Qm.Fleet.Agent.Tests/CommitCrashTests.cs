using System.Text;
using Qm.Fleet.Agent.Files;
using Qm.Fleet.Agent.Revisions;

namespace Qm.Fleet.Agent.Tests;

[Trait("Requirement", "QMF-RULE-4")]
public sealed class CommitCrashTests
{
    private const int NoSpace = 28;
    private const int ReadOnly = 30;
    private const int NotPermitted = 1;

    /// <summary>What may come after the old revision, by name.</summary>
    private static readonly Dictionary<string, StagedRevision> Targets = new() { ["r2"] = Sample.New, ["r3"] = Sample.Nothing };

    [Theory]
    [InlineData((int)Fault.KillBefore, "r2")]
    [InlineData((int)Fault.KillHalfway, "r2")]
    [InlineData((int)Fault.KillAfter, "r2")]
    [InlineData((int)Fault.KillBefore, "r3")]
    [InlineData((int)Fault.KillHalfway, "r3")]
    [InlineData((int)Fault.KillAfter, "r3")]
    public async Task Commit_KilledAtAnySystemCall_LeavesOldOrNewAfterRestart(int fault, string to)
    {
        var target = Targets[to];
        var ends = new HashSet<string>();
        for (var at = 1; ; at++)
        {
            using var node = new EmulatedNode();
            var (before, after) = await OldAndNewAsync(node, target);
            var calls = new FaultySystemCalls((Fault)fault, at);
            var died = await RunAsync(node, calls, target);
            using (var restarted = node.Open())
            {
                restarted.Revisions.Recover();
            }

            ends.Add(await AssertOldOrNewAsync(node, before, after, $"{(Fault)fault} {at}: {calls.Made[^1]}", target));
            if (!died)
            {
                Assert.True(at > 20, $"only {at} system calls were enumerated");
                break;
            }
        }

        Assert.Equal(["r1", to], ends.Order());
    }

    [Theory]
    [InlineData("r2")]
    [InlineData("r3")]
    public async Task Recovery_KilledAtAnySystemCallToo_LeavesOldOrNewAfterRestart(string to)
    {
        var target = Targets[to];
        for (var at = 1; ; at++)
        {
            var died = true;
            for (var recoveryAt = 1; died; recoveryAt += 1 + recoveryAt / 4)
            {
                using var node = new EmulatedNode();
                var (before, after) = await OldAndNewAsync(node, target);
                if (!await RunAsync(node, new FaultySystemCalls(Fault.KillAfter, at), target))
                {
                    return;
                }

                var calls = new FaultySystemCalls(Fault.KillAfter, recoveryAt);
                died = Recover(node, calls);
                Recover(node, new FaultySystemCalls());
                await AssertOldOrNewAsync(node, before, after, $"killed at {at}, then at {recoveryAt} of the recovery", target);
            }
        }
    }

    [Theory]
    [InlineData((int)Fault.FailOnce, NoSpace, "r2")]
    [InlineData((int)Fault.FailOnce, ReadOnly, "r2")]
    [InlineData((int)Fault.FailOnce, NotPermitted, "r2")]
    [InlineData((int)Fault.FailFromThenOn, NoSpace, "r2")]
    [InlineData((int)Fault.FailOnce, NoSpace, "r3")]
    [InlineData((int)Fault.FailOnce, ReadOnly, "r3")]
    [InlineData((int)Fault.FailFromThenOn, NoSpace, "r3")]
    [Trait("Requirement", "QMF-AGENT-004")]
    public async Task Commit_DiskFailsAtAnySystemCall_LeavesOldOrNewAtOnceAndNothingBeside(int fault, int errno, string to)
    {
        var target = Targets[to];
        for (var at = 1; ; at++)
        {
            using var node = new EmulatedNode();
            var (before, after) = await OldAndNewAsync(node, target);
            var calls = new FaultySystemCalls((Fault)fault, at, errno);
            using var agent = node.Open(calls);
            NodeFileException? refusal = null;
            try
            {
                await agent.Revisions.CommitAsync(target);
            }
            catch (NodeFileException e)
            {
                refusal = e;
            }

            var context = $"{(Fault)fault} {at} of {calls.Made.Count}";
            if (refusal is not null)
            {
                Assert.Equal(errno switch { NoSpace => "NoSpace", ReadOnly => "ReadOnlyFileSystem", _ => "AccessDenied" }, refusal.Reason);
            }

            if (agent.Revisions.Unfinished is null)
            {
                Assert.True(Same(refusal is null ? after : before, node.OwnedTrees()), context);
                Assert.Equal(refusal is null ? to : "r1", agent.Revisions.State.Revision);
            }

            Recover(node, new FaultySystemCalls());
            await AssertOldOrNewAsync(node, before, after, context, target);
            if (calls.Made.Count < at)
            {
                break;
            }
        }
    }

    [Fact]
    public async Task WayBack_KilledAtAnySystemCallAndTheDiskStillFailing_LeavesTheOldFiles()
    {
        // One file of several can never be put in place, neither by the commit nor by the recovery.
        const string broken = ".new /etc/qm/containers/systemd/radio.container";
        for (var (at, died) = (1, true); died; at++)
        {
            using var node = new EmulatedNode();
            var (before, after) = await OldAndNewAsync(node, Sample.New);
            var calls = new FaultySystemCalls(Fault.KillAfter, at, ReadOnly, broken);
            died = await RunAsync(node, calls, Sample.New);
            Recover(node, new FaultySystemCalls(errno: ReadOnly, broken: broken));

            Assert.True(Same(before, node.OwnedTrees()), $"killed at {at}: {calls.Made[^1]}");
            Assert.Equal("r1", await AssertOldOrNewAsync(node, before, after, $"killed at {at}", Sample.New));
        }
    }

    [Fact]
    public async Task Commit_EveryFile_IsFlushedBeforeItsRenameAndItsDirectoryAfter()
    {
        using var node = new EmulatedNode();
        await OldAndNewAsync(node, Sample.New);
        var calls = new FaultySystemCalls();
        Assert.False(await RunAsync(node, calls, Sample.New));

        var renames = calls.Made.Index().Where(call => call.Item.StartsWith("rename ", StringComparison.Ordinal)).ToArray();
        Assert.NotEmpty(renames);
        foreach (var (index, call) in renames)
        {
            var (from, to) = (call.Split(' ')[1], call.Split(' ')[2]);
            var written = calls.Made.FindLastIndex(index, made => made == $"write {from}");
            Assert.InRange(calls.Made.FindIndex(written, made => made == $"flush {from}"), written, index);
            Assert.Equal($"flush {Path.GetDirectoryName(to)}", calls.Made[index + 1]);
        }
    }

    private static async Task<(SortedDictionary<string, string> Before, SortedDictionary<string, string> After)> OldAndNewAsync(EmulatedNode node, StagedRevision target)
    {
        using var agent = node.Open();
        await agent.Revisions.CommitAsync(Sample.Old);
        agent.Revisions.Confirm(Sample.Old.Revision);
        var before = node.OwnedTrees();
        var after = new SortedDictionary<string, string>(before, StringComparer.Ordinal);
        foreach (var file in Sample.Old.Files)
        {
            after.Remove(AllowList.Locate(file.Kind, file.Name, "/etc/qm").Full);
        }

        foreach (var file in target.Files)
        {
            after[AllowList.Locate(file.Kind, file.Name, "/etc/qm").Full] = file.Content;
        }

        return (before, after);
    }

    private static async Task<bool> RunAsync(EmulatedNode node, FaultySystemCalls calls, StagedRevision target)
    {
        using var agent = node.Open(calls);
        try
        {
            await agent.Revisions.CommitAsync(target);
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

    private static bool Recover(EmulatedNode node, FaultySystemCalls calls)
    {
        using var agent = node.Open(calls);
        try
        {
            agent.Revisions.Recover();
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

    // What a restarted agent finds: one of the two, a memory that agrees, nothing beside; and the way forward is open.
    private static async Task<string> AssertOldOrNewAsync(
        EmulatedNode node, SortedDictionary<string, string> before, SortedDictionary<string, string> after, string context, StagedRevision target)
    {
        using var agent = node.Open();
        var (found, revision) = (node.OwnedTrees(), agent.Revisions.State.Revision);
        Assert.True(Same(revision == target.Revision ? after : before, found), $"{context}: the files are not those of {revision}: {Describe(found)}");
        Assert.Null(agent.State.Journal);
        Assert.Equal(revision == target.Revision ? "r1" : null, agent.State.Previous?.Revision);
        Assert.False(Directory.Exists(node.Of(Path.GetDirectoryName(Sample.BrakeDropIn)!)) && revision == "r1", $"{context}: an empty directory was left");
        await agent.Revisions.CommitAsync(target);
        Assert.True(Same(after, node.OwnedTrees()), $"{context}: the commit cannot be repeated");
        Assert.Equal(target == Sample.New ? ["CPUQuota"] : ["CPUQuota", "MemoryHigh"], agent.Revisions.State.RetiredProperties);
        Assert.Equal(target == Sample.New ? ["store"] : ["radio", "store"], agent.Revisions.State.RetiredWorkloads);
        agent.Revisions.Confirm(target.Revision);
        Assert.Equal(["state.json"], Directory.EnumerateFiles(node.Of("var/lib/qm-fleet")).Select(Path.GetFileName));
        return revision;
    }

    private static bool Same(SortedDictionary<string, string> one, SortedDictionary<string, string> other) => one.SequenceEqual(other);

    private static string Describe(SortedDictionary<string, string> files) =>
        files.Aggregate(new StringBuilder(), (text, file) => text.Append(file.Key).Append('\n')).ToString();
}
