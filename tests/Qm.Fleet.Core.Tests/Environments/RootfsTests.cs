using Qm.Fleet.Core.Environments;
using Qm.Fleet.Core.Reconcile;
using Qm.Fleet.Core.Revisions;
using Qm.Fleet.Core.Tests.Reconcile;
using Xunit;

namespace Qm.Fleet.Core.Tests.Environments;

public sealed class RootfsTests
{
    private static readonly string Digest = string.Concat(Enumerable.Repeat("0123456789abcdef", 4));
    private static readonly DateTimeOffset Now = new(2026, 1, 1, 0, 0, 0, TimeSpan.Zero);

    [Theory]
    [InlineData("https://artifacts.example/qm-1.4.0.tar.zst")]
    [InlineData("http://10.0.0.1:8080/qm.tar?build=7")]
    [InlineData("file:///srv/qm.tar.gz")]
    [InlineData("")]
    public void Parse_Address_IsTaken(string url) => Assert.Empty(Manifest.Problems(With(url, Digest)));

    [Theory]
    [Trait("Requirement", "QMF-ROOTFS-001")]
    [InlineData("qm.tar", "not an address")]
    [InlineData("/srv/qm.tar", "not an address")]
    [InlineData("ftp://artifacts.example/qm.tar", "ftp is not")]
    [InlineData("https://artifacts.example/qm.tar\nEnvironment=X=y", "control character")]
    [InlineData("https://artifacts.example/qm 1.tar", "%20")]
    [InlineData("https://me:secret@artifacts.example/qm.tar", "password")]
    [InlineData("https://artifacts.example/qm.tar#x", "fragment")]
    [InlineData("file://server/qm.tar", "another machine")]
    public void Parse_ImpossibleAddress_IsRefused(string url, string complaint)
    {
        var problem = Assert.Single(Manifest.Problems(With(url, Digest)));
        Assert.Equal("spec.environment.rootfs.archive.url", problem.Path);
        Assert.Contains(complaint, problem.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("secret", problem.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("", "required")]
    [InlineData("abc", "64 hex digits")]
    [InlineData("sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789", "64 hex digits")]
    [InlineData("0123456789ABCDEF0123456789abcdef0123456789abcdef0123456789abcdef", "lower case")]
    [InlineData("0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcde\n", "64 hex digits")]
    public void Parse_ImpossibleDigest_IsRefused(string sha256, string complaint) =>
        Assert.Contains(complaint, Assert.Single(Manifest.Problems(With("file:///srv/qm.tar", sha256))).Message, StringComparison.Ordinal);

    [Fact]
    public void Render_Archive_SetsTheSlotInTheDropIn() => Assert.Contains(
        $"\n[Service]\nEnvironment=ROOTFS=/var/lib/qm-fleet/rootfs/{Digest}\n",
        Revision(new() { RootfsArchive = new("file:///srv/qm.tar", Digest) }).Find(new(OwnedFileKind.QmContainerDropIn, ""))!.Content, StringComparison.Ordinal);

    [Theory]
    [InlineData("/var/lib/qm-fleet/rootfs/", true)]
    [InlineData("/lib/qm-fleet/rootfs/", true)]
    [InlineData("/usr/lib/qm/rootfs/", false)]
    [InlineData("", false)]
    public void Slot_OfAMount_IsFoundByItsName(string directory, bool isSlot) => Assert.Equal(isSlot ? Digest : null, RootfsSlot.DigestOf(directory + Digest));

    [Fact]
    [Trait("Requirement", "QMF-ROOTFS-005")]
    public void Decide_SlotOnItsWay_WaitsAndThenGoesOn()
    {
        var revision = Revision(Environment());

        Assert.IsType<NodeStep.Stage>(Decide(revision, RootfsEvidence.None));
        var wait = Assert.IsType<NodeStep.Wait>(Decide(revision, new([], "", new(Digest, "Download, 34 %", ""))));
        Assert.Equal("WaitForRootfs", wait.Name);
        Assert.Contains("34 %", wait.Reason, StringComparison.Ordinal);
        Assert.IsType<NodeStep.Stage>(Decide(revision, new([], "", new(Digest, "Failed", "DigestMismatch: ..."))));
        Assert.IsType<NodeStep.Commit>(Decide(revision, new([Digest], "", null), revision.Name));
    }

    [Theory]
    [Trait("Requirement", "QMF-RECON-003")]
    [InlineData("/usr/lib/qm/rootfs", true)]
    [InlineData("/var/lib/qm-fleet/rootfs/{0}", false)]
    [InlineData("", false)]
    public void Decide_RunningRootfs_RestartsQmForAnotherOnly(string running, bool restarts)
    {
        var revision = Revision(Environment());
        var node = new ModelNode();
        var memory = new NodeMemory();
        for (var round = 0; round < 20 && node.Acts.LastOrDefault() != "Confirm"; round++)
        {
            var seen = View(node, revision, memory, new([Digest], RootfsSlot.PathOf(Digest), null));
            node.Apply(Assert.IsAssignableFrom<NodeStep.Act>(NodeReconciler.Decide(seen, Now)), revision);
        }

        var step = NodeReconciler.Decide(View(node, revision, memory, new([Digest], running.Replace("{0}", Digest, StringComparison.Ordinal), null)), Now);

        Assert.Equal(restarts ? "RestartQm" : "Ready", step.Name);
    }

    [Fact]
    [Trait("Requirement", "QMF-RECON-004")]
    public void Memory_FetchesThatFail_AreGivenUpAfterAFew()
    {
        var revision = Revision(Environment());
        var (node, memory) = (new ModelNode(), new NodeMemory().For(revision.Name, Now));
        var stage = new NodeStep.Stage(revision, "");
        for (var attempt = 0; attempt < NodeMemory.MaxAttempts; attempt++)
        {
            var view = View(node, revision, memory, RootfsEvidence.None);
            Assert.IsType<NodeStep.Stage>(NodeReconciler.Decide(view, Now.AddMinutes(attempt)));
            memory = memory.After(stage, ActOutcome.Done, "", view, Now).After(stage, ActOutcome.Failed, "ArchiveUnavailable: down", view, Now.AddMinutes(attempt));
        }

        var failed = Assert.IsType<NodeStep.Failed>(NodeReconciler.Decide(View(node, revision, memory, RootfsEvidence.None), Now.AddHours(1)));
        Assert.Contains("ArchiveUnavailable", failed.Reason, StringComparison.Ordinal);
    }

    private static EnvironmentManifest With(string url, string sha256) => Manifest.Environment() with { RootfsPreinstalled = false, RootfsArchive = new(url, sha256) };

    private static EnvironmentManifest Environment() => new()
    {
        RootfsArchive = new("file:///srv/qm.tar", Digest),
        OomQm = 500,
        OomNested = 750,
    };

    private static RenderedRevision Revision(EnvironmentManifest environment) => RevisionRenderer.Render("a", Manifest.Checked(environment), "ecu1");

    private static NodeStep Decide(RenderedRevision revision, RootfsEvidence rootfs, string staged = "")
    {
        var view = View(new ModelNode(), revision, new NodeMemory(), rootfs);
        return NodeReconciler.Decide(view with { Evidence = view.Evidence! with { StagedRevision = staged } }, Now);
    }

    private static NodeView View(ModelNode node, RenderedRevision revision, NodeMemory memory, RootfsEvidence rootfs)
    {
        var view = node.View(revision, memory);
        return view with { Evidence = view.Evidence! with { Rootfs = rootfs } };
    }
}
