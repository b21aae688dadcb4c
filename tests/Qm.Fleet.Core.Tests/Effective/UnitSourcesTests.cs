using CsCheck;
using Qm.Fleet.Core.Effective;
using Qm.Fleet.Core.Tests.Units;
using Qm.Fleet.Core.Units;
using Xunit;

namespace Qm.Fleet.Core.Tests.Effective;

[Trait("Requirement", "QMF-EFFECT-001")]
public sealed class UnitSourcesTests
{
    private const string Vendor = "/usr/share/containers/systemd/qm.container";
    private const string VendorDropIn = "/usr/share/containers/systemd/qm.container.d/10-automotive.conf";
    private const string Owned = "/etc/containers/systemd/qm.container.d/50-qm-fleet.conf";
    private const string UnitDropIn = "/etc/systemd/system/qm.service.d/10-hand.conf";
    private const string Live = "/run/systemd/system.control/qm.service.d/50-MemoryHigh.conf";
    private const string Generated = "/run/systemd/generator/qm.service";

    private static readonly UnitSources Node = new()
    {
        Quadlet = File(Vendor, "[Service]\nMemoryHigh=infinity\nEnvironment=ROOTFS=/a\n[Container]\nDropCapability=sys_boot sys_resource\n"),
        QuadletDropIns = [File(VendorDropIn, "[Service]\nMemoryHigh=4G\n"), File(Owned, "[Service]\nMemoryHigh=1536M\n[Container]\nDropCapability=\nDropCapability=sys_boot\n")],
        Generated = File(Generated, "[X-Container]\nDropCapability=sys_boot sys_resource\nDropCapability=\nDropCapability=sys_boot\n"
            + "[Service]\nMemoryHigh=infinity\nEnvironment=ROOTFS=/a\nMemoryHigh=4G\nMemoryHigh=1536M\nEnvironment=PODMAN_SYSTEMD_UNIT=%n\nKillMode=mixed\n"),
        DropIns = [File(UnitDropIn, "[Service]\nMemoryHigh=2G\n"), File(Live, "[Service]\nMemoryHigh=1610612736\n")],
    };

    [Fact]
    public void Merge_EveryLayer_TellsAllOfThemTheStrongestFirst()
    {
        var (settings, problems) = Merge(Node);
        var high = settings["Service", "MemoryHigh"];

        Assert.Empty(problems);
        Assert.Equal(("1610612736", false), (high.Value, high.IsList));
        Assert.Equal(
            [
                new("1610612736", Live, 2, ConfigurationLayer.RuntimeControl, true),
                new("2G", UnitDropIn, 2, ConfigurationLayer.UnitDropIn, false),
                new("1536M", Owned, 2, ConfigurationLayer.Fleet, false),
                new("4G", VendorDropIn, 2, ConfigurationLayer.VendorDropIn, false),
                new("infinity", Vendor, 2, ConfigurationLayer.Vendor, false),
            ],
            high.Chain);
    }

    [Fact]
    public void Merge_List_HasWhatCountsAndWhatAnEmptyOneReset()
    {
        var dropped = Merge(Node).Settings["Container", "DropCapability"];

        Assert.Equal(("sys_boot", true), (dropped.Value, dropped.IsList));
        Assert.Equal([("sys_boot", true), ("", false), ("sys_boot sys_resource", false)], dropped.Chain.Select(assignment => (assignment.Value, assignment.Counts)));
    }

    [Fact]
    public void Merge_WhatTheGeneratorAdds_IsItsOwnLayer()
    {
        var (settings, _) = Merge(Node);

        Assert.Equal(("mixed", ConfigurationLayer.Generator, Generated, 11), First(settings["Service", "KillMode"]));
        Assert.Equal("ROOTFS=/a PODMAN_SYSTEMD_UNIT=%n", settings["Service", "Environment"].Value);
    }

    [Theory]
    [InlineData("MemoryHigh=1536M", "MemoryHigh=1G")]
    [InlineData("MemoryHigh=1536M\n", "")]
    [InlineData("MemoryHigh=1536M\n", "MemoryHigh=1536M\nNice=5\n")]
    public void Merge_QuadletChangedSinceTheReload_TellsTheFilesAndSaysSo(string from, string to)
    {
        var changed = Changed("MemoryHigh=1536M\n".Replace(from, to, StringComparison.Ordinal)) with { DropIns = [] };
        var (settings, problems) = Merge(changed);

        Assert.Contains("systemctl daemon-reload", Assert.Single(problems), StringComparison.Ordinal);
        Assert.DoesNotContain(settings["Service", "MemoryHigh"].Chain, assignment => assignment.Layer == ConfigurationLayer.Generator);
    }

