using Qm.Fleet.Agent.Revisions;
using Qm.Fleet.Core.Revisions;
using Qm.Fleet.V1;

namespace Qm.Fleet.Agent.Tests.Evidence;

[Trait("Requirement", "QMF-AGENT-010")]
public sealed class DiskTests : IDisposable
{
    private readonly EmulatedNode _node = new();

    public DiskTests()
    {
        Device("vda", "253:0", "vda");
        Device("vda1", "253:1", "vda/vda1");
        _node.Write("sys/devices/virtual/block/vda/vda1/partition", "1\n");
        Device("sda", "8:0", "sda");
        Device("dm-0", "252:0", "dm-0");
        Directory.CreateDirectory(_node.Of("sys/devices/virtual/block/dm-0/slaves"));
        File.CreateSymbolicLink(_node.Of("sys/devices/virtual/block/dm-0/slaves/vda1"), "../../vda/vda1");
        Directory.CreateDirectory(_node.Of("dev/disk/by-id"));
        File.CreateSymbolicLink(_node.Of("dev/disk/by-id/emmc"), "../../sda");
        Directory.CreateDirectory(_node.Of("dev/mapper"));
        File.CreateSymbolicLink(_node.Of("dev/mapper/qm"), "../dm-0");
    }

    public void Dispose() => _node.Dispose();

    [Theory]
    [InlineData("/dev/sda", "8:0")]
    [InlineData("/dev/vda1", "253:0")]
    [InlineData("/dev/disk/by-id/emmc", "8:0")]
    [InlineData("/dev/mapper/qm", "253:0")]
    [InlineData("/dev/block/8:0", "8:0")]
    [InlineData("/var/qm", "253:0")]
    [InlineData("/etc/qm/containers/containers.conf", "253:0")]
    [InlineData("/run", "")]
    [InlineData("/dev/sdz", "")]
    public void Disks_PathThatALimitNames_IsTheDiskThatSystemdLimits(string path, string disk)
    {
        Directory.CreateDirectory(_node.Of("run"));
        _node.Write(EmulatedNode.QmDropInPath, $"[Service]\nIOReadBandwidthMax={path} 50M\n");
        var report = Read();

        Assert.Equal(disk, report.Machine.Disks[path]);
        Assert.Equal(disk.Length == 0, report.Problems.Any(problem => problem.StartsWith($"{path} is named by a limit of QM", StringComparison.Ordinal)));
        Assert.Equal($"{path} 50M", report.Effective["IOReadBandwidthMax"]);
    }

    [Fact]
    public async Task Commit_DeviceThatIsNoLongerLimited_IsToldUntilTheConfirmation()
    {
        using var agent = _node.Open();
        await agent.Revisions.CommitAsync(Revision("r1", "IOReadBandwidthMax=/dev/sda 50M\nIOReadBandwidthMax=/var/qm 20M\nCPUQuota=\n"));
        agent.Revisions.Confirm("r1");
        await agent.Revisions.CommitAsync(Revision("r2", "IOReadBandwidthMax=/dev/sda 50M\n"));
        var report = agent.Reporter.Read();

        Assert.Equal(["CPUQuota", "IOReadBandwidthMax=/var/qm"], report.RetiredProperties);
        Assert.Equal(["/dev/sda", "/var/qm"], report.Machine.Disks.Keys.Order(StringComparer.Ordinal));
        agent.Revisions.Confirm("r2");
        Assert.Empty(agent.Reporter.Read().RetiredProperties);
    }

    [Theory]
    [Trait("Requirement", "QMF-AGENT-004")]
    [InlineData("IOReadBandwidthMax=/dev/sdz 50M", "/dev/sdz is named by a limit of QM and does not exist, so systemd leaves the limit out.")]
    [InlineData("IOReadBandwidthMax=/run 50M", "/run is named by a limit of QM and is on no disk: its file system, tmpfs, lies on no device of its own.")]
    [InlineData("IOReadBandwidthMax=/var/qm 50M\nIOWriteBandwidthMax=/dev/vda 9M", "/dev/vda and /var/qm are the same disk, 253:0, of which systemd would bring the limits of one name only to the kernel; name it in one way.")]
    [InlineData("IOReadBandwidthMax=/dev/disk/by-id/emmc 5M", "/dev/disk/by-id/emmc and /dev/sda are the same disk, 8:0, of which systemd would bring the limits of one name only to the kernel; keep the name, or take its limits away with a revision of their own first.")]
    public async Task Stage_DevicesThatSystemdCannotLimit_AreRefusedWithTheReason(string limits, string reason)
    {
        Directory.CreateDirectory(_node.Of("run"));
        using var agent = _node.Open();
        await agent.Revisions.CommitAsync(Revision("r1", "IOReadBandwidthMax=/dev/sda 50M\n"));
        agent.Revisions.Confirm("r1");

        var refusal = await Assert.ThrowsAsync<CommandRefusedException>(() => agent.Revisions.StageAsync(Revision("r2", limits + "\n")));

        Assert.Equal(("InvalidDevice", reason), (refusal.Reason, refusal.Message));
        Assert.Equal("", agent.Revisions.StagedRevision);
    }

    [Fact]
    public void ManagedOomPreference_OfAQmThatDoesNotRun_IsEmpty()
    {
        Assert.Equal("none", Read().ManagedOomPreference);
        Directory.Delete(_node.Of("sys/fs/cgroup/qm.service"), recursive: true);
        Assert.Equal("", Read().ManagedOomPreference);
    }

    private static StagedRevision Revision(string name, string limits) => new(name, [new(OwnedFileKind.QmContainerDropIn, "", $"[Service]\n{limits}")]);

    private void Device(string name, string number, string path)
    {
        _node.Write($"sys/devices/virtual/block/{path}/dev", number + "\n");
        _node.Write($"dev/{name}", "");
        Link($"sys/dev/block/{number}", path);
        Link($"sys/class/block/{name}", path);
    }

    private void Link(string link, string path)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(_node.Of(link))!);
        File.CreateSymbolicLink(_node.Of(link), "../../devices/virtual/block/" + path);
    }

    private NodeReport Read()
    {
        using var agent = _node.Open();
        return agent.Reporter.Read();
    }
}
