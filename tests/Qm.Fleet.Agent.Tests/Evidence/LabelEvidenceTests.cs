using Qm.Fleet.V1;

namespace Qm.Fleet.Agent.Tests.Evidence;

[Trait("Requirement", "QMF-AGENT-008")]
public sealed class LabelEvidenceTests : IDisposable
{
    private readonly EmulatedNode _node = new();

    public void Dispose() => _node.Dispose();

    [Fact]
    public void Labels_KernelWithoutSelinux_AreNoQuestion() => Assert.Null(Read().Labels);

    [Theory]
    [InlineData("1")]
    [InlineData("0")]
    public void Labels_SelinuxOn_AreThoseOfTheProcesses(string enforce)
    {
        _node.Write("sys/fs/selinux/enforce", enforce);
        _node.Write("etc/containers/systemd/qm.container.d/10-label.conf", "[Container]\nSecurityLabelType=qm_t\n");
        _node.Write("usr/lib/qm/rootfs/usr/share/containers/selinux/contexts", "process = \"system_u:system_r:qm_container_t:s0\"\nfile = \"x\"\n");
        _node.Write("proc/492/attr/current", "system_u:system_r:qm_t:s0\0");
        _node.Write("proc/600/attr/current", "system_u:system_r:qm_container_t:s0:c1,c2\0");
        var report = Read();

        Assert.Equal(("qm_t", "system_u:system_r:qm_t:s0", "system_u:system_r:qm_container_t:s0"),
            (report.Labels.ConfiguredType, report.Labels.Qm, report.Labels.ConfiguredNested));
        Assert.Equal(
            [("libpod-bb.scope", 610, ""), ("radio.service", 600, "system_u:system_r:qm_container_t:s0:c1,c2")],
            report.Labels.Nested.Select(process => (process.Unit, process.Pid, process.Label)).Order());
        Assert.Contains(report.Problems, problem => problem.Contains("/proc/610/attr/current"));
    }

    private NodeReport Read()
    {
        using var agent = _node.Open();
        return agent.Reporter.Read();
    }
}
