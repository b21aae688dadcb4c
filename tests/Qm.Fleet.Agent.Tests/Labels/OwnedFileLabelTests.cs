using Qm.Fleet.V1;

namespace Qm.Fleet.Agent.Tests.Labels;

[Trait("Requirement", "QMF-LABEL-002")]
public sealed class OwnedFileLabelTests : IDisposable
{
    private readonly SelinuxNode _selinux = new();

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    public void Dispose() => _selinux.Dispose();

    [Fact]
    public async Task Commit_FilesInPlace_GetTheLabelsOfTheirPlaces()
    {
        using var opened = _selinux.Node.Open();
        using var agent = opened.Agent(systemd: null);
        await opened.Revisions.StageAsync(Sample.Old);

        var (result, _) = await agent.ExecuteAsync(Commit, Ct);

        Assert.True(result.Ok, result.Message);
        Assert.Equal(
            ["-i", "/etc/containers/systemd/qm.container.d/50-qm-fleet.conf", "/etc/qm/containers/containers.conf.d/50-qm-fleet.conf", "/etc/qm/containers/systemd/radio.container", "/etc/qm/containers/systemd/store.container"],
            Assert.Single(_selinux.Calls).Split(';')[0].Split(' '));
    }

    // Killed between the commit and the labels, the next start is what labels them.
    [Fact]
    public async Task Recover_FilesOfACommit_AreLabelledAtTheStart()
    {
        using (var killed = _selinux.Node.Open())
        {
            await killed.Revisions.CommitAsync(Sample.Old);
        }

        Assert.Empty(_selinux.Calls);
        using var opened = _selinux.Node.Open();
        using var agent = opened.Agent(systemd: null);
        await agent.RecoverAsync(Ct);

        Assert.Contains("/etc/qm/containers/systemd/radio.container", Assert.Single(_selinux.Calls), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Commit_FilesThatDoNotGetTheirLabels_AreToldAndTriedAgain()
    {
        _selinux.Break("fails");
        using var opened = _selinux.Node.Open();
        using var agent = opened.Agent(systemd: null);
        await opened.Revisions.StageAsync(Sample.Old);

        var (result, evidence) = await agent.ExecuteAsync(Commit, Ct);
        Assert.True(result.Ok, result.Message);
        Assert.Contains(evidence.Problems, problem => problem.Contains("it ended with 255: restorecon: Operation not permitted", StringComparison.Ordinal));

        _selinux.Mend();
        Assert.DoesNotContain((await agent.InspectAsync(Ct)).Problems, problem => problem.Contains("restorecon", StringComparison.Ordinal));
        Assert.Equal(2, _selinux.Calls.Length);
    }

    [Fact]
    public async Task Commit_WhereSelinuxIsOff_RunsNothing()
    {
        Directory.Delete(_selinux.Node.Of("sys/fs/selinux"), recursive: true);
        using var opened = _selinux.Node.Open();
        using var agent = opened.Agent(systemd: null);
        await opened.Revisions.StageAsync(Sample.Old);

        Assert.True((await agent.ExecuteAsync(Commit, Ct)).Result.Ok);
        Assert.Empty(_selinux.Calls);
    }

    [Fact, Trait("Requirement", "QMF-LABEL-003")]
    public async Task Inspect_FileThatSomebodyRelabelled_IsToldOnceAndHasItsOwnLabelAgain()
    {
        const string Path = "/etc/qm/containers/systemd/radio.container", Own = "system_u:object_r:qm_file_t:s0", Other = "system_u:object_r:etc_t:s0";
        Assert.SkipUnless(System.Environment.IsPrivilegedProcess, "only root may label a file where the kernel has no SELinux");
        _selinux.Give(Own);
        _selinux.Node.Write("proc/492/attr/current", "system_u:system_r:qm_t:s0\0");
        using var opened = _selinux.Node.Open();
        using var agent = opened.Agent(systemd: null);
        await opened.Revisions.StageAsync(Sample.Old);
        Assert.True((await agent.ExecuteAsync(Commit, Ct)).Result.Ok);
        Assert.Equal(Own, _selinux.LabelOf(Path));
        Assert.Empty((await agent.InspectAsync(Ct)).Labels.Mislabelled);

        _selinux.Relabel(Path, Other);
        var found = Assert.Single((await agent.InspectAsync(Ct)).Labels.Mislabelled);
        Assert.Equal((Path, Own, Other), (found.Path, found.Wanted, found.Found));
        Assert.Equal(Own, _selinux.LabelOf(Path));
        Assert.Empty((await agent.InspectAsync(Ct)).Labels.Mislabelled);
        Assert.Equal(2, _selinux.Calls.Length);
    }

    [Fact, Trait("Requirement", "QMF-LABEL-003")]
    public async Task Inspect_FileThatIsGone_IsNoLabelToTell()
    {
        Assert.SkipUnless(System.Environment.IsPrivilegedProcess, "only root may label a file where the kernel has no SELinux");
        _selinux.Give("system_u:object_r:qm_file_t:s0");
        using var opened = _selinux.Node.Open();
        using var agent = opened.Agent(systemd: null);
        await opened.Revisions.StageAsync(Sample.Old);
        Assert.True((await agent.ExecuteAsync(Commit, Ct)).Result.Ok);

        File.Delete(_selinux.Node.Of("etc/qm/containers/systemd/radio.container"));
        var report = await agent.InspectAsync(Ct);
        Assert.Contains(report.Drift, drift => drift.Change == FileDrift.Types.Change.Removed);
        Assert.Empty(report.Labels?.Mislabelled ?? []);
        Assert.Single(_selinux.Calls);
    }

    private static Command Commit => new() { Id = "1", Commit = new() { Revision = "r1" } };
}
