using Qm.Fleet.Agent.Revisions;
using Qm.Fleet.Core.Environments;
using Qm.Fleet.Core.Revisions;

namespace Qm.Fleet.Agent.Tests.Rootfs;

/// <summary>Kills at every system call of a change of rootfs: download, unpacking, /etc, commit, and the removal of the slot nobody needs.</summary>
[Trait("Requirement", "QMF-RULE-4")]
[Trait("Requirement", "QMF-ROOTFS-003")]
public sealed class RootfsCrashTests
{
    private const string SeedLeftover = ".qm-fleet-seed.new";

    [Theory]
    [InlineData((int)Fault.KillBefore, false)]
    [InlineData((int)Fault.KillHalfway, false)]
    [InlineData((int)Fault.KillAfter, false)]
    [InlineData((int)Fault.KillBefore, true)]
    [InlineData((int)Fault.KillHalfway, true)]
    [InlineData((int)Fault.KillAfter, true)]
    public async Task Rootfs_KilledAtAnySystemCall_SelectsAWholeSlotOldOrNew(int fault, bool isRollback)
    {
        var (from, target) = (isRollback ? 3 : 2, isRollback ? 2 : 3);
        var reference = await ReferenceAsync(from, target);
        var (ends, kinds) = (new HashSet<string>(), new HashSet<string>());
        var died = true;
        for (var at = 1; died; at++)
        {
            using var node = new EmulatedNode();
            var archives = await ConfirmedAsync(node, from);
            var calls = new FaultySystemCalls((Fault)fault, at);
            died = await RunAsync(node, calls, Revision(target, archives[target - 1]));
            kinds.UnionWith(calls.Made.Select(call => call.Split(' ')[0]));
            ends.Add(await AssertOldOrNewAsync(node, reference, $"{(Fault)fault} {at}: {calls.Made[^1]}"));
            await ApplyAsync(node, Revision(target, archives[target - 1]));
            Assert.Equal(reference.After, Look(node));
        }

        Assert.Equal(new[] { $"r{from}", $"r{target}" }.Order(), ends.Order());
        Assert.Superset(new HashSet<string>(isRollback
            ? ["create", "write", "flush", "rename", "link", "delete"]
            : ["create", "write", "flush", "rename", "link", "delete", "mkdir", "symlink", "chown", "apply", "flushfs", "rmtree"]), kinds);
    }

    // Slots 1 to 3 are confirmed one after the other; with the third the first goes, and the second stays for the way back.
    private static async Task<RootfsArchive[]> ConfirmedAsync(EmulatedNode node, int last)
    {
        node.Write("etc/qm/motd", "the operator's");
        RootfsArchive[] archives = [.. Enumerable.Range(1, 3).Select(number => Put(node, number))];
        for (var number = 1; number <= last; number++)
        {
            await ApplyAsync(node, Revision(number, archives[number - 1]));
        }

        return archives;
    }

    private static async Task<Reference> ReferenceAsync(int from, int target)
    {
        using var node = new EmulatedNode();
        var archives = await ConfirmedAsync(node, from);
        var before = Look(node);
        await ApplyAsync(node, Revision(target, archives[target - 1]));
        return new($"r{from}", before, $"r{target}", Look(node));
    }

    private static async Task ApplyAsync(EmulatedNode node, StagedRevision revision) =>
        Assert.False(await RunAsync(node, new FaultySystemCalls(), revision));

    private static async Task<bool> RunAsync(EmulatedNode node, FaultySystemCalls calls, StagedRevision revision)
    {
        try
        {
            using var agent = node.Open(calls);
            await agent.Revisions.StageAsync(revision);
            await agent.Rootfs.Idle;
            Assert.True(agent.Rootfs.Status is null, agent.Rootfs.Status?.Message);
            agent.Revisions.Commit(revision.Revision);
            agent.Revisions.Confirm(revision.Revision);
            await agent.Rootfs.Idle;
            return false;
        }
        catch (CrashException)
        {
            return true;
        }
    }

