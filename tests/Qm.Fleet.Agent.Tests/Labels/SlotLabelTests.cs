using Qm.Fleet.Agent.Revisions;
using Qm.Fleet.Agent.Tests.Rootfs;
using Qm.Fleet.Core.Environments;
using Qm.Fleet.Core.Revisions;

namespace Qm.Fleet.Agent.Tests.Labels;

/// <summary>A node with SELinux, and a program in the place of restorecon that writes down how it was called and what there was then.</summary>
[Trait("Requirement", "QMF-LABEL-001")]
public sealed class SlotLabelTests : IDisposable
{
    private const string Foreign = "/srv/www /var/www\n# of the operator's\n";
    private readonly SelinuxNode _selinux = new();

    private EmulatedNode Node => _selinux.Node;

    public void Dispose() => _selinux.Dispose();

    [Theory]
    [InlineData("1")]
    [InlineData("0")]
    public async Task Stage_WhereSelinuxIsOn_LabelsTheSlotBeforeItIsComplete(string enforce)
    {
        Node.Write("sys/fs/selinux/enforce", enforce);
        _selinux.WriteRules(Foreign);
        using var agent = Node.Open();
        var archive = Archive(1);

        await StageAsync(agent, "r1", archive);

        Assert.Equal([$"-R -F {RootfsSlot.PathOf(archive.Sha256)}.partial; slots: {archive.Sha256}.part {archive.Sha256}.partial; rules: {archive.Sha256} {archive.Sha256}.partial"], _selinux.Calls);
        Assert.Equal($"{Foreign}{RootfsSlot.PathOf(archive.Sha256)} /usr/lib/qm/rootfs\n", _selinux.Rules);
        Assert.Equal("r1", agent.Revisions.StagedRevision);
    }

    [Fact]
    public async Task Stage_WhereSelinuxIsOff_DoesNothingOfIt()
    {
        Directory.Delete(Node.Of("sys/fs/selinux"), recursive: true);
        _selinux.WriteRules(Foreign);
        using var agent = Node.Open();

        await StageAsync(agent, "r1", Archive(1));

        Assert.Empty(_selinux.Calls);
        Assert.Equal(Foreign, _selinux.Rules);
        Assert.Equal("r1", agent.Revisions.StagedRevision);
    }

    [Theory]
    [InlineData("fails", "it ended with 255: restorecon: Operation not permitted")]
    [InlineData("missing", "restorecon is not installed on this node. Install policycoreutils.")]
    [InlineData("policy", "/etc/selinux/targeted/contexts/files")]
    public async Task Stage_SlotThatCannotBeLabelled_IsRefusedWithTheReasonAndNothingIsLeft(string what, string reason)
    {
        _selinux.WriteRules(Foreign);
        _selinux.Break(what);
        using var agent = Node.Open();
        var archive = Archive(1);

        await StageAsync(agent, "r1", archive);

        Assert.Equal("NotLabelled", agent.Rootfs.Status!.Reason);
        Assert.Contains(reason, agent.Rootfs.Status.Message, StringComparison.Ordinal);
        Assert.Equal("", agent.Revisions.StagedRevision);
        Assert.Empty(Directory.GetFileSystemEntries(Node.Of(RootfsSlot.Directory)));
        Assert.Equal(what == "policy" ? null : Foreign, _selinux.Rules);
    }

    [Fact]
    public async Task Collect_SlotsThatNobodyNeeds_TakeTheirRulesAlong()
    {
        using var agent = Node.Open();
        var archives = new List<RootfsArchive>();
        foreach (var number in Enumerable.Range(1, 3))
        {
            archives.Add(Archive(number));
            await StageAsync(agent, $"r{number}", archives[^1]);
            agent.Revisions.Commit($"r{number}");
            agent.Revisions.Confirm($"r{number}");
            await agent.Rootfs.Idle;
        }

        Assert.Equal(archives.Skip(1).Select(archive => archive.Sha256).Order(), agent.Rootfs.Slots.Order());
        Assert.Equal(agent.Rootfs.Slots.Order(), _selinux.Names.Order());
    }

    [Theory]
    [InlineData((int)Fault.KillBefore)]
    [InlineData((int)Fault.KillHalfway)]
    [InlineData((int)Fault.KillAfter)]
    public async Task Slot_KilledAtAnySystemCall_IsLabelledWithItsRuleOrGoneWithIt(int fault)
    {
        var (ends, died) = (new HashSet<int>(), true);
        for (var at = 1; died; at++)
        {
            using var selinux = new SelinuxNode();
            selinux.WriteRules(Foreign);
            var archive = Archive(1, selinux.Node);
            died = await TryAsync(selinux.Node, new((Fault)fault, at), archive);

            using var agent = selinux.Node.Open();
            agent.Revisions.TendRootfs();
            await agent.Rootfs.Idle;
            var context = $"{(Fault)fault} {at}";
            Assert.True(agent.Rootfs.Slots.SequenceEqual(selinux.Names), $"{context}: slots {string.Join(' ', agent.Rootfs.Slots)}, rules {selinux.Rules}");
            Assert.True(agent.Rootfs.Slots.All(slot => selinux.Calls.Any(call => call.StartsWith($"-R -F {RootfsSlot.PathOf(slot)}.partial;", StringComparison.Ordinal))), $"{context}: not labelled");
            Assert.StartsWith(Foreign, selinux.Rules, StringComparison.Ordinal);
            ends.Add(agent.Rootfs.Slots.Count);

            await StageAsync(agent, "r1", archive);
            Assert.Equal([archive.Sha256], selinux.Names);
        }

        Assert.Contains(1, ends);
    }

    private static async Task<bool> TryAsync(EmulatedNode node, FaultySystemCalls calls, RootfsArchive archive)
    {
        try
        {
            using var agent = node.Open(calls);
            await StageAsync(agent, "r1", archive);
            return false;
        }
        catch (CrashException)
        {
            return true;
        }
    }

    private static async Task StageAsync(EmulatedNode.Opened agent, string name, RootfsArchive archive)
    {
        await agent.Revisions.StageAsync(new StagedRevision(name,
            [new(OwnedFileKind.QmContainerDropIn, "", $"[Service]\nEnvironment=ROOTFS={RootfsSlot.PathOf(archive.Sha256)}\n")], archive));
        await agent.Rootfs.Idle;
    }

    private RootfsArchive Archive(int number) => Archive(number, Node);

    private static RootfsArchive Archive(int number, EmulatedNode node) => TestArchive.Put(node, TestArchive.Bootable().File("./number", $"{number}").ToArray());
}
