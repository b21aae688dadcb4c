using Qm.Fleet.Agent.Revisions;
using Qm.Fleet.Core.Environments;
using Qm.Fleet.Core.Revisions;
using static Qm.Fleet.Agent.Tests.Rootfs.SlotTests;

namespace Qm.Fleet.Agent.Tests.Rootfs;

/// <summary>A rootfs on its way through stage, commit and confirm.</summary>
public sealed class RootfsRevisionTests
{
    [Fact]
    [Trait("Requirement", "QMF-ROOTFS-005")]
    public async Task Stage_ServerHangs_AnswersAtOnceAndReportsHowFarItIs()
    {
        await using var server = new ScriptedServer().AnswerAndStall("200 OK\r\nContent-Length: 1000000", new byte[1000]);
        using var node = new EmulatedNode();
        using var agent = node.Open();
        var revision = Revision("r1", new($"{server.Origin}/rootfs.tar", new('a', 64)));

        await agent.Revisions.StageAsync(revision);
        await agent.Revisions.StageAsync(revision);

        var report = agent.Reporter.Read();
        Assert.Equal((revision.Rootfs!.Sha256, V1.RootfsFetch.Types.Phase.Download), (report.RootfsFetch.Sha256, report.RootfsFetch.Phase));
        Assert.Equal(("", ""), (report.StagedRevision, report.Revision));
        Assert.Equal("NotStaged", Assert.Throws<CommandRefusedException>(() => agent.Revisions.Commit("r1")).Reason);
    }

    [Fact]
    [Trait("Requirement", "QMF-ROOTFS-005")]
    public async Task Stage_SlotComplete_IsStagedAndCommits()
    {
        using var node = new EmulatedNode();
        using var agent = node.Open();
        var revision = Revision("r1", TestArchive.Put(node, TestArchive.Bootable().ToArray()));

        await CommitAsync(agent, revision);
        var report = agent.Reporter.Read();

        Assert.Equal(("r1", revision.Rootfs!.Sha256, null), (report.Revision, Assert.Single(report.RootfsSlots), report.RootfsFetch));
        Assert.Contains($"ROOTFS={RootfsSlot.PathOf(revision.Rootfs.Sha256)}", File.ReadAllText(node.Of(EmulatedNode.QmDropInPath)));
        Assert.Empty(report.Problems);
    }

    [Fact]
    [Trait("Requirement", "QMF-ROOTFS-005")]
    public async Task Stage_FetchFailed_IsToldOnceThenTriedAgain()
    {
        using var node = new EmulatedNode();
        using var agent = node.Open();
        var good = TestArchive.Put(node, TestArchive.Bootable().ToArray());
        var revision = Revision("r1", good with { Url = "file:///srv/missing.tar" });
        await agent.Revisions.StageAsync(revision);
        await agent.Rootfs.Idle;
        Assert.Equal(("ArchiveUnavailable", V1.RootfsFetch.Types.Phase.Failed), (agent.Reporter.Read().RootfsFetch.Reason, agent.Reporter.Read().RootfsFetch.Phase));

        var refusal = await Assert.ThrowsAsync<CommandRefusedException>(() => agent.Revisions.StageAsync(revision));
        Assert.Equal("ArchiveUnavailable", refusal.Reason);
        Assert.Null(agent.Reporter.Read().RootfsFetch);

        File.Copy(node.Of("srv/rootfs.tar"), node.Of("srv/missing.tar"));
        await agent.Revisions.StageAsync(revision);
        await agent.Rootfs.Idle;
        Assert.Equal("r1", agent.Reporter.Read().StagedRevision);
    }

    [Fact]
    [Trait("Requirement", "QMF-ROOTFS-005")]
    public async Task Start_WithAStagedRootfs_GoesOn()
    {
        using var node = new EmulatedNode();
        var file = TestArchive.Bootable().ToArray();
        var revision = Revision("r1", TestArchive.Put(node, file));
        File.Delete(node.Of("srv/rootfs.tar"));
        using (var killed = node.Open())
        {
            await killed.Revisions.StageAsync(revision);
        }

        TestArchive.Put(node, file);
        using var agent = node.Open();
        agent.Revisions.Recover();
        agent.Revisions.TendRootfs();
        await agent.Rootfs.Idle;

        Assert.Equal("r1", agent.Reporter.Read().StagedRevision);
    }