    [Fact]
    public void Merge_QuadletChangedInWhatIsSetLive_HasNothingToReload()
    {
        Assert.Empty(Merge(Changed("MemoryHigh=1G\n")).Problems);
        Assert.Empty(Merge(Changed("MemoryHigh=1G\nMemoryHigh=1536M\n") with { DropIns = [] }).Problems);
    }

    [Fact]
    public void Merge_NothingGenerated_SaysThatTheGeneratorMayHaveRefusedIt() =>
        Assert.Contains("refused", Assert.Single(Merge(Node with { Generated = null }).Problems), StringComparison.Ordinal);

    [Theory]
    [InlineData("[Service]\nMemoryHigh=3G\n", "takes the place")]
    [InlineData("", "masks")]
    public void Merge_UnitFileInFrontOfTheGenerators_LeavesNothingOfTheQuadlet(string text, string problem)
    {
        var (settings, problems) = Merge(Node with { Main = File("/etc/systemd/system/qm.service", text) });

        Assert.Contains(problem, Assert.Single(problems), StringComparison.Ordinal);
        Assert.Equal(text.Length > 0 ? ["1610612736", "2G", "3G"] : ["1610612736", "2G"], settings["Service", "MemoryHigh"].Chain.Select(assignment => assignment.Value));
        Assert.False(settings.ContainsKey("Container", "DropCapability"));
    }

    [Fact]
    public void Merge_ContainerSectionInADropInOfTheUnit_HasNoEffectAndIsTold()
    {
        var (settings, problems) = Merge(Node with { DropIns = [File(UnitDropIn, "[Container]\nDropCapability=\n")] });

        Assert.Contains($"{UnitDropIn}:2", Assert.Single(problems), StringComparison.Ordinal);
        Assert.Equal("sys_boot", settings["Container", "DropCapability"].Value);
    }

    // What a person does by hand: go through the lines in the order of the files, and forget at an empty one.
    [Fact]
    public void Merge_AnyFiles_HasTheValueThatReadingThemGives() => Gen.Select(Lines, Lines.Array[0, 3], Lines.Array[0, 3]).Sample((quadlet, quadletDropIns, dropIns) =>
    {
        (string Key, string Value)[] all = [.. quadlet, .. quadletDropIns.SelectMany(lines => lines), .. dropIns.SelectMany(lines => lines)];
        var (settings, _) = Merge(new UnitSources
        {
            Quadlet = File(Vendor, Text(quadlet)),
            QuadletDropIns = [.. quadletDropIns.Select(lines => File(Owned, Text(lines)))],
            DropIns = [.. dropIns.Select(lines => File(UnitDropIn, Text(lines)))],
        });

        foreach (var (key, isList) in new[] { ("Nice", false), ("Environment", true) })
        {
            List<string> read = [];
            foreach (var value in all.Where(line => line.Key == key).Select(line => line.Value))
            {
                if (value.Length == 0 || !isList)
                {
                    read.Clear();
                }

                read.AddRange(value.Length == 0 ? [] : [value]);
            }

            var setting = settings.Find("Service", key);
            Assert.Equal(string.Join(' ', read), setting?.Value ?? "");
            Assert.Equal(all.Where(line => line.Key == key).Select(line => line.Value).Reverse(), setting?.Chain.Select(assignment => assignment.Value) ?? []);
        }
    });

    [Fact]
    public void Merge_AnyQuadlet_IsWhatTheGeneratorMakesOfIt()
    {
        // A skip within a sample would count as its failure.
        QuadletProgram.Require();
        Gen.Select(Lines, NodeTree.DropIns(UnitSearch.QuadletDropInDirectories("qm.container"), "10-a.conf", "50-b.conf", ".hidden.conf", "x.txt"), Lines.Array[12]).Sample(
            (main, dropIns, lines) =>
            {
                using var tree = new NodeTree();
                tree.Write(Vendor, $"{Text(main)}[Container]\nRootfs=/x\n");
                foreach (var ((path, isMask), content) in dropIns.Zip(lines))
                {
                    tree.Write(path, isMask ? null : Text(content));
                }

                var generated = QuadletProgram.Generate("qm.service", UnitSearch.QuadletDirectories.Select(tree.Of));
                var (settings, problems) = Merge(new UnitSources
                {
                    Quadlet = Read(tree, Vendor),
                    QuadletDropIns = [.. UnitSearch.DropInsInForce(tree.List(UnitSearch.QuadletDropInDirectories("qm.container")), isSystemd: false).Select(path => Read(tree, path))],
                    Generated = File(Generated, generated.Text),
                });
                var made = UnitFileMerger.Merge(File(Generated, generated.Text), []);

                Assert.True(generated.Text.Length > 0, generated.Errors);
                Assert.Empty(problems);
                Assert.Equal(made.Chain("Service", "Nice").Select(link => link.Entry.Value), settings.Find("Service", "Nice")?.Chain.Select(assignment => assignment.Value) ?? []);
                Assert.Equal(made.Chain("Service", "Environment").Select(link => (link.Entry.Value, link.Counts)), settings["Service", "Environment"].Chain.Select(assignment => (assignment.Value, assignment.Counts)));
            },
            iter: 30, threads: 1);
    }