    // What a restarted agent leaves once it is idle again: slots that are whole, one of them selected, and an /etc that has only whole files.
    private static async Task<string> AssertOldOrNewAsync(EmulatedNode node, Reference reference, string context)
    {
        using var agent = node.Open();
        AssertSlotsWhole(agent.Rootfs.Slots, Look(node), reference, $"{context}, before the restart");
        agent.Revisions.Recover();
        agent.Revisions.TendRootfs();
        await agent.Rootfs.Idle;
        var (state, found) = (agent.Revisions.State, Look(node));
        var isNew = state.Revision == reference.NewName;
        Assert.True(isNew || state.Revision == reference.OldName, $"{context}: revision \"{state.Revision}\"");
        Assert.Null(agent.State.Journal);

        var dropIn = $"/{EmulatedNode.QmDropInPath}";
        Assert.True(found[dropIn] == (isNew ? reference.After : reference.Before)[dropIn], $"{context}: the drop-in is not that of {state.Revision}");
        Assert.Contains(RootfsSlot.PathOf(state.Rootfs), found[dropIn]);
        Assert.Contains(state.Rootfs, agent.Rootfs.Slots);
        var slots = Directory.GetFileSystemEntries(node.Of(RootfsSlot.Directory)).Select(Path.GetFileName);
        Assert.All(slots, name => Assert.True(RootfsSlot.IsDigest(name!), $"{context}: {name} was left"));
        AssertSlotsWhole(agent.Rootfs.Slots, found, reference, context);

        // What was seeded into QM's /etc stays, whichever revision it came with.
        Assert.All(found.Where(file => file.Key.StartsWith("/etc/qm/", StringComparison.Ordinal) && Path.GetFileName(file.Key) != SeedLeftover), file =>
            Assert.True(reference.After.TryGetValue(file.Key, out var whole) && whole == file.Value, $"{context}: {file.Key} is not whole"));
        Assert.All(Below(reference.Before, "/etc/qm/"), file => Assert.True(found.ContainsKey(file.Key), $"{context}: {file.Key} is gone"));
        return state.Revision;
    }

    // Whatever has the name of a slot can be selected.
    private static void AssertSlotsWhole(IReadOnlyList<string> slots, SortedDictionary<string, string> found, Reference reference, string context)
    {
        foreach (var path in slots.Select(RootfsSlot.PathOf))
        {
            Assert.True(Slot(found) is var whole && (whole.SequenceEqual(Slot(reference.Before)) || whole.SequenceEqual(Slot(reference.After))),
                $"{context}: {path} is not whole");

            IEnumerable<KeyValuePair<string, string>> Slot(SortedDictionary<string, string> tree) => Below(tree, $"{path}/");
        }
    }

    private static IEnumerable<KeyValuePair<string, string>> Below(SortedDictionary<string, string> tree, string part) =>
        tree.Where(file => file.Key.StartsWith(part, StringComparison.Ordinal));

    // Every name with its kind, mode and content.
    private static SortedDictionary<string, string> Look(EmulatedNode node) => new(
        new[] { "etc", RootfsSlot.Directory }.SelectMany(top => new DirectoryInfo(node.Of(top)).EnumerateFileSystemInfos("*", SearchOption.AllDirectories))
            .ToDictionary(entry => entry.FullName[node.Root.Length..], entry => entry switch
            {
                { LinkTarget: { } target } => $"link to {target}",
                DirectoryInfo => $"directory {entry.UnixFileMode}",
                _ => $"file {entry.UnixFileMode} {File.ReadAllText(entry.FullName)}",
            }), StringComparer.Ordinal);

    private static RootfsArchive Put(EmulatedNode node, int number)
    {
        var put = TestArchive.Put(node, TestArchive.Bootable()
            .File("./usr/version", $"{number}", (UnixFileMode)0b110_000_000)
            .HardLink("./usr/version.same", "./usr/version")
            .File("./etc/motd", "the image's")
            .Directory($"./etc/image{number}/", (UnixFileMode)0b111_000_000)
            .File($"./etc/image{number}/key", $"key {number}", UnixFileMode.UserRead)
            .Link($"./etc/image{number}/clock", "../../usr/share/zoneinfo/UTC")
            .ToArray());
        File.Move(node.Of("srv/rootfs.tar"), node.Of($"srv/rootfs{number}.tar"));
        return put with { Url = $"file:///srv/rootfs{number}.tar" };
    }

    private static StagedRevision Revision(int number, RootfsArchive archive) => new(
        $"r{number}", [new(OwnedFileKind.QmContainerDropIn, "", $"[Service]\nOOMScoreAdjust=500\nEnvironment=ROOTFS={RootfsSlot.PathOf(archive.Sha256)}\n")], archive);

    private sealed record Reference(string OldName, SortedDictionary<string, string> Before, string NewName, SortedDictionary<string, string> After);
}
