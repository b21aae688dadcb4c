using Qm.Fleet.Agent.Drift;
using Qm.Fleet.Agent.Revisions;
using Qm.Fleet.V1;
using Change = Qm.Fleet.V1.FileDrift.Types.Change;

namespace Qm.Fleet.Agent.Tests.Drift;

[Trait("Requirement", "QMF-DRIFT-001")]
public sealed class DriftEvidenceTests : IDisposable
{
    private const string Radio = "etc/qm/containers/systemd/radio.container";
    private readonly EmulatedNode _node = new();

    public void Dispose() => _node.Dispose();

    [Fact]
    public async Task Drift_AsCommitted_IsNone() => Assert.Empty((await CommitAndReadAsync(() => { })).Drift);

    [Fact]
    public async Task Drift_EditedRemovedAndAddedFiles_AreToldWithWhatIsThere()
    {
        var report = await CommitAndReadAsync(() =>
        {
            _node.Write(Radio, "[Container]\nImage=localhost/radio:evil\n");
            File.Delete(_node.Of(EmulatedNode.QmDropInPath));
            _node.Write("etc/systemd/system/brake-control.service.d/50-qm-fleet.conf", "[Service]\nOOMScoreAdjust=0\n");
        });

        Assert.Equal(
            [(Change.Edited, $"/{Radio}"), (Change.Removed, $"/{EmulatedNode.QmDropInPath}"), (Change.Added, Sample.BrakeDropIn)],
            report.Drift.Select(drift => (drift.Change, drift.Path)).OrderBy(drift => drift.Change == Change.Removed ? 1 : drift.Change == Change.Edited ? 0 : 2));
        var edited = report.Drift.Single(drift => drift.Change == Change.Edited);
        Assert.Equal("[Container]\nImage=localhost/radio:evil\n", edited.Content);
        Assert.Equal(OwnedTrees.Digest("[Container]\nImage=localhost/radio:evil\n"u8), edited.Sha256);
        Assert.Equal(("", ""), report.Drift.Where(drift => drift.Change == Change.Removed).Select(drift => (drift.Content, drift.Sha256)).Single());
    }

    [Fact]
    public async Task Drift_LinkInTheFilesPlace_IsARemovedFileAndNeverFollowed()
    {
        _node.Write("etc/shadow", "root:secret\n");
        var report = await CommitAndReadAsync(() =>
        {
            File.Delete(_node.Of(Radio));
            File.CreateSymbolicLink(_node.Of(Radio), "/etc/shadow");
        });

        Assert.Equal((Change.Removed, ""), report.Drift.Select(drift => (drift.Change, drift.Content)).Single());
        Assert.DoesNotContain("secret", report.ToString());
    }

    [Fact]
    public async Task Drift_SecretsAndBinaries_DoNotLeaveTheNode()
    {
        var report = await CommitAndReadAsync(() =>
        {
            _node.Write(Radio, "[Container]\nImage=localhost/radio:3\nEnvironment=PASSWORD=hunter2\n");
            File.WriteAllBytes(_node.Of(EmulatedNode.QmDropInPath), [0x7f, 0x45, 0x4c, 0x46, 0, 1]);
        });

        Assert.DoesNotContain("hunter2", report.ToString());
        Assert.Contains("[redacted]", report.Drift.Single(drift => drift.Path.EndsWith("radio.container", StringComparison.Ordinal)).Content);
        Assert.Equal("", report.Drift.Single(drift => drift.Path.EndsWith("50-qm-fleet.conf", StringComparison.Ordinal)).Content);
    }

    // A character of several bytes must not be cut in two.
    [Fact]
    public async Task Drift_LargeFile_IsCutBetweenCharacters()
    {
        var report = await CommitAndReadAsync(() => _node.Write(Radio, "#" + string.Concat(Enumerable.Repeat("\u00e4", DriftEvidence.ContentBytesMax))));
        var drift = Assert.Single(report.Drift);

        Assert.True(drift.ContentIsCut);
        Assert.Equal("#" + string.Concat(Enumerable.Repeat("\u00e4", (DriftEvidence.ContentBytesMax - 1) / 2)), drift.Content);
    }

    [Fact]
    public async Task Drift_CommittedAgain_IsNone()
    {
        using var agent = _node.Open();
        await agent.Revisions.CommitAsync(Sample.Old);
        _node.Write(Radio, "x");
        await agent.Revisions.CommitAsync(Sample.Old);
        Assert.Empty(agent.Reporter.Read().Drift);
    }

    private async Task<NodeReport> CommitAndReadAsync(Action change)
    {
        using var agent = _node.Open();
        await agent.Revisions.CommitAsync(Sample.Old);
        change();
        return agent.Reporter.Read();
    }
}
