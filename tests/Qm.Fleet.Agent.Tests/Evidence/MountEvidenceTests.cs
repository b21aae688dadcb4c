using Qm.Fleet.V1;

namespace Qm.Fleet.Agent.Tests.Evidence;

[Trait("Requirement", "QMF-AGENT-008")]
public sealed class MountEvidenceTests : IDisposable
{
    private const string Rootfs = "600 500 253:1 /usr/lib/qm/rootfs / ro - ext4 /dev/vda1 rw\n";
    private readonly EmulatedNode _node = new();

    public void Dispose() => _node.Dispose();

    [Fact]
    public void Mounts_AsTheQuadletSays_LieAtTheSamePlace()
    {
        Assert.Equal(
            [
                new QmMount { Point = "/", Configured = "/usr/lib/qm/rootfs", ConfiguredAt = "253:1 /usr/lib/qm/rootfs", MountedAt = "253:1 /usr/lib/qm/rootfs" },
                new QmMount { Point = "/etc", Configured = "/etc/qm", ConfiguredAt = "253:1 /etc/qm", MountedAt = "253:1 /etc/qm" },
                new QmMount { Point = "/var", Configured = "/var/qm", ConfiguredAt = "253:1 /var/qm", MountedAt = "253:1 /var/qm" },
            ],
            Read().Mounts);
    }

    // QM's /var is a partition of its own on most nodes, and the whole system a directory of a file system on image-based ones.
    [Fact]
    public void Mounts_PartitionsAndDeployments_AreSeenThrough()
    {
        _node.Write("proc/1/mountinfo", "30 1 253:1 /ostree/deploy/1 / rw - xfs /dev/vda1 rw\n32 30 253:3 / /var/qm rw - ext4 /dev/vda3 rw\n");
        _node.Write("proc/492/mountinfo", """
            600 500 253:1 /ostree/deploy/1/usr/lib/qm/rootfs / ro - xfs /dev/vda1 rw
            601 600 253:1 /ostree/deploy/1/etc/qm /etc rw - xfs /dev/vda1 rw
            602 600 253:3 / /var rw - ext4 /dev/vda3 rw

            """);
        Assert.All(Read().Mounts, mount => Assert.Equal(mount.ConfiguredAt, mount.MountedAt));
        Assert.Equal("253:3 /", Read().Mounts.Single(mount => mount.Point == "/var").MountedAt);
    }

    [Fact]
    public void Mounts_LinkOnTheHost_IsFollowed()
    {
        Directory.Move(_node.Of("etc/qm"), _node.Of("etc/qm-real"));
        File.CreateSymbolicLink(_node.Of("etc/qm"), "/etc/qm-real");
        Assert.Equal("253:1 /etc/qm-real", Read().Mounts.Single(mount => mount.Point == "/etc").ConfiguredAt);
    }

    [Fact]
    public void Mounts_OtherThanTheQuadletSays_AreToldAsFound()
    {
        _node.Write("proc/492/mountinfo", Rootfs + "601 600 253:1 /etc/old-qm /etc rw - ext4 /dev/vda1 rw\n");
        var mounts = Read().Mounts.ToDictionary(mount => mount.Point);

        Assert.Equal(("253:1 /etc/qm", "253:1 /etc/old-qm"), (mounts["/etc"].ConfiguredAt, mounts["/etc"].MountedAt));
        Assert.Equal("", mounts["/var"].MountedAt);
    }

    [Fact]
    public void Mounts_SocketFromADropIn_IsLocatedWithoutBeingOpened()
    {
        _node.Write("etc/containers/systemd/qm.container.d/20-bluechi.conf", "[Container]\nVolume=/run/bluechi/bluechi.sock:/run/bluechi.sock:rw\nVolume=named:/data\nVolume=/nowhere:/nowhere\n");
        _node.Write("run/bluechi/bluechi.sock", "");
        _node.Write("proc/492/mountinfo", Rootfs + "603 600 0:22 /bluechi/bluechi.sock /run/bluechi.sock rw - tmpfs tmpfs rw\n");
        var mounts = Read().Mounts.ToDictionary(mount => mount.Point);

        Assert.Equal(("0:22 /bluechi/bluechi.sock", "0:22 /bluechi/bluechi.sock"), (mounts["/run/bluechi.sock"].ConfiguredAt, mounts["/run/bluechi.sock"].MountedAt));
        Assert.Equal("", mounts["/nowhere"].ConfiguredAt);
        Assert.DoesNotContain("/data", mounts.Keys);
    }

    // Podman's :O puts a writable layer over the rootfs.
    [Fact]
    public void Mounts_OverlayOverTheRootfs_IsTheRootfsBelowIt()
    {
        _node.Write("proc/492/mountinfo", "600 500 0:50 / / rw - overlay overlay rw,lowerdir=/usr/lib/qm/rootfs,upperdir=/var/lib/x/upper\n");
        Assert.Equal("253:1 /usr/lib/qm/rootfs", Read().Mounts.Single(mount => mount.Point == "/").MountedAt);
    }

    // The root of an image-based node is an overlay itself; what QM has of it is no layer over anything.
    [Fact]
    public void Mounts_OfANodeWhoseRootIsAnOverlay_LieAtTheSamePlace()
    {
        const string Layers = "- overlay composefs rw,lowerdir=/sysroot/b:/sysroot/a,upperdir=/sysroot/upper\n";
        _node.Write("proc/1/mountinfo", $"30 1 0:30 / / rw {Layers}");
        _node.Write("proc/492/mountinfo", $"600 500 0:30 /usr/lib/qm/rootfs / ro {Layers}601 600 0:30 /etc/qm /etc rw {Layers}602 600 0:30 /var/old /var rw {Layers}");
        var mounts = Read().Mounts.ToDictionary(mount => mount.Point);

        Assert.Equal(("0:30 /usr/lib/qm/rootfs", "0:30 /etc/qm"), (mounts["/"].MountedAt, mounts["/etc"].MountedAt));
        Assert.NotEqual(mounts["/var"].ConfiguredAt, mounts["/var"].MountedAt);
    }

    [Theory]
    [InlineData("proc/1/mountinfo")]
    [InlineData("proc/492/mountinfo")]
    public void Mounts_TableNotReadable_IsSaidAndNothingTold(string table)
    {
        File.Delete(_node.Of(table));
        var report = Read();
        Assert.Empty(report.Mounts);
        Assert.Contains(report.Problems, problem => problem.StartsWith($"/{table} cannot be read"));
    }

    private NodeReport Read()
    {
        using var agent = _node.Open();
        return agent.Reporter.Read();
    }
}
