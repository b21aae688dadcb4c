using Qm.Fleet.Lab.Processes;
using Xunit;

namespace Qm.Fleet.Lab.Tests.Processes;

[Trait("Requirement", "QMF-LAB-002")]
public sealed class OwnedFilesTests
{
    [Fact]
    public void ChangesSince_RewrittenAddedAndRemovedFiles_AreAllFound()
    {
        var root = Directory.CreateTempSubdirectory("qmfleet-owned-").FullName;
        var etc = Directory.CreateDirectory(Path.Combine(root, "etc")).FullName;
        foreach (var name in new[] { "same", "rewritten", "removed" })
        {
            File.WriteAllText(Path.Combine(etc, name), "content");
            File.SetLastWriteTimeUtc(Path.Combine(etc, name), DateTime.UnixEpoch);
        }

        var before = OwnedFiles.Of([root]);
        Assert.Empty(OwnedFiles.Of([root]).ChangesSince(before));
        File.WriteAllText(Path.Combine(etc, "rewritten"), "content");
        File.Delete(Path.Combine(etc, "removed"));
        File.WriteAllText(Path.Combine(etc, "added"), "");
        Assert.Equal(["added", "removed", "rewritten"], OwnedFiles.Of([root]).ChangesSince(before).Select(Path.GetFileName));
        Directory.Delete(root, recursive: true);
    }
}