    [Theory]
    [InlineData("http://a.example/x\nEnvironment=A=b", "control character")]
    [InlineData("ftp://a.example/x", "ftp is not a way")]
    [InlineData("https://user:secret@a.example/x", "user or a password")]
    [Trait("Requirement", "QMF-ROOTFS-001")]
    public async Task Stage_ImpossibleAddress_IsRefused(string url, string complaint)
    {
        using var node = new EmulatedNode();
        using var agent = node.Open();
        var refusal = await Assert.ThrowsAsync<CommandRefusedException>(() => agent.Revisions.StageAsync(Revision("r1", new(url, "xyz"))));
        Assert.Equal("InvalidRootfs", refusal.Reason);
        Assert.Contains(complaint, refusal.Message);
        Assert.Contains("not a SHA-256", refusal.Message);
        Assert.DoesNotContain("secret", refusal.Message);
    }

    [Fact]
    [Trait("Requirement", "QMF-ROOTFS-005")]
    public async Task Stage_OtherDropInHasTheLastWord_IsRefused()
    {
        using var node = new EmulatedNode();
        node.Write("etc/containers/systemd/qm.container.d/90-local.conf", "[Service]\nEnvironment=ROOTFS=/usr/lib/qm/rootfs\n");
        using var agent = node.Open();
        var refusal = await Assert.ThrowsAsync<CommandRefusedException>(
            () => agent.Revisions.StageAsync(Revision("r1", TestArchive.Put(node, TestArchive.Bootable().ToArray()))));
        Assert.Equal("InvalidQuadlet", refusal.Reason);
        Assert.Empty(Names(node));
    }

