namespace Qm.Fleet.Lab.Nodes;

/// <summary>
/// The files of a freshly set-up node, path to content. The texts are written from the documented keys and values of QM and BlueChi; they are
/// nobody's files.
/// </summary>
internal static class VendorFiles
{
    /// <summary>Directories that must exist and hold nothing at first.</summary>
    public static IReadOnlyList<string> Directories { get; } =
    [
        "etc/containers/systemd/qm.container.d", "etc/systemd/system", "etc/qm/containers/containers.conf.d", "etc/qm/containers/systemd",
        "etc/qm/systemd/system/multi-user.target.wants", "usr/share/containers/systemd/qm.container.d", "usr/lib/qm/rootfs/etc", "usr/lib/qm/rootfs/var",
        "usr/lib/qm/rootfs/proc", "usr/lib/qm/rootfs/sys", "usr/lib/qm/rootfs/dev", "usr/lib/qm/rootfs/run", "usr/lib/qm/rootfs/tmp",
        "var/qm/tmp", "var/qm/tmp.images", "var/qm/lib/shared", "var/qm/lib/containers/storage", "var/lib", "run/bluechi", "run/ipc",
    ];

    /// <summary>The files of a node.</summary>
    public static IEnumerable<(string Path, string Content)> Of(string node) =>
    [
        ("etc/os-release", "ID=centos\nVERSION_ID=\"10\"\nPRETTY_NAME=\"Emulated ECU\"\n"),
        ("run/bluechi/bluechi.sock", ""),
        ("etc/hostname", node + "\n"),
        ("etc/subuid", "qmcontainers:1000000000:1500000000\ncontainers:2500000000:1500000000\n"),
        ("etc/subgid", "qmcontainers:1000000000:1500000000\ncontainers:2500000000:1500000000\n"),
        ("etc/bluechi/agent.conf.d/agent.conf", $"[bluechi-agent]\nNodeName={node}\nControllerAddress=unix:path=/run/bluechi/bluechi.sock\n"),
        ("etc/containers/systemd/qm.container.d/10-bluechi.conf",
            "[Container]\nVolume=/run/bluechi/:/run/bluechi/\nVolume=/run/bluechi/bluechi.sock:/run/bluechi.sock\n"),
        ("etc/systemd/system/multi-user.target.wants/bluechi-agent.service", ""),
        ("etc/systemd/system/multi-user.target.wants/brake-control.service", ""),
        ("usr/lib/systemd/system/bluechi-agent.service", "[Unit]\nDescription=BlueChi systemd service controller agent daemon\n[Service]\nType=simple\nRestart=on-abnormal\n"),
        ("usr/lib/systemd/system/brake-control.service", "[Unit]\nDescription=A safety application beside QM\n[Service]\nType=simple\nRestart=always\nOOMScoreAdjust=-1000\n"),
        ("usr/share/containers/systemd/qm.container", QmContainer),
        ("usr/share/qm/containers.conf", QmContainersConf),
        ("etc/qm/os-release", "ID=centos\nVERSION_ID=\"10\"\nPRETTY_NAME=\"Emulated QM\"\n"),
        ("etc/qm/subuid", "containers:1000000000:1500000000\n"),
        ("etc/qm/subgid", "containers:1000000000:1500000000\n"),
        ("etc/qm/containers/containers.conf", QmContainersConf),
        ("etc/qm/containers/storage.conf", "[storage]\ndriver = \"overlay\"\ntransient_store = true\n[storage.options]\nadditionalimagestores = [\"/var/lib/shared\"]\n"),
        ("etc/qm/bluechi/agent.conf.d/agent.conf", $"[bluechi-agent]\nNodeName=qm.{node}\nControllerAddress=unix:path=/run/bluechi/bluechi.sock\n"),
        ("etc/qm/systemd/system/multi-user.target.wants/bluechi-agent.service", ""),
        ("etc/qm/systemd/system/multi-user.target.wants/systemd-journald.service", ""),
        ("usr/lib/qm/rootfs/sbin/init", ""),
        ("usr/lib/qm/rootfs/usr/libexec/bluechi-agent", ""),
        ("usr/lib/qm/rootfs/usr/lib/os-release", "ID=centos\nVERSION_ID=\"10\"\nPRETTY_NAME=\"Emulated QM\"\n"),
        ("usr/lib/qm/rootfs/usr/lib/systemd/system/bluechi-agent.service", "[Unit]\nDescription=BlueChi systemd service controller agent daemon\n[Service]\nType=simple\nRestart=on-abnormal\n"),
        ("usr/lib/qm/rootfs/usr/lib/systemd/system/systemd-journald.service", "[Unit]\nDescription=Journal Service\n[Service]\nType=notify\nRestart=always\nOOMScoreAdjust=-250\n"),
    ];

    private const string QmContainer = """
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
        LimitNOFILE=65536
        TasksMax=50%

        [Container]
        AddCapability=all
        DropCapability=sys_boot sys_resource
        SeccompProfile=/usr/share/qm/seccomp-no-rt.json
        PidsLimit=-1
        AddDevice=-/dev/kvm
        AddDevice=-/dev/fuse
        ContainerName=qm
        Exec=/sbin/init
        Network=private
        ReadOnly=true
        ReadOnlyTmpfs=true
        Rootfs=${ROOTFS}
        Sysctl=fs.mqueue.queues_max=4
        SecurityLabelNested=true
        SecurityLabelType=qm_t
        SecurityLabelFileType=qm_file_t
        SecurityLabelLevel=s0
        Timezone=local
        Volume=${RWETCFS}:/etc
        Volume=${RWVARFS}:/var
        Volume=${RWVARFS}/tmp:/var/tmp

        """;

    private const string QmContainersConf = """
        [containers]
        default_ulimits = []
        default_sysctls = []
        cgroup_conf = ["memory.oom.group=1"]
        netns = "host"
        oom_score_adj = 750

        [network]
        default_subnet = "10.89.0.0/16"

        """;
}
