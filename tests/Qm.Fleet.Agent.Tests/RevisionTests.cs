using System.Text.Json;
using Qm.Fleet.Agent.Evidence;
using Qm.Fleet.Agent.Files;
using Qm.Fleet.Agent.Revisions;
using Qm.Fleet.Core.Revisions;

namespace Qm.Fleet.Agent.Tests;

public sealed class RevisionTests
{
    [Fact]
    [Trait("Requirement", "QMF-AGENT-003")]
    public async Task EveryCommand_Repeated_WritesNothing()
    {
        using var node = new EmulatedNode();
        var calls = new FaultySystemCalls();
        using var agent = node.Open(calls);
        await agent.Revisions.StageAsync(Sample.Old);
        await UnchangedAsync(() => agent.Revisions.StageAsync(Sample.Old));
        agent.Revisions.Commit("r1");
        await UnchangedAsync(() => agent.Revisions.StageAsync(Sample.Old));
        await UnchangedAsync(() => Task.Run(() => agent.Revisions.Commit("r1")));
        agent.Revisions.Confirm("r1");
        await UnchangedAsync(() => Task.Run(() => agent.Revisions.Confirm("r1")));
        await UnchangedAsync(() => agent.Revisions.CommitAsync(Sample.Old));
        Assert.True(agent.Revisions.State.Confirmed);

        async Task UnchangedAsync(Func<Task> again)
        {
            var (made, times) = (calls.Made.Count, node.Times());
            await again();
            Assert.Equal(made, calls.Made.Count);
            Assert.Equal(times, node.Times());
        }
    }

    [Fact]
    [Trait("Requirement", "QMF-AGENT-003")]
    public async Task Commit_FileThatStaysTheSame_IsNotTouchedAndKeepsItsTime()
    {
        using var node = new EmulatedNode();
        using var agent = node.Open();
        await agent.Revisions.CommitAsync(Sample.Old);
        var (path, before) = (node.Of("etc/qm/containers/containers.conf.d/50-qm-fleet.conf"), agent.Reporter.Read());
        var written = File.GetLastWriteTimeUtc(path);
        await agent.Revisions.CommitAsync(Sample.New);

        var after = agent.Reporter.Read();
        Assert.Equal(written, File.GetLastWriteTimeUtc(path));
        Assert.Equal(At(before, "containers.conf.d"), At(after, "containers.conf.d"));
        Assert.True(At(after, "qm.container.d") > At(before, "qm.container.d"));

        static long At(V1.NodeReport report, string part) => report.Files.Single(file => file.Path.Contains(part)).CommittedAtUs;
    }

    [Fact]
    [Trait("Requirement", "QMF-AGENT-001")]
    public async Task Stage_WorkloadOfSomebodyElse_IsRefusedAndLeftAlone()
    {
        using var node = new EmulatedNode();
        using var agent = node.Open();
        var before = node.OwnedTrees();
        var refusal = await Assert.ThrowsAsync<CommandRefusedException>(() => agent.Revisions.StageAsync(
            new("r1", [new(OwnedFileKind.Workload, "foreign", "[Container]\nImage=localhost/ours\n")])));

        Assert.Equal("FileNotOwned", refusal.Reason);
        Assert.Contains("/etc/qm/containers/systemd/foreign.container", refusal.Message);
        Assert.Equal(before, node.OwnedTrees());
    }

    [Fact]
    [Trait("Requirement", "QMF-AGENT-001")]
    public async Task Commit_WorkloadThatAppearedSinceTheStage_IsRefused()
    {
        using var node = new EmulatedNode();
        using var agent = node.Open();
        await agent.Revisions.StageAsync(Sample.Old);
        node.Write("etc/qm/containers/systemd/radio.container", "[Container]\nImage=localhost/theirs\n");
        var before = node.OwnedTrees();

        Assert.Equal("FileNotOwned", Assert.Throws<CommandRefusedException>(() => agent.Revisions.Commit("r1")).Reason);
        Assert.Equal(before, node.OwnedTrees());
    }

