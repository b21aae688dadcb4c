using System.Diagnostics;
using Qm.Fleet.Agent.Files;
using Qm.Fleet.Agent.Revisions;
using Qm.Fleet.Agent.Rootfs;
using Qm.Fleet.Core.Environments;
using Qm.Fleet.Core.Revisions;

namespace Qm.Fleet.Agent.Tests.Rootfs;

/// <summary>What becomes of an archive: a slot that is the same tree, or nothing at all.</summary>
public sealed class SlotTests
{
    // cap_net_bind_service,cap_sys_admin=ep as version 2 of the kernel's format: bytes that are no UTF-8 among them.
    private static readonly byte[] Capability = [1, 0, 0, 2, 0, 0x04, 0xA0, 0xFF, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData("tar")]
    [InlineData("gz")]
    [InlineData("zst")]
    [Trait("Requirement", "QMF-ROOTFS-002")]
    public async Task Build_Archive_IsTheSameTree(string compression)
    {
        using var node = new EmulatedNode();
        var big = new byte[300_000];
        new Random(1).NextBytes(big);
        var longName = string.Join('/', Enumerable.Repeat("a-directory-with-a-long-name", 8)) + "/file";
        var archive = TestArchive.Put(node, TestArchive.Bootable()
            .File("./usr/bin/su", "setuid", (UnixFileMode)0b100_111_101_101)
            .File("./var/big", big)
            .File(longName, "deep")
            .HardLink("./var/bigger", "./var/big")
            .Directory("./closed/", UnixFileMode.UserRead | UnixFileMode.UserExecute)
            .File("./closed/file", "inside")
            .Raw('3', "dev/null")
            .ToArray(compression));

        await BuildAsync(node, archive);

        var slot = node.Of(RootfsSlot.PathOf(archive.Sha256));
        Assert.Equal("setuid", File.ReadAllText($"{slot}/usr/bin/su"));
        Assert.Equal((UnixFileMode)0b100_111_101_101, File.GetUnixFileMode($"{slot}/usr/bin/su"));
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserExecute, File.GetUnixFileMode($"{slot}/closed"));
        Assert.Equal("inside", File.ReadAllText($"{slot}/closed/file"));
        Assert.Equal("deep", File.ReadAllText($"{slot}/{longName}"));
        Assert.Equal(big, File.ReadAllBytes($"{slot}/var/big"));
        Assert.Equal("/usr/lib/systemd/systemd", new FileInfo($"{slot}/sbin/init").LinkTarget);
        Assert.Equal(TestArchive.Modified.UtcDateTime, File.GetLastWriteTimeUtc($"{slot}/usr/bin/su"));
        Assert.False(File.Exists($"{slot}/dev/null"));
        File.AppendAllText($"{slot}/var/big", "!");
        Assert.Equal(big.Length + 1, new FileInfo($"{slot}/var/bigger").Length);
        Assert.Equal([archive.Sha256], Names(node));
    }

    [Fact]
    [Trait("Requirement", "QMF-ROOTFS-002")]
    public async Task Build_ByRoot_KeepsOwnersAndCapabilities()
    {
        Assert.SkipUnless(TreeCalls.MaySetOwners, "only root may set owners and capabilities");
        using var node = new EmulatedNode();
        var archive = TestArchive.Put(node, TestArchive.Bootable()
            .Attributes(("security.capability", Capability), ("user.note", "a\nb"u8.ToArray()), ("security.selinux", "system_u:object_r:bin_t:s0\0"u8.ToArray()))
            .File("./usr/bin/ping", "ping", (UnixFileMode)0b100_111_101_101, uid: 65534, gid: 12)
            .ToArray());

        await BuildAsync(node, archive);

        using var slot = NodeRoot.Open(node.Of(RootfsSlot.PathOf(archive.Sha256)));
        using var bin = slot.OpenDirectory("/usr/bin");
        using var file = slot.Calls.Open(bin, "ping", OpenKind.Read);
        var (facts, attributes) = (TreeCalls.Look(file, "ping"), TreeCalls.Attributes(file, "ping").ToDictionary());
        Assert.Equal((65534u, 12u, 0b100_111_101_101u), (facts.Uid, facts.Gid, facts.Mode));
        Assert.Equal(Capability, attributes["security.capability"]);
        Assert.Equal("a\nb"u8.ToArray(), attributes["user.note"]);
        Assert.DoesNotContain("security.selinux", attributes.Keys);
    }

    [Fact]
    [Trait("Requirement", "QMF-ROOTFS-002")]
    public async Task Build_ArchiveOfGnuTar_IsTheSameTree()
    {
        Assert.SkipUnless(File.Exists("/usr/bin/tar"), "no /usr/bin/tar on this machine");
        using var node = new EmulatedNode();
        var name = new string('n', 180);
        node.Write($"tree/usr/share/{name}/text", "GNU");
        node.Write("tree/usr/lib/systemd/systemd", "an ELF program");
        using (var tar = Process.Start(new ProcessStartInfo("/usr/bin/tar", ["--format=gnu", "-C", node.Of("tree"), "-cf", node.Of("gnu.tar"), "."]))!)
        {
            await tar.WaitForExitAsync(Ct);
            Assert.Equal(0, tar.ExitCode);
        }

        var archive = TestArchive.Put(node, await File.ReadAllBytesAsync(node.Of("gnu.tar"), Ct));
        await BuildAsync(node, archive);

        Assert.Equal("GNU", await File.ReadAllTextAsync($"{node.Of(RootfsSlot.PathOf(archive.Sha256))}/usr/share/{name}/text", Ct));
    }

    public static TheoryData<string, string> Impossible => new()
    {
        { "parent", "leads out" }, { "absolute", "absolute path" }, { "below-link", "no directory" }, { "hard-link-out", "hard link" }, { "hard-link-to-link", "hard link" },
        { "device", "device node" }, { "fifo", "FIFO" }, { "twice", "is there twice" }, { "newline", "control character" }, { "not-utf8", "not UTF-8" },
        { "trusted", "trusted.overlay.opaque" }, { "type", "type 'Z'" }, { "sparse", "sparse" }, { "top", "takes the place" },
    };

    [Theory]
    [MemberData(nameof(Impossible))]
    [Trait("Requirement", "QMF-ROOTFS-001")]
    public async Task Build_ImpossibleEntry_IsRefusedAndNothingIsLeft(string what, string complaint)
    {
        using var node = new EmulatedNode();
        node.Write("outside", "untouched");
        var bad = TestArchive.Bootable();
        bad = what switch
        {
            "parent" => bad.Raw('0', "usr/../../outside", "x"u8.ToArray()),
            "absolute" => bad.Raw('0', "/outside", "x"u8.ToArray()),
            "below-link" => bad.Link("./out", "/").Raw('0', "out/outside", "x"u8.ToArray()),
            "hard-link-out" => bad.Raw('1', "passwd", target: "../../../../../etc/passwd"),
            "hard-link-to-link" => bad.Raw('1', "passwd", target: "sbin/init"),
            "device" => bad.Raw('4', "usr/disk"),
            "fifo" => bad.Raw('6', "run/initctl"),
            "twice" => bad.Raw('2', "usr/lib/systemd/systemd", target: "/"),
            "newline" => bad.Raw('0', "usr/a\nb"),
            "not-utf8" => bad.Attributes(("user.x", [])).Raw('x', "pax", [.. "13 path=a"u8, 0xFF, (byte)'b', (byte)'c', (byte)'\n']).Raw('0', "x"),
            "trusted" => bad.Attributes(("trusted.overlay.opaque", "y"u8.ToArray())).Raw('5', "usr/hidden/"),
            "type" => bad.Raw('Z', "usr/odd"),
            "sparse" => bad.Raw('x', "pax", "22 GNU.sparse.major=1\n"u8.ToArray()).Raw('0', "usr/sparse"),
            _ => bad.Raw('2', "./", target: "/"),
        };

        var refusal = await RefusalAsync(node, TestArchive.Put(node, bad.ToArray()));

        Assert.Equal("ArchiveRefused", refusal.Reason);
        Assert.Contains(complaint, refusal.Message);
        Assert.Empty(Names(node));
        Assert.Equal("untouched", await File.ReadAllTextAsync(node.Of("outside"), Ct));
    }

    [Fact]
    [Trait("Requirement", "QMF-ROOTFS-001")]
    public async Task Build_ManyImpossibleEntries_AreNamedAtOnce()
    {
        using var node = new EmulatedNode();
        var refusal = await RefusalAsync(node, TestArchive.Put(node, TestArchive.Bootable().Raw('0', "../a").Raw('4', "b").Raw('0', "/c").ToArray()));
        Assert.All((string[])["\"../a\"", "\"b\"", "\"/c\""], name => Assert.Contains(name, refusal.Message));
    }

    [Theory]
    [InlineData("gz")]
    [InlineData("zst")]
    [Trait("Requirement", "QMF-ROOTFS-001")]
    public async Task Build_Bomb_IsRefusedBeforeAnythingIsUnpacked(string compression)
    {
        using var node = new EmulatedNode { Limits = RootfsLimits.Default with { RatioFreeBytes = 1 << 20, RatioMax = 50 } };
        var archive = TestArchive.Put(node, TestArchive.Bootable().File("./zeros", new byte[64 << 20]).ToArray(compression));
        var phases = new List<V1.RootfsFetch.Types.Phase>();

        var refusal = await RefusalAsync(node, archive, status => phases.Add(status.Phase));

        Assert.Equal("ArchiveRefused", refusal.Reason);
        Assert.Contains("bomb", refusal.Message);
        Assert.DoesNotContain(V1.RootfsFetch.Types.Phase.Unpack, phases);
        Assert.Empty(Names(node));
    }

    [Fact]
    [Trait("Requirement", "QMF-ROOTFS-001")]
    public async Task Build_TooManyEntries_IsRefused()
    {
        using var node = new EmulatedNode { Limits = RootfsLimits.Default with { EntriesMax = 4 } };
        Assert.Contains("more than 4 entries", (await RefusalAsync(node, TestArchive.Put(node, TestArchive.Bootable().ToArray()))).Message);
        Assert.Empty(Names(node));
    }

    [Theory]
    [InlineData("tar")]
    [InlineData("gz")]
    [InlineData("zst")]
    [Trait("Requirement", "QMF-ROOTFS-001")]
    public async Task Build_TruncatedAtEvery64KiB_IsRefusedAndNothingIsLeft(string compression)
    {
        using var node = new EmulatedNode();
        var noise = new byte[1 << 20];
        new Random(2).NextBytes(noise);
        var whole = TestArchive.Bootable().File("./noise", noise).ToArray(compression);
        for (var length = 0; length < whole.Length; length += 64 << 10)
        {
            var cut = whole[..length];
            var damaged = await RefusalAsync(node, TestArchive.Put(node, cut));
            var other = await RefusalAsync(node, TestArchive.Put(node, cut) with { Sha256 = TestArchive.Digest(whole) });

            Assert.True((damaged.Reason, other.Reason) == ("ArchiveDamaged", "DigestMismatch"), $"at {length}: {damaged.Reason} and {other.Reason}");
            Assert.Empty(Names(node));
        }
    }

    [Fact]
    [Trait("Requirement", "QMF-ROOTFS-001")]
    public async Task Build_WrongDigest_IsRefusedBeforeAnythingIsRead()
    {
        using var node = new EmulatedNode();
        var phases = new List<V1.RootfsFetch.Types.Phase>();
        var archive = TestArchive.Put(node, TestArchive.Bootable().ToArray()) with { Sha256 = new('a', 64) };

        var refusal = await RefusalAsync(node, archive, status => phases.Add(status.Phase));

        Assert.Equal("DigestMismatch", refusal.Reason);
        Assert.Contains(archive.Sha256, refusal.Message);
        Assert.DoesNotContain(V1.RootfsFetch.Types.Phase.Survey, phases);
        Assert.Empty(Names(node));
    }

    [Theory]
    [InlineData(300L << 20, "The rootfs")]
    [InlineData(1000, "The archive")]
    [Trait("Requirement", "QMF-ROOTFS-001")]
    public async Task Build_DiskTooSmall_IsRefusedBeforeItIsFull(long freeBeforeReserve, string what)
    {
        // Large on disk and small as an archive.
        using var node = new EmulatedNode { FreeBytes = _ => freeBeforeReserve };
        var refusal = await RefusalAsync(node, TestArchive.Put(node, TestArchive.Bootable().File("./zeros", new byte[60 << 20]).ToArray("gz")));

        Assert.Equal("NoSpace", refusal.Reason);
        Assert.StartsWith(what, refusal.Message);
        Assert.Empty(Names(node));
    }

    [Fact]
    [Trait("Requirement", "QMF-ROOTFS-001")]
    public async Task Build_TreeWithoutInit_IsRefused()
    {
        using var node = new EmulatedNode();
        var refusal = await RefusalAsync(node, TestArchive.Put(node, new TestArchive().Directory("./etc/").ToArray()));
        Assert.Equal("RootfsMissing", refusal.Reason);
        Assert.Empty(Names(node));
    }

    [Theory]
    [InlineData(Fault.KillBefore)]
    [InlineData(Fault.KillHalfway)]
    [InlineData(Fault.KillAfter)]
    [Trait("Requirement", "QMF-ROOTFS-003")]
    internal async Task Build_KilledAtAnyCall_LeavesAWholeSlotOrWhatTheNextStartRemoves(Fault fault)
    {
        var file = TestArchive.Bootable().File("./usr/a", "a").HardLink("./usr/b", "./usr/a").ToArray("gz");
        var calls = await CountAsync();
        Assert.True(calls > 10, $"{calls} calls");
        for (var at = 1; at <= calls; at++)
        {
            using var node = new EmulatedNode();
            var archive = TestArchive.Put(node, file);
            using (var root = NodeRoot.Open(node.Root, new FaultySystemCalls(fault, at)))
            {
                await Assert.ThrowsAsync<CrashException>(() => Builder(node, root).BuildAsync(archive, _ => { }, Ct));
            }

            using var again = NodeRoot.Open(node.Root);
            var directory = new SlotDirectory(again);
            if (directory.Has(archive.Sha256))
            {
                Assert.Equal("a", await File.ReadAllTextAsync($"{node.Of(RootfsSlot.PathOf(archive.Sha256))}/usr/b", Ct));
            }

            directory.Collect(new HashSet<string> { archive.Sha256 }, "");
            Assert.All(Names(node), name => Assert.Equal(archive.Sha256, name));
            await Builder(node, again).BuildAsync(archive, _ => { }, Ct);
            Assert.Equal([archive.Sha256], Names(node));
        }

        async Task<int> CountAsync()
        {
            using var node = new EmulatedNode();
            var counting = new FaultySystemCalls();
            using var root = NodeRoot.Open(node.Root, counting);
            await Builder(node, root).BuildAsync(TestArchive.Put(node, file), _ => { }, Ct);
            return counting.Made.Count;
        }
    }

    [Fact]
    [Trait("Requirement", "QMF-ROOTFS-003")]
    public void Collect_KeepsWhatIsWantedAndWhatIsNotOurs()
    {
        using var node = new EmulatedNode();
        var (kept, old) = (new string('a', 64), new string('b', 64));
        foreach (var name in (string[])[$"{kept}/x", $"{old}/etc/x", $"{old}.partial/x", $"{kept}.part", $"{old}.part", "notes/x"])
        {
            node.Write($"var/lib/qm-fleet/rootfs/{name}", "x");
        }

        File.CreateSymbolicLink(node.Of($"var/lib/qm-fleet/rootfs/{old}/link"), node.Of("etc"));
        using var root = NodeRoot.Open(node.Root);
        var collected = new SlotDirectory(root).Collect(new HashSet<string> { kept }, kept);

        Assert.Equal([old], collected);
        Assert.Equal([kept, $"{kept}.part", "notes"], Names(node));
        Assert.True(File.Exists(node.Of("etc/qm/containers/containers.conf")));
    }

    internal static SlotBuilder Builder(EmulatedNode node, NodeRoot root) => new(root, node.Options, node.Limits, node.FreeBytes, TimeProvider.System);

    internal static IReadOnlyList<string> Names(EmulatedNode node) => Directory.Exists(node.Of(RootfsSlot.Directory))
        ? [.. Directory.EnumerateFileSystemEntries(node.Of(RootfsSlot.Directory)).Select(path => Path.GetFileName(path)!).Order(StringComparer.Ordinal)]
        : [];

    internal static async Task BuildAsync(EmulatedNode node, RootfsArchive archive, Action<FetchStatus>? progress = null)
    {
        using var root = NodeRoot.Open(node.Root);
        await Builder(node, root).BuildAsync(archive, progress ?? (_ => { }), Ct);
    }

    internal static Task<CommandRefusedException> RefusalAsync(EmulatedNode node, RootfsArchive archive, Action<FetchStatus>? progress = null) =>
        Assert.ThrowsAsync<CommandRefusedException>(() => BuildAsync(node, archive, progress));
}