    [Fact]
    [Trait("Requirement", "QMF-ROOTFS-006")]
    public async Task Commit_NewSlot_SeedsWhatIsMissingInEtcAndOverwritesNothing()
    {
        using var node = new EmulatedNode();
        using var agent = node.Open();
        node.Write("etc/qm/motd", "the operator's");
        File.CreateSymbolicLink(node.Of("etc/qm/escape"), node.Of("etc"));
        var archive = TestArchive.Put(node, TestArchive.Bootable()
            .File("./etc/motd", "the image's")
            .Directory("./etc/ssl/", UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute)
            .File("./etc/ssl/key", "secret", UnixFileMode.UserRead)
            .Link("./etc/localtime", "../usr/share/zoneinfo/UTC")
            .Directory("./etc/escape/")
            .File("./etc/escape/shadow", "planted")
            .File("./etc/containers/containers.conf", "[containers]\n")
            .ToArray());

        await CommitAsync(agent, Revision("r1", archive));
        var report = agent.Reporter.Read();

        Assert.Equal("the operator's", File.ReadAllText(node.Of("etc/qm/motd")));
        Assert.Equal(("secret", UnixFileMode.UserRead), (File.ReadAllText(node.Of("etc/qm/ssl/key")), File.GetUnixFileMode(node.Of("etc/qm/ssl/key"))));
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute, File.GetUnixFileMode(node.Of("etc/qm/ssl")));
        Assert.Equal("../usr/share/zoneinfo/UTC", new FileInfo(node.Of("etc/qm/localtime")).LinkTarget);
        Assert.False(File.Exists(node.Of("etc/shadow")));
        Assert.Equal(["/etc/containers/containers.conf", "/etc/escape", "/etc/motd"], report.EtcDifferences);
        Assert.Equal(3, report.EtcDifferenceCount);
        Assert.DoesNotContain(Directory.EnumerateFiles(node.Of("etc/qm"), "*", SearchOption.AllDirectories), path => path.Contains("seed"));
    }

    [Fact]
    [Trait("Requirement", "QMF-ROOTFS-003")]
    public async Task Confirm_ThirdSlot_KeepsCurrentAndPrevious()
    {
        using var node = new EmulatedNode();
        using var agent = node.Open();
        var archives = new List<RootfsArchive>();
        for (var number = 1; number <= 3; number++)
        {
            archives.Add(TestArchive.Put(node, TestArchive.Bootable().File("./usr/version", $"{number}").ToArray()));
            await CommitAsync(agent, Revision($"r{number}", archives[^1]));
            agent.Revisions.Confirm($"r{number}");
            await agent.Rootfs.Idle;
        }

        Assert.Equal(archives.Skip(1).Select(archive => archive.Sha256).Order(StringComparer.Ordinal), Names(node));

        // The way back needs no archive.
        Directory.Delete(node.Of("srv"), recursive: true);
        await CommitAsync(agent, Revision("r2", archives[1]));
        Assert.Equal("r2", agent.Reporter.Read().Revision);
    }

    [Fact]
    [Trait("Requirement", "QMF-ROOTFS-003")]
    public async Task Start_QmStillRunsFromAnUnconfirmedSlot_KeepsIt()
    {
        using var node = new EmulatedNode();
        using var agent = node.Open();
        var one = TestArchive.Put(node, TestArchive.Bootable().File("./usr/version", "1").ToArray());
        await CommitAsync(agent, Revision("r1", one));
        node.Write("proc/492/mountinfo", $"600 500 253:1 {RootfsSlot.PathOf(one.Sha256)} / ro - ext4 /dev/vda1 rw");
        var two = TestArchive.Put(node, TestArchive.Bootable().File("./usr/version", "2").ToArray());
        await CommitAsync(agent, Revision("r2", two));

        agent.Revisions.TendRootfs();
        await agent.Rootfs.Idle;
        Assert.Equal(new[] { one.Sha256, two.Sha256 }.Order(StringComparer.Ordinal), Names(node));

        node.Write("proc/492/mountinfo", $"600 500 253:1 {RootfsSlot.PathOf(two.Sha256)} / ro - ext4 /dev/vda1 rw");
        agent.Revisions.TendRootfs();
        await agent.Rootfs.Idle;
        Assert.Equal([two.Sha256], Names(node));
    }

    [Theory]
    [InlineData("600 500 253:1 /lib/qm-fleet/rootfs/{0} / ro - ext4 /dev/vda1 rw", "/lib/qm-fleet/rootfs/{0}")]
    [InlineData("600 500 0:30 / / rw - tmpfs t rw\n601 600 253:1 /a\\040b / ro - ext4 /dev/vda1 rw\n602 601 0:52 / /proc rw - proc proc rw", "/a b")]
    [InlineData("600 500 0:31 / / ro - overlay overlay rw", "")]
    [InlineData("nonsense", "")]
    [Trait("Requirement", "QMF-AGENT-002")]
    public void Report_RunningRootfs_IsWhatIsMountedOnTheRootOfQmsInit(string mounts, string expected)
    {
        using var node = new EmulatedNode();
        using var agent = node.Open();
        var slot = new string('c', 64);
        node.Write("proc/492/mountinfo", mounts.Replace("{0}", slot));
        Assert.Equal(expected.Replace("{0}", slot), agent.Reporter.Read().Rootfs);
    }

    private static async Task CommitAsync(EmulatedNode.Opened agent, StagedRevision revision)
    {
        await agent.Revisions.StageAsync(revision);
        await agent.Rootfs.Idle;
        Assert.True(agent.Rootfs.Status is null, agent.Rootfs.Status?.Message);
        agent.Revisions.Commit(revision.Revision);
    }

    private static StagedRevision Revision(string name, RootfsArchive archive) => new(
        name, [new(OwnedFileKind.QmContainerDropIn, "", $"[Service]\nOOMScoreAdjust=500\nEnvironment=ROOTFS={RootfsSlot.PathOf(archive.Sha256)}\n")], archive);
}