    [Fact]
    [Trait("Requirement", "QMF-AGENT-001")]
    public async Task Commit_EmptyRevision_RemovesWhatWasOursAndNothingElse()
    {
        using var node = new EmulatedNode();
        var untouched = node.OwnedTrees();
        using var agent = node.Open();
        await agent.Revisions.CommitAsync(Sample.New);
        Assert.Equal(untouched.Count + 5, node.OwnedTrees().Count);
        await agent.Revisions.CommitAsync(new("empty", []));
        Assert.Equal(untouched, node.OwnedTrees());
    }

    [Fact]
    [Trait("Requirement", "QMF-AGENT-004")]
    public async Task Stage_ManyProblems_NamesThemAllAndChangesNothing()
    {
        using var node = new EmulatedNode();
        using var agent = node.Open();
        var times = node.Times();
        var refusal = await Assert.ThrowsAsync<CommandRefusedException>(() => agent.Revisions.StageAsync(new("r1",
        [
            new(OwnedFileKind.Workload, "../x", ""),
            new(OwnedFileKind.AsilDropIn, "qm.service", ""),
            new(OwnedFileKind.QmContainerDropIn, "", new string('x', StageChecks.FileBytesMax + 1)),
            new(OwnedFileKind.QmContainersConf, "", "a"),
            new(OwnedFileKind.QmContainersConf, "", "b\0"),
        ])));

        Assert.Equal("InvalidFile", refusal.Reason);
        Assert.All((string[])["../x", "qm.service", "262145 bytes", "listed 2 times", "NUL"], part => Assert.Contains(part, refusal.Message));
        Assert.Equal(times, node.Times());
    }

    [Theory]
    [Trait("Requirement", "QMF-AGENT-004")]
    [InlineData("rootfs", "RootfsMissing", "/usr/lib/qm/rootfs")]
    [InlineData("quadlet", "QmNotInstalled", "/usr/share/containers/systemd")]
    [InlineData("environment", "InvalidQuadlet", "RWETCFS")]
    [InlineData("qm-etc", "DirectoryMissing", "/etc/qm")]
    [InlineData("directory-in-place", "WrongFileType", "50-qm-fleet.conf")]
    [InlineData("link-in-place", "WrongFileType", "50-qm-fleet.conf")]
    [InlineData("file-for-directory", "WrongFileType", "qm.container.d")]
    public async Task Stage_OrCommit_OnABrokenNode_SaysWhatAndWhereAndChangesNothing(string broken, string reason, string where)
    {
        using var node = new EmulatedNode();
        Break(node, broken);
        using var agent = node.Open();
        var before = node.OwnedTrees();
        var refusal = await Record.ExceptionAsync(() => agent.Revisions.CommitAsync(Sample.Old));

        Assert.Equal(reason, refusal is CommandRefusedException refused ? refused.Reason : Assert.IsType<NodeFileException>(refusal).Reason);
        Assert.Contains(where, refusal.Message);
        Assert.Equal(before, node.OwnedTrees());
        Assert.Equal("", agent.Revisions.State.Revision);
    }

    // Who owns a directory can exchange what root wrote into it; to root itself nothing would fail.
    [Theory]
    [InlineData("etc/qm/containers", "/etc/qm/containers belongs to user 1000")]
    [InlineData("etc/containers/systemd/qm.container.d", "/etc/containers/systemd/qm.container.d belongs to user 1000")]
    [InlineData("etc/qm", "/etc/qm belongs to user 1000")]
    [Trait("Requirement", "QMF-AGENT-004")]
    public async Task Stage_OrCommit_IntoADirectoryOfSomebodyElse_IsRefusedAndChangesNothing(string directory, string complaint)
    {
        Assert.SkipUnless(TreeCalls.MaySetOwners, "only root may write into a directory of somebody else");
        using var node = new EmulatedNode();
        using var agent = node.Open();
        using var root = NodeRoot.Open(node.Root);
        using var parent = root.OpenDirectory(Path.GetDirectoryName(directory)!);
        await agent.Revisions.StageAsync(Sample.Old);
        root.Calls.ChangeOwner(parent, Path.GetFileName(directory), 1000, 1000);
        var before = node.OwnedTrees();

        var atCommit = Assert.Throws<CommandRefusedException>(() => agent.Revisions.Commit("r1"));
        var atStage = await Assert.ThrowsAsync<CommandRefusedException>(() => agent.Revisions.StageAsync(Sample.New));

        Assert.All((CommandRefusedException[])[atCommit, atStage], refusal => Assert.Equal("WrongOwner", refusal.Reason));
        Assert.Contains(complaint, atCommit.Message);
        Assert.Equal(before, node.OwnedTrees());
        root.Calls.ChangeOwner(parent, Path.GetFileName(directory), 0, 0);
        agent.Revisions.Commit("r1");
        Assert.Equal("r1", agent.Revisions.State.Revision);
    }

