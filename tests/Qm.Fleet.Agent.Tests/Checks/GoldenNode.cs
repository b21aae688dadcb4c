using Qm.Fleet.V1;
using StaticChecks = Qm.Fleet.Agent.Checks.StaticChecks;

namespace Qm.Fleet.Agent.Tests.Checks;

/// <summary>A node set up as QM's installation leaves it, running, on which every static check passes or does not apply.</summary>
internal static class GoldenNode
{
    public const string Vendor = "usr/share/containers/systemd/qm.container";
    public const string QmAgentConf = "etc/qm/bluechi/agent.conf.d/agent.conf";
    public const string HostAgentConf = "etc/bluechi/agent.conf.d/agent.conf";
    public const string Seccomp = "usr/share/qm/seccomp-no-rt.json";
    public const string DropIn = "etc/containers/systemd/qm.container.d/60-test.conf";

    public const string SeccompText = """
        {"defaultAction": "SCMP_ACT_ERRNO", "defaultErrnoRet": 38, "syscalls": [
          {"names": ["read", "write", "sched_yield"], "action": "SCMP_ACT_ALLOW", "args": []},
          {"names": ["sched_setscheduler"], "action": "SCMP_ACT_ALLOW", "args": [{"index": 1, "value": 0, "op": "SCMP_CMP_EQ"}]},
          {"names": ["sched_setscheduler"], "action": "SCMP_ACT_ALLOW", "args": [{"index": 1, "value": 3, "op": "SCMP_CMP_EQ"}]},
          {"names": ["sched_setscheduler"], "action": "SCMP_ACT_ALLOW", "args": [{"index": 1, "value": 5, "op": "SCMP_CMP_EQ"}]},
          {"names": ["sched_setattr"], "action": "SCMP_ACT_ERRNO", "errnoRet": 1}
        ]}
        """;

    public const string QmMounts = """
        700 600 0:50 / / ro,relatime - overlay overlay rw
        701 700 0:51 / /sys ro,nosuid - sysfs sysfs rw
        702 701 0:27 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw
        703 700 0:52 / /dev rw,nosuid - tmpfs tmpfs rw
        704 703 0:53 / /dev/shm rw,nosuid - tmpfs shm rw
        705 700 0:54 / /proc rw - proc proc rw
        706 705 0:54 /sys /proc/sys ro - proc proc rw
        707 700 8:2 /etc/qm /etc rw - xfs /dev/sda2 rw
        708 700 8:3 / /var rw - xfs /dev/sda3 rw
        """;

    public static EmulatedNode Make()
    {
        var node = new EmulatedNode();
        node.Write(Vendor, """
            [Install]
            WantedBy=default.target
            [Service]
            CPUWeight=idle
            Delegate=true
            IOWeight=50
            ManagedOOMSwap=kill
            MemoryMax=infinity
            MemoryHigh=infinity
            MemorySwapMax=0
            OOMScoreAdjust=500
            Restart=always
            Slice=-.slice
            Environment=ROOTFS=/usr/lib/qm/rootfs
            Environment=RWETCFS=/etc/qm
            Environment=RWVARFS=/var/qm
            TasksMax=50%
            [Container]
            AddCapability=all
            DropCapability=sys_boot sys_resource
            SeccompProfile=/usr/share/qm/seccomp-no-rt.json
            ContainerName=qm
            Exec=/sbin/init
            Network=private
            ReadOnly=true
            Rootfs=${ROOTFS}
            SecurityLabelNested=true
            SecurityLabelType=qm_t
            SecurityLabelFileType=qm_file_t
            Sysctl=fs.mqueue.queues_max=4
            Timezone=local
            Volume=${RWETCFS}:/etc
            Volume=${RWVARFS}:/var
            """);
        node.Write("etc/containers/systemd/qm.container.d/bluechi-socket.conf", "[Container]\nVolume=/run/bluechi/bluechi.sock:/run/bluechi.sock\n");
        node.Write(Seccomp, SeccompText);
        node.Write("run/systemd/generator/qm.service", "[Service]\n");
        node.Write("run/bluechi/bluechi.sock", "");
        node.Write(HostAgentConf, "[bluechi-agent]\nNodeName=ecu01\nControllerAddress=unix:path=/run/bluechi/bluechi.sock\nControllerHeartbeatThreshold=6000\n");
        node.Write(QmAgentConf, "[bluechi-agent]\nNodeName=qm.ecu01\nControllerAddress=unix:path=/run/bluechi.sock\nHeartbeatInterval=1000\nControllerHeartbeatThreshold=6000\n");
        node.Write("etc/bluechi/controller.conf", "[bluechi-controller]\nAllowedNodeNames=ecu01,qm.ecu01\nHeartbeatInterval=1000\n");
        node.Write("etc/subuid", "qmcontainers:1000000000:1500000000\ncontainers:2500000000:1500000000\n");
        node.Write("etc/subgid", "qmcontainers:1000000000:1500000000\ncontainers:2500000000:1500000000\n");
        node.Write("sys/fs/selinux/enforce", "1");
        node.Write("proc/492/attr/current", "system_u:system_r:qm_t:s0\0");
        node.Write("proc/492/mountinfo", QmMounts);
        node.Write("proc/492/status", "Name:\tsystemd\nPid:\t492\nNSpid:\t492\t1\nCapBnd:\t000001fffebfffff\n");
        node.Write("proc/1/mountinfo", "30 1 8:1 / / rw - xfs /dev/sda1 rw\n31 30 0:22 / /dev/shm rw - tmpfs tmpfs rw\n32 30 8:3 / /var/qm rw - xfs /dev/sda3 rw\n");
        return node;
    }

    /// <summary>Every static check of the node as it is now.</summary>
    public static IReadOnlyDictionary<string, CheckResult> Check(EmulatedNode node, params string[] missingFiles)
    {
        using var agent = node.Open();
        return Check(node, agent.Reporter.Read(), missingFiles);
    }

    /// <summary>Every static check of the node as it is now, with a report of it.</summary>
    public static IReadOnlyDictionary<string, CheckResult> Check(EmulatedNode node, NodeReport report, params string[] missingFiles)
    {
        using var root = Agent.Files.NodeRoot.Open(node.Root);
        return new StaticChecks(node.Time).Read(root, report, missingFiles).Results.ToDictionary(result => result.Id);
    }
}
