using CsCheck;
using Qm.Fleet.Core.Units;
using Xunit;

namespace Qm.Fleet.Core.Tests.Units;

[Trait("Requirement", "QMF-EFFECT-001")]
public sealed class UnitSearchTests
{
    private const string Unit = "qm.service";

    // Hidden files, other suffixes, case, digits of different length, and what UTF-16 sorts otherwise than bytes.
    private static readonly string[] Names = ["10-a.conf", "50-MemoryHigh.conf", "50-qm.conf", "9-z.conf", ".hidden.conf", "60.conf.bak", "\uFB01.conf", "\U0001F600.conf"];

    [Fact]
    public void UnitDirectories_AsSystemdSaysThem_AreInItsOrder()
    {
        var told = SystemdAnalyze.UnitPaths();

        Assert.Equal(told.Where(UnitSearch.UnitDirectories.Contains), UnitSearch.UnitDirectories.Where(told.Contains));
        Assert.Empty(told.Except(UnitSearch.UnitDirectories).Except(["/lib/systemd/system"]));
    }

    [Fact]
    public void UnitDropIns_AnyTree_AreReadAsSystemdReadsThem()
    {
        // A skip within a sample would count as its failure.
        Assert.NotEmpty(SystemdAnalyze.UnitPaths());
        NodeTree.DropIns(UnitSearch.UnitDropInDirectories(Unit), Names).Sample(
            files =>
            {
                using var tree = new NodeTree();
                foreach (var (path, isMask) in files)
                {
                    tree.Write(path, isMask ? null : "[Service]\nNice=wrong\n");
                }

                // verify looks first into the directory of the file it is given.
                Directory.CreateDirectory(tree.Of("/main"));
                var read = SystemdAnalyze.FilesRead(tree.Of($"/main/{Unit}"), UnitSearch.UnitDirectories.Select(tree.Of)).Select(tree.Told);
                var masks = files.Where(file => file.IsMask).Select(file => file.Path).ToHashSet();

                Assert.Equal(UnitSearch.DropInsInForce(tree.List(UnitSearch.UnitDropInDirectories(Unit)), isSystemd: true).Where(path => !masks.Contains(path)), read);
            },
            iter: 40, threads: 1);
    }

    [Fact]
    public void UnitDropInDirectories_NameWithDashes_HasThoseOfItsBeginningsToo() => Assert.Equal(
        ["/etc/systemd/system/a-b-c.service.d", "/etc/systemd/system/a-b-.service.d", "/etc/systemd/system/a-.service.d", "/etc/systemd/system/service.d"],
        UnitSearch.UnitDropInDirectories("a-b-c.service").Where(directory => directory.StartsWith("/etc/systemd/system/", StringComparison.Ordinal)));

    [Fact]
    public void DropInsInForce_AnyOrderOfNames_HasEachNameOnceFromTheStrongestDirectory() =>
        NodeTree.DropIns(UnitSearch.QuadletDropInDirectories("qm.container"), Names).Sample(files =>
        {
            string[] directories = [.. UnitSearch.QuadletDropInDirectories("qm.container")];
            string[] paths = [.. files.Select(file => file.Path).OrderBy(path => Array.FindIndex(directories, directory => path.StartsWith(directory + "/", StringComparison.Ordinal)))];
            string[] read = [.. UnitSearch.DropInsInForce(paths, isSystemd: false)];

            Assert.Equal(read.Length, read.Select(UnitSearch.NameOf).Distinct().Count());
            Assert.All(read, path => Assert.Equal(path, paths.First(other => UnitSearch.NameOf(other) == UnitSearch.NameOf(path))));
            Assert.Equal(paths.Select(UnitSearch.NameOf).Where(name => name.EndsWith(".conf", StringComparison.Ordinal)).ToHashSet(), read.Select(UnitSearch.NameOf).ToHashSet());
        });
}