    [Fact]
    [Trait("Requirement", "QMF-RULE-4")]
    public async Task Previous_UntilConfirmed_IsTheLastConfirmedRevision()
    {
        using var node = new EmulatedNode();
        using var agent = node.Open();
        await agent.Revisions.CommitAsync(Sample.Old);
        agent.Revisions.Confirm("r1");
        Assert.Null(agent.State.Previous);
        node.Write("etc/qm/containers/systemd/radio.container", "edited by hand");
        await agent.Revisions.CommitAsync(Sample.New);
        await agent.Revisions.CommitAsync(new("r3", []));

        var previous = Assert.IsType<PreviousRevision>(agent.State.Previous);
        Assert.Equal(("r1", 4), (previous.Revision, previous.Files.Count));
        Assert.Equal("edited by hand"u8.ToArray(), previous.Files.Single(file => file.Name == "radio").Content);
        Assert.Equal(["CPUQuota", "MemoryHigh"], agent.Revisions.State.RetiredProperties);
        Assert.Equal(["radio", "store"], agent.Revisions.State.RetiredWorkloads);
        Assert.Equal(["brake-control.service"], agent.Reporter.Read().RetiredSafetyUnits);
        agent.Revisions.Confirm("r3");
        Assert.Null(agent.State.Previous);
        Assert.Empty(agent.Revisions.State.RetiredWorkloads);
        Assert.Empty(agent.Reporter.Read().RetiredSafetyUnits);
    }

    [Fact]
    [Trait("Requirement", "QMF-DRIFT-003")]
    public async Task Stage_CommittedRevisionAfterAnEdit_WaitsForItsCommitAndHeals()
    {
        using var node = new EmulatedNode();
        using var agent = node.Open();
        await agent.Revisions.CommitAsync(Sample.New);
        agent.Revisions.Confirm("r2");
        var committed = node.OwnedTrees();
        await agent.Revisions.StageAsync(Sample.New);
        Assert.Equal("", agent.Revisions.StagedRevision);
        node.Write("etc/qm/containers/systemd/radio.container", "edited by hand");

        await agent.Revisions.StageAsync(Sample.New);
        Assert.Equal("r2", agent.Revisions.StagedRevision);
        agent.Revisions.Commit("r2");

        Assert.Equal("", agent.Revisions.StagedRevision);
        Assert.Equal(committed, node.OwnedTrees());
    }

    [Fact]
    public async Task Retired_WantedAgainBeforeConfirmation_IsForgotten()
    {
        using var node = new EmulatedNode();
        using var agent = node.Open();
        await agent.Revisions.CommitAsync(Sample.Old);
        await agent.Revisions.CommitAsync(Sample.New);
        await agent.Revisions.CommitAsync(Sample.Old);
        Assert.Empty(agent.Revisions.State.RetiredWorkloads);
        Assert.Empty(agent.Revisions.State.RetiredProperties);
        Assert.Equal(["brake-control.service"], agent.Revisions.State.RetiredSafetyUnits);
        await agent.Revisions.CommitAsync(Sample.New);
        Assert.Empty(agent.Revisions.State.RetiredSafetyUnits);
    }

    [Fact]
    [Trait("Requirement", "QMF-AGENT-004")]
    public async Task State_Damaged_RefusesAndLeavesTheFiles()
    {
        using var node = new EmulatedNode();
        using var agent = node.Open();
        await agent.Revisions.CommitAsync(Sample.Old);
        node.Write("var/lib/qm-fleet/state.json", "{");
        var before = node.OwnedTrees();

        await Assert.ThrowsAsync<JsonException>(() => agent.Revisions.CommitAsync(Sample.New));
        Assert.Equal(before, node.OwnedTrees());
        Assert.Contains(agent.Reporter.Read().Problems, problem => problem.Contains("damaged"));
    }

