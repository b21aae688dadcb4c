using Qm.Fleet.Agent.Revisions;
using Qm.Fleet.Agent.Tests.Rootfs;
using Qm.Fleet.Core.Environments;
using Qm.Fleet.Core.Revisions;

namespace Qm.Fleet.Agent.Tests.Labels;

/// <summary>Kills where SELinux is on: at every system call of what is labelled, and while restorecon is at it.</summary>
[Trait("Requirement", "QMF-RULE-4")]
public sealed class LabelCrashTests
{
    private const string Foreign = "/srv/www /var/www\n";

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(0)]
    [InlineData(50)]
    [InlineData(100)]
    [Trait("Requirement", "QMF-LABEL-001")]
    public async Task Slot_KilledWhileRestoreconIsAtIt_HasItsNameOnlyOnceAllOfItIsLabelled(int percent)
    {
        using var selinux = Enforcing();
        selinux.Kill(1, percent);
        var archive = Put(selinux.Node, 1);
        Assert.True(await DiesAsync(selinux, new(isKilled: () => selinux.IsKilled), agent => ApplyAsync(agent, 1, archive)));
        Assert.DoesNotContain(Directory.GetDirectories(selinux.Node.Of(RootfsSlot.Directory)).Select(Path.GetFileName), name => RootfsSlot.IsDigest(name!));

        selinux.Revive();
        using var agent = selinux.Node.Open();
        agent.Revisions.TendRootfs();
        await agent.Rootfs.Idle;

        Assert.Equal([archive.Sha256], agent.Rootfs.Slots);
        AssertLabelled(selinux, agent, $"killed at {percent} %");
    }

    // The third slot is made, and the first goes: rules and labels of both.
    [Theory]
    [InlineData((int)Fault.KillHalfway)]
    [InlineData((int)Fault.KillAfter)]
    [Trait("Requirement", "QMF-LABEL-001")]
    public async Task Rootfs_KilledAtAnySystemCall_HasRulesForItsSlotsAndEachIsLabelled(int fault)
    {
        var died = true;
        for (var at = 1; died; at++)
        {
            using var selinux = Enforcing();
            RootfsArchive[] archives = [.. Enumerable.Range(1, 3).Select(number => Put(selinux.Node, number))];
            using (var agent = selinux.Node.Open())
            {
                await ApplyAsync(agent, 1, archives[0]);
                await ApplyAsync(agent, 2, archives[1]);
            }

            var calls = new FaultySystemCalls((Fault)fault, at);
            died = await DiesAsync(selinux, calls, agent => ApplyAsync(agent, 3, archives[2]));
            var context = $"{(Fault)fault} {at}: {calls.Made[^1]}";
            var without = selinux.Names.Where(name => RootfsSlot.IsDigest(name) && name != archives[2].Sha256 && !Directory.Exists(selinux.Node.Of(RootfsSlot.PathOf(name))));
            Assert.True(!without.Any(), $"{context}: a slot is gone, and its rule is left");

            using var restarted = selinux.Node.Open();
            restarted.Revisions.Recover();
            restarted.Revisions.TendRootfs();
            await restarted.Rootfs.Idle;
            AssertLabelled(selinux, restarted, context);

            await ApplyAsync(restarted, 3, archives[2]);
            Assert.Equal(archives.Skip(1).Select(archive => archive.Sha256).Order(), restarted.Rootfs.Slots.Order());
            AssertLabelled(selinux, restarted, context);
            Assert.True(died || at > 60, $"only {at} system calls were enumerated");
        }
    }

    [Theory]
    [InlineData((int)Fault.KillBefore)]
    [InlineData((int)Fault.KillHalfway)]
    [InlineData((int)Fault.KillAfter)]
    [Trait("Requirement", "QMF-LABEL-002")]
    public async Task OwnedFiles_KilledAtAnySystemCall_AreLabelledByTheNextStart(int fault)
    {
        var died = true;
        for (var at = 1; died; at++)
        {
            using var selinux = Enforcing();
            await CommitAsync(selinux, new(), Sample.Old);
            var calls = new FaultySystemCalls((Fault)fault, at);
            died = await DiesAsync(selinux, calls, agent => CommitAsync(agent, Sample.New));

            await AssertLabelledAtTheStartAsync(selinux, $"{(Fault)fault} {at}: {calls.Made[^1]}");
            Assert.True(died || at > 40, $"only {at} system calls were enumerated");
        }
    }

    [Theory]
    [InlineData(0)]
    [InlineData(50)]
    [InlineData(100)]
    [Trait("Requirement", "QMF-LABEL-002")]
    public async Task OwnedFiles_KilledWhileRestoreconIsAtThem_AreLabelledByTheNextStart(int percent)
    {
        using var selinux = Enforcing();
        await CommitAsync(selinux, new(), Sample.Old);
        selinux.Kill(2, percent);
        Assert.True(await DiesAsync(selinux, new(isKilled: () => selinux.IsKilled), agent => CommitAsync(agent, Sample.New)));

        selinux.Revive();
        await AssertLabelledAtTheStartAsync(selinux, $"killed at {percent} %");
    }

    private static SelinuxNode Enforcing()
    {
        var selinux = new SelinuxNode();
        selinux.Label();
        selinux.WriteRules(Foreign);
        return selinux;
    }

    private static void AssertLabelled(SelinuxNode selinux, EmulatedNode.Opened agent, string context)
    {
        Assert.True(agent.Rootfs.Slots.Order().SequenceEqual(selinux.Names.Order()), $"{context}: slots {string.Join(' ', agent.Rootfs.Slots)}, rules {selinux.Rules}");
        Assert.StartsWith(Foreign, selinux.Rules, StringComparison.Ordinal);
        Assert.All(agent.Rootfs.Slots, slot => Assert.True(selinux.Unlabelled(RootfsSlot.PathOf(slot)) is [], $"{context}: {string.Join(' ', selinux.Unlabelled(RootfsSlot.PathOf(slot)))}"));
    }

    private static async Task AssertLabelledAtTheStartAsync(SelinuxNode selinux, string context)
    {
        using var opened = selinux.Node.Open();
        using var agent = opened.Agent(systemd: null);
        await agent.RecoverAsync(Ct);
        Assert.NotEmpty(opened.Revisions.State.Files);
        Assert.All(opened.Revisions.State.Files, file => Assert.True(selinux.Unlabelled(file.Path.Full) is [], $"{context}: {file.Path.Full}"));
    }

    private static async Task CommitAsync(SelinuxNode selinux, FaultySystemCalls calls, StagedRevision revision) =>
        Assert.False(await DiesAsync(selinux, calls, agent => CommitAsync(agent, revision)));

    // With the labels after it, as the controller has it done.
    private static async Task CommitAsync(EmulatedNode.Opened opened, StagedRevision revision)
    {
        using var agent = opened.Agent(systemd: null);
        await opened.Revisions.StageAsync(revision);
        var (result, _) = await agent.ExecuteAsync(new() { Id = "1", Commit = new() { Revision = revision.Revision } }, Ct);
        Assert.True(result.Ok, result.Message);
    }

    private static async Task ApplyAsync(EmulatedNode.Opened agent, int number, RootfsArchive archive)
    {
        var name = $"r{number}";
        await agent.Revisions.StageAsync(
            new StagedRevision(name, [new(OwnedFileKind.QmContainerDropIn, "", $"[Service]\nEnvironment=ROOTFS={RootfsSlot.PathOf(archive.Sha256)}\n")], archive));
        await agent.Rootfs.Idle;
        agent.Revisions.Commit(name);
        agent.Revisions.Confirm(name);
        await agent.Rootfs.Idle;
    }

    // One that is killed while restorecon runs hears that it failed, and does nothing more to the disk.
    private static async Task<bool> DiesAsync(SelinuxNode selinux, FaultySystemCalls calls, Func<EmulatedNode.Opened, Task> act)
    {
        try
        {
            using var agent = selinux.Node.Open(calls);
            await act(agent);
            return false;
        }
        catch (CrashException)
        {
            return true;
        }
    }

    private static RootfsArchive Put(EmulatedNode node, int number)
    {
        var put = TestArchive.Put(node, TestArchive.Bootable().File("./usr/version", $"{number}", (UnixFileMode)0b110_000_000).Link("./usr/link", "version").ToArray());
        File.Move(node.Of("srv/rootfs.tar"), node.Of($"srv/rootfs{number}.tar"));
        return put with { Url = $"file:///srv/rootfs{number}.tar" };
    }
}
