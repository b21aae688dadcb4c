using System.Collections.Immutable;
using Qm.Fleet.Controller.Reconcile;
using Qm.Fleet.Core.Environments;
using Qm.Fleet.Core.Revisions;
using Change = Qm.Fleet.V1.FileDrift.Types.Change;

namespace Qm.Fleet.Controller.Tests.Drift;

[Trait("Requirement", "QMF-DRIFT-001")]
public sealed class DriftTextTests
{
    private const string Path = "/etc/containers/systemd/qm.container.d/50-qm-fleet.conf";

    [Fact]
    public void Describe_EditedFile_IsASentenceAndAUnifiedDiff() => Assert.Equal(
        $"""
        {Path} was edited by somebody else
        --- revision{Path}
        +++ node{Path}
        @@ -1,3 +1,3 @@
         [Service]
        -MemoryHigh=2G
        +MemoryHigh=9G
         OOMScoreAdjust=500
        """,
        Describe("[Service]\nMemoryHigh=2G\nOOMScoreAdjust=500\n", "[Service]\nMemoryHigh=9G\nOOMScoreAdjust=500\n"));

    [Fact]
    public void Describe_RemovedFile_ShowsWhatIsMissing()
    {
        var text = DriftText.Describe(new() { Kind = V1.OwnedFile.Types.Kind.QmContainerDropIn, Path = Path, Change = Change.Removed }, Committed("[Service]\nMemoryHigh=2G\n"));
        Assert.StartsWith($"{Path} was removed by somebody else\n", text, StringComparison.Ordinal);
        Assert.Contains("\n-[Service]\n-MemoryHigh=2G", text, StringComparison.Ordinal);
    }

    [Fact]
    public void Describe_AddedFile_ShowsWhatCame()
    {
        var text = DriftText.Describe(new() { Kind = V1.OwnedFile.Types.Kind.AsilDropIn, Name = "brake.service", Path = Path, Change = Change.Added, Content = "[Service]\nOOMScoreAdjust=0\n" }, Committed("x"));
        Assert.Contains("\n+[Service]\n+OOMScoreAdjust=0", text, StringComparison.Ordinal);
        Assert.DoesNotContain("\n-x", text, StringComparison.Ordinal);
    }

    // The node keeps its secrets; that a line is shown without its secret is no change of it.
    [Fact]
    public void Describe_SecretThatTheNodeKept_IsNoChange()
    {
        var text = Describe("[Container]\nEnvironment=PASSWORD=hunter2\nImage=x:1\n", "[Container]\nEnvironment=PASSWORD=[redacted]\nImage=x:2\n");
        Assert.DoesNotContain("hunter2", text, StringComparison.Ordinal);
        Assert.Contains("\n Environment=PASSWORD=[redacted]\n-Image=x:1\n+Image=x:2", text, StringComparison.Ordinal);
    }

    [Fact]
    public void Describe_HugeChange_IsBounded()
    {
        var text = Describe("", string.Concat(Enumerable.Range(0, 1000).Select(static i => $"{i} {new string('x', 1000)}\n")), isCut: true);
        var lines = text.Split('\n');
        Assert.Equal(1 + DriftText.MaxLines + 2, lines.Length);
        Assert.All(lines, static line => Assert.InRange(line.Length, 0, DriftText.MaxLineLength + 3));
        Assert.Contains("more lines", lines[^2], StringComparison.Ordinal);
        Assert.Contains("longer than what is compared", lines[^1], StringComparison.Ordinal);
    }

    [Fact]
    public void Describe_WhatCannotBeCompared_SaysWhy()
    {
        var drift = new V1.FileDrift { Kind = V1.OwnedFile.Types.Kind.QmContainerDropIn, Path = Path, Change = Change.Edited, Sha256 = "ab" };
        Assert.Contains("no text", DriftText.Describe(drift, Committed("x")), StringComparison.Ordinal);
        Assert.Contains("not the one wanted", DriftText.Describe(drift, null), StringComparison.Ordinal);
    }

    private static string Describe(string committed, string found, bool isCut = false) => DriftText.Describe(
        new() { Kind = V1.OwnedFile.Types.Kind.QmContainerDropIn, Path = Path, Change = Change.Edited, Content = found, ContentIsCut = isCut }, Committed(committed));

    private static RenderedRevision Committed(string content) =>
        new("r1", new FleetEnvironment(), ImmutableArray.Create(new RenderedFile(new(OwnedFileKind.QmContainerDropIn, ""), content)));
}