    [Theory]
    [InlineData("echo '---qm.service---'", null)]
    [InlineData("echo 'converting \"qm.container\": unsupported key' >&2; exit 1", "unsupported key")]
    [InlineData("cat \"$QUADLET_UNIT_DIRS\"/qm.container.d/* >&2", "MemoryHigh=2G")]
    [Trait("Requirement", "QMF-AGENT-004")]
    public async Task Stage_QuadletGenerator_DecidesOverTheQuadletAsItWouldBe(string script, string? complaint)
    {
        using var node = new EmulatedNode();
        node.Write("generator", $"#!/bin/sh\n{script}\n");
        node.MakeExecutable("generator");
        using var agent = node.Open(check: new PodmanQuadletCheck(node.Of("generator"), node.Of("dry-run"), TimeProvider.System));
        var refusal = await Record.ExceptionAsync(() => agent.Revisions.StageAsync(Sample.Old));

        Assert.Equal(complaint is null ? "r1" : null, agent.State.Staged?.Revision);
        Assert.Equal(complaint is null ? null : "QuadletRefused", (refusal as CommandRefusedException)?.Reason);
        Assert.Contains(complaint ?? "", refusal?.Message ?? "");
        Assert.False(Directory.Exists(node.Of("dry-run")));
    }

    [Theory]
    [InlineData("A=1 B=2", "A=1|B=2")]
    [InlineData("\"ROOTFS=/a b\" 'X=\\\\y'", "ROOTFS=/a b|X=\\y")]
    [InlineData(@"'X=it\'s' Y=\x2fusr\057lib\s\u00e9\U0001F697\xc3\xa9", "X=it's|Y=/usr/lib é🚗é")]
    [InlineData(@"ROOTFS=/a\tb 'X=\x41'", "ROOTFS=/a\tb|X=A")]
    [InlineData(@"A=1 'X=\y' B=2", "A=1")]
    [InlineData(@"A=1 ROOTFS=/a\ b", "A=1")]
    [InlineData(@"A=1 B=\x4 C=3", "A=1")]
    [InlineData(@"A=1 B=\000 C=3", "A=1")]
    [InlineData(@"A=1 B=\400 C=3", "A=1")]
    [InlineData(@"A=1 B=\xff C=3", "A=1|C=3")]
    [InlineData(@"A=1 B=2\", "A=1")]
    [InlineData("A=1 'B=2", "A=1")]
    [InlineData("A=\"1 2\"3 A=4", "A=4")]
    [InlineData("A= =x B", "A=")]
    public void Environment_Line_IsReadAsSystemdDoes(string line, string expected) =>
        Assert.Equal(expected, string.Join('|', EnvironmentLines.Parse([line]).Select(pair => $"{pair.Key}={pair.Value}")));

    private static void Break(EmulatedNode node, string what)
    {
        var dropIn = node.Of(EmulatedNode.QmDropInPath);
        switch (what)
        {
            case "rootfs":
                Directory.Delete(node.Of("usr/lib/qm/rootfs"), recursive: true);
                break;
            case "quadlet":
                File.Delete(node.Of("usr/share/containers/systemd/qm.container"));
                break;
            case "environment":
                node.Write("etc/containers/systemd/qm.container.d/40-x.conf", "[Service]\nEnvironment=RWETCFS=/etc/qm/../..\n");
                break;
            case "qm-etc":
                Directory.Delete(node.Of("etc/qm"), recursive: true);
                break;
            case "directory-in-place":
                Directory.CreateDirectory(dropIn);
                break;
            case "link-in-place":
                File.CreateSymbolicLink(dropIn, "../../../qm/containers/containers.conf");
                break;
            default:
                Directory.Delete(Path.GetDirectoryName(dropIn)!);
                node.Write(Path.GetDirectoryName(EmulatedNode.QmDropInPath)!, "a file");
                break;
        }
    }
}
