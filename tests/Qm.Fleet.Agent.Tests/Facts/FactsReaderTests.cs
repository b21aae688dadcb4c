using Qm.Fleet.Agent.Evidence;
using Qm.Fleet.Agent.Facts;
using Qm.Fleet.Agent.Files;
using Qm.Fleet.Agent.Processes;
using Selinux = Qm.Fleet.V1.Facts.Types.Selinux;

namespace Qm.Fleet.Agent.Tests.Facts;

[Trait("Requirement", "QMF-AGENT-006")]
public sealed class FactsReaderTests : IDisposable
{
    private readonly EmulatedNode _node = new();
    private readonly NodeRoot _root;
    private readonly FactsReader _reader;

    public FactsReaderTests()
    {
        _node.Write("proc/sys/kernel/osrelease", "6.12.0-79.el10.x86_64\n");
        _node.Write("usr/lib/os-release", "NAME=\"CentOS Stream\"\nPRETTY_NAME=\"CentOS Stream 10 (Coughlan)\"\n");
        _node.Write("usr/lib/qm/rootfs/usr/lib/os-release", "PRETTY_NAME='AutoSD 10'\n");
        _node.Write("proc/pressure/memory", "");
        _node.Write("sys/fs/cgroup/cgroup.controllers", "cpu memory\n");
        _node.Write("sys/fs/selinux/enforce", "1");
        _root = NodeRoot.Open(_node.Root);
        _reader = new(new ProgramVersions(NodePrograms.None(TimeProvider.System), TimeProvider.System), _node.Time);
    }

    public void Dispose()
    {
        _root.Dispose();
        _node.Dispose();
    }

    [Fact]
    public void Read_WholeNode_TellsWhatItIsMadeOf()
    {
        var facts = Read();

        Assert.Equal(("6.12.0-79.el10.x86_64", "CentOS Stream 10 (Coughlan)", "AutoSD 10"), (facts.Kernel, facts.Os, facts.QmOs));
        Assert.Equal((2, true, Selinux.Enforcing), (facts.CgroupVersion, facts.Pressure, facts.Selinux));
        Assert.Equal(64, facts.QmQuadletSha256.Length);
        Assert.Equal((true, false, true, false), (facts.HasEtcTransient, facts.EtcTransient, facts.HasUsrReadOnly, facts.UsrReadOnly));
        Assert.Empty(facts.Unknown);
    }

    [Fact]
    public void Read_NothingThere_SaysSoEachTimeAndInventsNothing()
    {
        Directory.Delete(_node.Of("proc"), recursive: true);
        Directory.Delete(_node.Of("sys"), recursive: true);
        Directory.Delete(_node.Of("usr"), recursive: true);
        Read(withQuadlet: false);
        var facts = Read(withQuadlet: false);

        Assert.Equal(("", "", "", 0, false, Selinux.Unspecified), (facts.Kernel, facts.Os, facts.QmOs, facts.CgroupVersion, facts.Pressure, facts.Selinux));
        Assert.Equal((false, false), (facts.HasEtcTransient, facts.HasUsrReadOnly));
        Assert.All(
            (string[])["osrelease", "os-release with a PRETTY_NAME", "/proc/1/mountinfo", "/usr/lib/qm/rootfs"],
            part => Assert.Contains(facts.Unknown, sentence => sentence.Contains(part)));
    }

    [Fact]
    public void Read_SelinuxSwitched_IsToldAtOnceAndTheRestInItsTime()
    {
        Read();
        _node.Write("sys/fs/selinux/enforce", "0");
        _node.Write("proc/sys/kernel/osrelease", "7.0.0\n");
        var soon = Read();
        Assert.Equal((Selinux.Permissive, "6.12.0-79.el10.x86_64"), (soon.Selinux, soon.Kernel));

        _node.Time.Advance(FactsReader.Interval);
        Assert.Equal("7.0.0", Read().Kernel);
    }

    [Fact]
    public void Read_KernelWithoutSelinux_IsDisabledNotUnknown()
    {
        Directory.Delete(_node.Of("sys/fs/selinux"), recursive: true);
        Assert.Equal(Selinux.Disabled, Read().Selinux);
    }

    [Theory]
    [InlineData("30 1 253:1 / / rw - ext4 /dev/vda1 rw", false, false)]
    [InlineData("30 1 0:20 / / rw - tmpfs tmpfs rw", true, false)]
    [InlineData("30 1 253:1 / / rw - ext4 /dev/vda1 rw\n31 30 0:22 / /run rw - tmpfs tmpfs rw\n40 30 0:40 / /etc rw - overlay overlay rw,lowerdir=/usr/etc,upperdir=/run/ostree/transient-etc/upper,workdir=/run/w", true, false)]
    [InlineData("30 1 253:1 / / rw - ext4 /dev/vda1 rw\n31 30 0:22 / /mem rw - tmpfs tmpfs rw\n40 30 0:40 / /etc rw - overlay overlay rw,upperdir=/mem/upper", true, false)]
    [InlineData("30 1 253:1 / / rw - ext4 /dev/vda1 rw\n40 30 0:40 / /etc rw - overlay overlay rw,upperdir=/var/lib/etc/upper", false, false)]
    [InlineData("30 1 0:30 / / ro - overlay composefs ro,lowerdir=/c\n41 30 253:1 /deploy/etc /etc rw - ext4 /dev/vda1 rw", false, true)]
    [InlineData("30 1 253:1 / / rw - ext4 /dev/vda1 rw\n41 30 253:1 /deploy/usr /usr ro - ext4 /dev/vda1 rw", false, true)]
    public void Read_Mounts_SayWhetherEtcLastsAndUsrCanBeWritten(string mounts, bool transient, bool readOnly)
    {
        _node.Write("proc/1/mountinfo", mounts + "\n");
        var facts = Read();
        Assert.Equal((transient, readOnly), (facts.EtcTransient, facts.UsrReadOnly));
    }

    private V1.Facts Read(bool withQuadlet = true) => _reader.Read(_root, withQuadlet ? QuadletSources.Read(_root) : null, "/usr/lib/qm/rootfs");
}