    // Values that the generator was seen to take into its command from every assignment, or from the last one only.
    [Fact]
    public void KindOf_KeysOfContainer_AreAsTheGeneratorTakesThem()
    {
        (string Key, string First, string Second)[] keys =
        [
            ("AddCapability", "aaa", "bbb"), ("AddDevice", "/aaa", "/bbb"), ("AddHost", "aaa:1", "bbb:1"), ("Annotation", "aaa=1", "bbb=1"), ("ContainerName", "aaa", "bbb"),
            ("DNS", "aaa", "bbb"), ("DropCapability", "aaa", "bbb"), ("Environment", "aaa=1", "bbb=1"), ("Exec", "aaa", "bbb"), ("GroupAdd", "aaa", "bbb"), ("HostName", "aaa", "bbb"),
            ("Label", "aaa=1", "bbb=1"), ("LogDriver", "aaa", "bbb"), ("Mask", "aaa", "bbb"), ("Mount", "type=tmpfs,destination=/aaa", "type=tmpfs,destination=/bbb"),
            ("Network", "aaa", "bbb"), ("PodmanArgs", "--aaa", "--bbb"), ("PublishPort", "111", "222"), ("Rootfs", "/aaa", "/bbb"), ("SeccompProfile", "aaa", "bbb"),
            ("SecurityLabelType", "aaa", "bbb"), ("Sysctl", "aaa=1", "bbb=1"), ("Timezone", "aaa", "bbb"), ("Tmpfs", "/aaa", "/bbb"), ("Ulimit", "aaa", "bbb"),
            ("Unmask", "aaa", "bbb"), ("User", "aaa", "bbb"), ("Volume", "/aaa:/aaa", "/bbb:/bbb"), ("WorkingDir", "/aaa", "/bbb"),
        ];
        foreach (var (key, first, second) in keys)
        {
            using var tree = new NodeTree();
            tree.Write(Vendor, $"[Container]\n{(key == "Rootfs" ? "" : "Rootfs=/x\n")}{key}={first}\n{key}={second}\n");
            var (text, errors) = QuadletProgram.Generate("qm.service", [tree.Of("/usr/share/containers/systemd")]);
            var command = File(Generated, text).Entries.LastOrDefault(entry => entry.Key == "ExecStart")?.Value ?? $"{key}: {errors}";

            Assert.Contains(second, command, StringComparison.Ordinal);
            Assert.Equal((key, command.Contains(first, StringComparison.Ordinal)), (key, UnitKeys.KindOf("Container", key) == UnitKeyKind.List));
        }
    }

    private static UnitSources Changed(string lines) => Node with
    {
        QuadletDropIns = Node.QuadletDropIns.SetItem(1, File(Owned, $"[Service]\n{lines}[Container]\nDropCapability=\nDropCapability=sys_boot\n")),
    };

    private static Gen<(string Key, string Value)[]> Lines => Gen.Select(Gen.OneOf("Nice", "Environment"), Gen.OneOf("", "1", "2", "3")).Array[0, 5];

    private static string Text(IEnumerable<(string Key, string Value)> lines) => "[Service]\n" + string.Concat(lines.Select(line => $"{line.Key}={line.Value}\n"));

    private static (string, ConfigurationLayer, string, int) First(EffectiveSetting setting) => (setting.Chain[0].Value, setting.Chain[0].Layer, setting.Chain[0].File, setting.Chain[0].Line);

    private static UnitFile File(string path, string text) => UnitFile.Parse(text, path);

    private static UnitFile Read(NodeTree tree, string path) => UnitFile.Parse(System.IO.File.ReadAllText(tree.Of(path)), path);

    private static (Settings Settings, List<string> Problems) Merge(UnitSources sources)
    {
        List<string> problems = [];
        return (new([.. EffectiveSetting.OfUnit(sources.Merge(problems), path => path == Owned)]), problems);
    }

    private sealed class Settings(IReadOnlyList<EffectiveSetting> all)
    {
        public EffectiveSetting this[string section, string key] => Find(section, key) ?? throw new KeyNotFoundException($"[{section}] {key}");

        public bool ContainsKey(string section, string key) => Find(section, key) is not null;

        public EffectiveSetting? Find(string section, string key) => all.SingleOrDefault(setting => setting.Section == section && setting.Key == key);
    }
}
