using Qm.Fleet.Agent.CommitConfirm;
using Qm.Fleet.Agent.Revisions;
using Qm.Fleet.Core.Revisions;

namespace Qm.Fleet.Agent.Tests.CommitConfirm;

[Trait("Requirement", "QMF-RULE-7")]
public sealed class GoBackTests
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task GoBack_NotConfirmedInTime_PutsTheConfirmedFilesBackAndSaysWhy()
    {
        using var node = new EmulatedNode();
        var before = await LinkChange.ConfirmOldAsync(node);
        using var agent = node.Open();
        await LinkChange.CommitNewAsync(agent.Revisions);
        var committed = agent.Reporter.Read();

        Assert.Null(agent.Revisions.GoBackIfDue());
        Assert.True(committed.HasConfirmDueUs && committed.HostAgentConfChangedAtUs > 0);
        Assert.NotEqual(before, node.OwnedTrees());

        node.Time.Advance(LinkChange.Within);
        Assert.Equal("r2", agent.Revisions.GoBackIfDue()?.Revision);
        var report = agent.Reporter.Read();
        Assert.Equal(before, node.OwnedTrees());
        Assert.Equal(("r1", false, "r2"), (report.Revision, report.Confirmed, report.Reverted.Revision));
        Assert.Contains("within 60 s of its commit", report.Reverted.Reason, StringComparison.Ordinal);
        Assert.False(report.HasConfirmDueUs);
        Assert.True(report.HostAgentConfChangedAtUs > committed.HostAgentConfChangedAtUs);
        Assert.Equal(["radio", "store"], report.Files.Where(file => file.Kind == V1.OwnedFile.Types.Kind.Workload).Select(file => file.Name).Order());
        Assert.Empty(report.RetiredWorkloads);
        Assert.Null(agent.Revisions.GoBackIfDue());
    }

    [Fact]
    public async Task GoBack_ConfirmedInTime_Never()
    {
        using var node = new EmulatedNode();
        await LinkChange.ConfirmOldAsync(node);
        using var agent = node.Open();
        await LinkChange.CommitNewAsync(agent.Revisions);
        agent.Revisions.Confirm("r2");
        node.Time.Advance(LinkChange.Within * 2);

        Assert.Null(agent.Revisions.UntilDue);
        Assert.Null(agent.Revisions.GoBackIfDue());
        Assert.Equal(("r2", true), (agent.Revisions.State.Revision, agent.Revisions.State.Confirmed));
    }

    // Whatever QM has in the place of its own files, the host gets its agent's old file back.
    [Theory]
    [InlineData("directory", "etc/qm/bluechi/agent.conf.d/zz-qm-fleet.conf")]
    [InlineData("link", "etc/qm/containers/systemd/radio.container")]
    [InlineData("large", "etc/qm/containers/systemd/radio.container")]
    [InlineData("file", "etc/qm/containers/systemd")]
    public async Task GoBack_QmBlocksItsOwnFiles_PutsTheHostsBackAndSaysWhatStayed(string planted, string path)
    {
        using var node = new EmulatedNode();
        await LinkChange.ConfirmOldAsync(node);
        var dropIn = await File.ReadAllTextAsync(node.Of(EmulatedNode.QmDropInPath), Cancellation);
        using var agent = node.Open();
        await LinkChange.CommitNewAsync(agent.Revisions);
        Plant(node.Of(path), planted);
        node.Time.Advance(LinkChange.Within);

        var reverted = agent.Revisions.GoBackIfDue();

        Assert.Equal("r2", reverted?.Revision);
        Assert.Matches("but for those of QM, because the agent cannot .* /etc/qm/", reverted!.Reason);
        Assert.False(File.Exists(node.Of("etc/bluechi/agent.conf.d/zz-qm-fleet.conf")));
        Assert.Equal(dropIn, await File.ReadAllTextAsync(node.Of(EmulatedNode.QmDropInPath), Cancellation));
        Assert.Equal(("r1", true, false), (agent.Revisions.State.Revision, agent.Revisions.Owed?.Host, agent.Revisions.Owed?.Qm));
        Assert.Null(agent.Revisions.Unfinished);
        Assert.Null(agent.Revisions.UntilDue);
        Assert.DoesNotContain(Directory.GetFiles(node.Of("etc"), "*", SearchOption.AllDirectories), file => Path.GetFileName(file).StartsWith(".qm-fleet", StringComparison.Ordinal));

        static void Plant(string place, string what)
        {
            if (Directory.Exists(place))
            {
                Directory.Delete(place, recursive: true);
            }
            else
            {
                File.Delete(place);
            }

            switch (what)
            {
                case "directory":
                    Directory.CreateDirectory(place);
                    break;
                case "link":
                    File.CreateSymbolicLink(place, "/etc/passwd");
                    break;
                case "large":
                    using (var file = File.Create(place))
                    {
                        file.SetLength(OwnedTrees.FoundBytesMax + 1);
                    }

                    break;
                default:
                    File.WriteAllText(place, "");
                    break;
            }
        }
    }

    [Fact]
    public async Task GoBack_FirstCommitEver_LeavesNoFileOfOurs()
    {
        using var node = new EmulatedNode();
        var before = node.OwnedTrees();
        using var agent = node.Open();
        await LinkChange.CommitNewAsync(agent.Revisions);
        node.Time.Advance(LinkChange.Within);

        Assert.Equal("r2", agent.Revisions.GoBackIfDue()?.Revision);
        Assert.Equal(before, node.OwnedTrees());
        Assert.Equal("", agent.Revisions.State.Revision);
        Assert.Equal(["radio"], agent.Revisions.State.RetiredWorkloads);
        Assert.Equal(["MemoryHigh"], agent.Revisions.State.RetiredProperties);
    }

    // What is in place but was never confirmed is no way back.
    [Fact]
    public async Task GoBack_SeveralUnconfirmedCommits_GoesToTheLastConfirmedOne()
    {
        using var node = new EmulatedNode();
        var before = await LinkChange.ConfirmOldAsync(node);
        using var agent = node.Open();
        await LinkChange.CommitNewAsync(agent.Revisions);
        await agent.Revisions.StageAsync(LinkChange.New with { Revision = "r3", Files = LinkChange.New.Files.Take(3).ToArray() });
        agent.Revisions.Commit("r3", LinkChange.Within);
        node.Time.Advance(LinkChange.Within);

        Assert.Equal("r3", agent.Revisions.GoBackIfDue()?.Revision);
        Assert.Equal(before, node.OwnedTrees());
    }

    [Fact]
    public async Task GoBack_AgentRestartedMeanwhile_KeepsTheSameDeadline()
    {
        using var node = new EmulatedNode();
        await LinkChange.ConfirmOldAsync(node);
        using (var agent = node.Open())
        {
            await LinkChange.CommitNewAsync(agent.Revisions);
            node.Time.Advance(LinkChange.Within / 2);
        }

        using var restarted = node.Open();
        Assert.InRange(restarted.Revisions.UntilDue!.Value, LinkChange.Within / 3, LinkChange.Within / 2);
        node.Time.Advance(LinkChange.Within / 2);
        Assert.Equal("r2", restarted.Revisions.GoBackIfDue()?.Revision);
    }

    [Fact]
    public async Task GoBack_Reboots_BeginAnewOnceAndThenNoMore()
    {
        using var node = new EmulatedNode();
        var before = await LinkChange.ConfirmOldAsync(node);
        using (var agent = node.Open())
        {
            await LinkChange.CommitNewAsync(agent.Revisions);
        }

        node.Time.Advance(LinkChange.Within * 10);
        LinkChange.Reboot(node, 1);
        using (var agent = node.Open())
        {
            Assert.Null(agent.Revisions.GoBackIfDue());
            Assert.InRange(agent.Revisions.UntilDue!.Value, LinkChange.Within * 0.9, LinkChange.Within);
        }

        LinkChange.Reboot(node, 2);
        using var last = node.Open();
        Assert.Contains("reboot", last.Revisions.GoBackIfDue()!.Reason, StringComparison.Ordinal);
        Assert.Equal(before, node.OwnedTrees());
    }

    [Fact]
    public async Task GoBack_RevisionStagedAgain_IsTriedAgain()
    {
        using var node = new EmulatedNode();
        await LinkChange.ConfirmOldAsync(node);
        using var agent = node.Open();
        await LinkChange.CommitNewAsync(agent.Revisions);
        node.Time.Advance(LinkChange.Within);
        agent.Revisions.GoBackIfDue();

        await LinkChange.CommitNewAsync(agent.Revisions);

        Assert.Null(agent.Revisions.State.Reverted);
        Assert.Equal("r1", agent.State.Previous?.Revision);
        node.Time.Advance(LinkChange.Within);
        Assert.Equal("r2", agent.Revisions.GoBackIfDue()?.Revision);
    }

    // The same revision again, because somebody changed a file of it: it was confirmed, and there is nothing to go back to.
    [Fact]
    public async Task Commit_OfAConfirmedRevisionAfterDrift_HasNoDeadline()
    {
        using var node = new EmulatedNode();
        var before = await LinkChange.ConfirmOldAsync(node);
        node.Write(EmulatedNode.QmDropInPath, "[Service]\nMemoryHigh=1G\n");
        using var agent = node.Open();
        await agent.Revisions.StageAsync(Sample.Old);
        agent.Revisions.Commit("r1", LinkChange.Within);
        node.Time.Advance(LinkChange.Within);

        Assert.Null(agent.Revisions.GoBackIfDue());
        Assert.Equal(before, node.OwnedTrees());
    }

    [Fact]
    public async Task GoBack_PreviousFilesLost_ChangesNothingAndSaysSo()
    {
        using var node = new EmulatedNode();
        await LinkChange.ConfirmOldAsync(node);
        using var agent = node.Open();
        await LinkChange.CommitNewAsync(agent.Revisions);
        File.Delete(node.Of("var/lib/qm-fleet/previous.json"));
        var files = node.OwnedTrees();
        node.Time.Advance(LinkChange.Within);

        Assert.Equal("NoWayBack", Assert.Throws<CommandRefusedException>(agent.Revisions.GoBackIfDue).Reason);
        Assert.Equal(files, node.OwnedTrees());
    }

    [Theory]
    [InlineData(1)]
    [InlineData(86_400_001)]
    [InlineData(-1)]
    public async Task Commit_DeadlineOutOfBounds_IsRefused(int milliseconds)
    {
        using var node = new EmulatedNode();
        using var agent = node.Open();
        await agent.Revisions.StageAsync(LinkChange.New);

        Assert.Equal("InvalidDeadline",
            Assert.Throws<CommandRefusedException>(() => agent.Revisions.Commit("r2", TimeSpan.FromMilliseconds(milliseconds))).Reason);
        Assert.Equal("", agent.Revisions.State.Revision);
    }

    [Theory]
    [InlineData(true, new[] { "host", "qm" })]
    [InlineData(false, new[] { "qm" })]
    public async Task Agent_WentBack_RestartsTheBlueChiAgentsWhoseFilesChanged(bool hostToo, string[] restarted)
    {
        using var node = new EmulatedNode();
        await LinkChange.ConfirmOldAsync(node);
        using var opened = node.Open();
        await opened.Revisions.StageAsync(hostToo ? LinkChange.New : Sample.New);
        opened.Revisions.Commit("r2", LinkChange.Within);
        node.Time.Advance(LinkChange.Within);
        var systemd = new SystemdByHand();
        using var agent = opened.Agent(systemd);

        Assert.Null(await agent.GoBackIfDueAsync(Cancellation));
        Assert.Null(await agent.GoBackIfDueAsync(Cancellation));

        Assert.Equal(restarted, systemd.Restarted);
        Assert.DoesNotContain(opened.Reporter.Read().Problems, problem => problem.Contains("taken back", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Agent_RestartRefusedOrAgentKilled_IsOwedUntilItIsDone()
    {
        using var node = new EmulatedNode();
        await LinkChange.ConfirmOldAsync(node);
        using (var opened = node.Open())
        {
            await LinkChange.CommitNewAsync(opened.Revisions);
            node.Time.Advance(LinkChange.Within);
            using var refused = opened.Agent(new SystemdByHand(refusals: 4));
            Assert.Equal(TimeSpan.FromSeconds(5), await refused.GoBackIfDueAsync(Cancellation));
            Assert.Equal(TimeSpan.FromSeconds(10), await refused.GoBackIfDueAsync(Cancellation));
            Assert.Contains(opened.Reporter.Read().Problems, problem => problem.Contains("of the host still runs with files that were taken back", StringComparison.Ordinal));
        }

        using var restarted = node.Open();
        var systemd = new SystemdByHand();
        using var agent = restarted.Agent(systemd);
        Assert.Null(await agent.GoBackIfDueAsync(Cancellation));
        Assert.Equal(["host", "qm"], systemd.Restarted);
    }

    [Fact]
    public async Task Agent_RebootedAfterItWentBack_OwesNoRestart()
    {
        using var node = new EmulatedNode();
        await LinkChange.ConfirmOldAsync(node);
        using var opened = node.Open();
        await LinkChange.CommitNewAsync(opened.Revisions);
        node.Time.Advance(LinkChange.Within);
        opened.Revisions.GoBackIfDue();
        LinkChange.Reboot(node, 1);
        var systemd = new SystemdByHand();
        using var agent = opened.Agent(systemd);

        Assert.Null(await agent.GoBackIfDueAsync(Cancellation));
        Assert.Empty(systemd.Restarted);
    }

    [Fact(Timeout = 60_000)]
    public async Task Watch_NobodyConfirms_GoesBackWhenTheDeadlineIsOver()
    {
        using var node = new EmulatedNode();
        var before = await LinkChange.ConfirmOldAsync(node);
        using var opened = node.Open();
        await LinkChange.CommitNewAsync(opened.Revisions);
        var systemd = new SystemdByHand();
        using var agent = opened.Agent(systemd);
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(Cancellation);
        var watch = new ConfirmWatch(agent, node.Time).RunAsync(stop.Token);

        // The watch sets its timer on a thread of its own; time passes for as long as that takes.
        while (!systemd.First.IsCompleted)
        {
            node.Time.Advance(TimeSpan.FromSeconds(1));
            await Task.Yield();
            TestContext.Current.CancellationToken.ThrowIfCancellationRequested();
        }

        await stop.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => watch);
        Assert.Equal(before, node.OwnedTrees());
    }

    [Theory]
    [InlineData(OwnedFileKind.QmBlueChiAgentConf, "ControllerAddress=unix:path=/run/bluechi.sock", "UnreachableAddress")]
    [InlineData(OwnedFileKind.QmBlueChiAgentConf, "ControllerAddress=unix:path=/run/bluechi/x.sock;tcp:host=10.0.0.1,port=842", null)]
    [InlineData(OwnedFileKind.QmBlueChiAgentConf, "ControllerAddress=unix:path=/run/bluechi/bluechi.sock", null)]
    [InlineData(OwnedFileKind.QmBlueChiAgentConf, "ControllerAddress=unix:path=/var/bluechi.sock", null)]
    [InlineData(OwnedFileKind.QmBlueChiAgentConf, "junk", "InvalidFile")]
    [InlineData(OwnedFileKind.HostBlueChiAgentConf, "NodeName=other", "InvalidFile")]
    [InlineData(OwnedFileKind.HostBlueChiAgentConf, "junk", "InvalidFile")]
    [InlineData(OwnedFileKind.HostBlueChiAgentConf, "ControllerAddress=unix:path=/run/bluechi.sock", null)]
    [Trait("Requirement", "QMF-LINK-002")]
    public async Task Stage_AgentConf_MustLeadToTheControllerFromWhereItIsRead(OwnedFileKind kind, string line, string? reason)
    {
        using var node = new EmulatedNode();
        node.Write("etc/containers/systemd/qm.container.d/10-bluechi.conf", "[Container]\nVolume=/run/bluechi/:/run/bluechi/\n");
        using var agent = node.Open();
        var staging = Record.ExceptionAsync(() => agent.Revisions.StageAsync(new("r1", [new(kind, "", $"[bluechi-agent]\n{line}\n")])));

        Assert.Equal(reason, (await staging as CommandRefusedException)?.Reason);
    }

    [Fact]
    [Trait("Requirement", "QMF-LINK-001")]
    public async Task Report_NodeNames_AreThoseOfTheMergedFiles()
    {
        using var node = new EmulatedNode();
        node.Write("etc/bluechi/agent.conf", "[bluechi-agent]\nNodeName=ecu01\n");
        node.Write("proc/sys/kernel/hostname", "vm\n");
        using var agent = node.Open();
        Assert.Equal(("ecu01", "qm.ecu01"), (agent.Reporter.Read().HostNodeName, agent.Reporter.Read().QmNodeName));

        await agent.Revisions.CommitAsync(new("r1", [new(OwnedFileKind.QmBlueChiAgentConf, "", "[bluechi-agent]\nNodeName=qm.x\n")]));
        node.Write("etc/bluechi/agent.conf.d/99.conf", "[bluechi-agent]\n#NodeName=y\njunk\n");

        Assert.Equal(("", "qm.x"), (agent.Reporter.Read().HostNodeName, agent.Reporter.Read().QmNodeName));
        Assert.Contains(agent.Reporter.Read().Problems, problem => problem.Contains("line 3 of /etc/bluechi/agent.conf.d/99.conf", StringComparison.Ordinal));
    }
}
