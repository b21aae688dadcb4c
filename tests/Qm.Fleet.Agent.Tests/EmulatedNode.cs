using System.Text;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;
using Qm.Fleet.Agent.CommitConfirm;
using Qm.Fleet.Agent.Configuration;
using Qm.Fleet.Agent.Diagnosis;
using Qm.Fleet.Agent.Evidence;
using Qm.Fleet.Agent.Files;
using Qm.Fleet.Agent.Labels;
using Qm.Fleet.Agent.Link;
using Qm.Fleet.Agent.Probes;
using Qm.Fleet.Agent.Processes;
using Qm.Fleet.Agent.Revisions;
using Qm.Fleet.Agent.Rootfs;

namespace Qm.Fleet.Agent.Tests;

/// <summary>A node's root in a directory of its own, laid out like a host with QM installed and running.</summary>
internal sealed class EmulatedNode : IDisposable
{
    public const string BootId = "5f3c1a52-7d1e-4d2b-9c57-0d4f6f1b2a33";
    public const string Payload = "sys/fs/cgroup/qm.service/libpod-payload-0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f";
    public const string QmDropInPath = "etc/containers/systemd/qm.container.d/50-qm-fleet.conf";

    public EmulatedNode()
    {
        // Memory where there is any: the crash tests make thousands of synchronous writes.
        var parent = Directory.Exists("/dev/shm") ? "/dev/shm" : Path.GetTempPath();
        Root = Directory.CreateDirectory(Path.Combine(parent, "qm-fleet-" + Path.GetRandomFileName())).FullName;
        Write("usr/share/containers/systemd/qm.container", """
            # The vendor's quadlet
            [Install]
            WantedBy=default.target
            [Service]
            CPUWeight=idle
            Delegate=true
            IOWeight=50
            MemoryMax=infinity
            MemoryHigh=infinity
            MemorySwapMax=0
            OOMScoreAdjust=500
            Environment=ROOTFS=/usr/lib/qm/rootfs
            Environment=RWETCFS=/etc/qm
            Environment=RWVARFS=/var/qm
            TasksMax=50%
            [Container]
            ContainerName=qm
            Exec=/sbin/init
            Rootfs=${ROOTFS}
            Volume=${RWETCFS}:/etc
            Volume=${RWVARFS}:/var
            """);
        Write("usr/share/containers/systemd/qm.container.d/10-automotive.conf", "[Service]\nMemoryMax=4G\n");
        Directory.CreateDirectory(Of("etc/containers/systemd/qm.container.d"));
        Write("usr/lib/qm/rootfs/usr/lib/systemd/systemd", "an ELF program");
        Directory.CreateDirectory(Of("usr/lib/qm/rootfs/sbin"));
        File.CreateSymbolicLink(Of("usr/lib/qm/rootfs/sbin/init"), "/usr/lib/systemd/systemd");
        Write("etc/qm/containers/containers.conf", "[containers]\nnetns=\"host\"\ncgroup_conf=[\"memory.oom.group=1\",]\noom_score_adj = 750\n[network]\n");
        Write("etc/qm/containers/systemd/foreign.container", "[Container]\nImage=localhost/foreign\n");
        Write("etc/qm/bluechi/agent.conf.d/agent.conf", "[bluechi-agent]\nNodeName=qm.ecu01\n");
        Directory.CreateDirectory(Of("var/qm/tmp"));
        WriteKernel();
    }

    public string Root { get; }

    /// <summary>How the agent runs on it; of no controller unless a test names one.</summary>
    public AgentOptions Options { get; set; } = new() { Controller = new("https://127.0.0.1:1") };

    /// <summary>What a rootfs may take.</summary>
    public RootfsLimits Limits { get; set; } = RootfsLimits.Default;

    /// <summary>What is free on the node.</summary>
    public Func<string, long> FreeBytes { get; set; } = static _ => 4L << 30;

    public FakeTimeProvider Time { get; } = new() { AutoAdvanceAmount = TimeSpan.FromMilliseconds(1) };

    public string Of(string path) => $"{Root}/{path.TrimStart('/')}";

    public void Write(string path, string content)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(Of(path))!);
        File.WriteAllText(Of(path), content.ReplaceLineEndings("\n"));
    }

    public void MakeExecutable(string path) => StandIn.MakeExecutable(Of(path));

    /// <summary>Starts a process.</summary>
    /// <param name="pid">On the host.</param>
    /// <param name="cgroup">Where it runs, from the root.</param>
    /// <param name="score">Its oom_score_adj.</param>
    /// <param name="namespaces">Its NSpid line; null when the kernel does not tell.</param>
    /// <param name="parent">Its parent on the host; null when the kernel does not tell.</param>
    public void Process(int pid, string cgroup, int score, string? namespaces = null, int? parent = null)
    {
        Directory.CreateDirectory(Of(cgroup));
        File.AppendAllText(Of($"{cgroup}/cgroup.procs"), $"{pid}\n");
        Write($"proc/{pid}/oom_score_adj", $"{score}\n");
        Write($"proc/{pid}/status", $"Name:\tx\nPid:\t{pid}\n{(parent is null ? "" : $"PPid:\t{parent}\n")}{(namespaces is null ? "" : $"NSpid:\t{namespaces}\n")}Threads:\t1\n");
    }

    public Opened Open(ISystemCalls? calls = null, IQuadletCheck? check = null) => new(this, calls, check);

    /// <summary>Every file below the folders the agent may write, with content; the agent's own memory left out.</summary>
    public SortedDictionary<string, string> OwnedTrees() => new(
        new[] { "etc", "usr" }.SelectMany(top => Directory.EnumerateFiles(Of(top), "*", SearchOption.AllDirectories))
            .ToDictionary(path => path[Root.Length..], path => Encoding.UTF8.GetString(File.ReadAllBytes(path))), StringComparer.Ordinal);

    /// <summary>When each file below the root was last written, the agent's own memory included.</summary>
    public Dictionary<string, (DateTime, long)> Times() =>
        Directory.EnumerateFiles(Root, "*", SearchOption.AllDirectories)
            .ToDictionary(path => path, path => (File.GetLastWriteTimeUtc(path), new FileInfo(path).Length));

    public void Dispose() => Directory.Delete(Root, recursive: true);

    private void WriteKernel()
    {
        (string Name, string Content)[] files =
        [
            ("cpu.weight", "1"), ("cpu.idle", "1"), ("cpu.max", "max 100000"), ("memory.high", "max"), ("memory.max", "4294967296"),
            ("memory.swap.max", "0"), ("io.weight", "default 50"), ("pids.max", "11815"), ("memory.current", "104857600"),
            ("memory.events", "low 0\nhigh 0\nmax 0\noom 0\noom_kill 0\n"), ("cgroup.procs", ""),
        ];
        foreach (var (name, content) in files)
        {
            Write($"sys/fs/cgroup/qm.service/{name}", content + "\n");
        }

        Process(1, "sys/fs/cgroup/init.scope", 0, "1");
        Process(490, "sys/fs/cgroup/qm.service/runtime", -1000, "490");
        Process(492, $"{Payload}/init.scope", 500, "492\t1");
        Process(500, $"{Payload}/init.scope", 0, "500\t77", parent: 499);
        Process(510, $"{Payload}/system.slice/dbus.service", 500, "510\t20");
        Process(600, $"{Payload}/system.slice/radio.service/libpod-payload-aa", 750, "600\t40\t1");
        Process(601, $"{Payload}/system.slice/radio.service/libpod-payload-aa", 750, "601\t41\t2");
        Process(602, $"{Payload}/system.slice/radio.service/runtime", 500, "602\t39");
        Process(610, $"{Payload}/machine.slice/libpod-bb.scope/container", 750, "610\t50\t1");
        Process(611, $"{Payload}/machine.slice/libpod-conmon-bb.scope", 0, "611\t49");
        Write("proc/1/mountinfo", "30 1 253:1 / / rw,relatime - ext4 /dev/vda1 rw\n31 30 0:22 / /run rw,nosuid - tmpfs tmpfs rw\n");
        Write("proc/492/mountinfo", """
            600 500 253:1 /usr/lib/qm/rootfs / ro,relatime - ext4 /dev/vda1 rw
            601 600 253:1 /etc/qm /etc rw,relatime - ext4 /dev/vda1 rw
            602 600 253:1 /var/qm /var rw,relatime - ext4 /dev/vda1 rw

            """);
        Write("proc/meminfo", "MemTotal:        8000000 kB\nMemFree:         100 kB\n");
        Write("proc/sys/kernel/pid_max", "4194304\n");
        Write("proc/sys/kernel/threads-max", "63000\n");
        Write("sys/devices/system/cpu/online", "0-3\n");
        Write("proc/sys/kernel/random/boot_id", BootId + "\n");
    }

    /// <summary>The agent's parts on the node, as after a start.</summary>
    internal sealed class Opened : IDisposable
    {
        private readonly NodeRoot _root;
        private readonly ProbeDesk _probes;

        public Opened(EmulatedNode node, ISystemCalls? calls, IQuadletCheck? check)
        {
            _root = NodeRoot.Open(node.Root, calls);
            State = new(_root, "/var/lib/qm-fleet");
            var labels = new FileLabels(_root, new NodePrograms([node.Of("bin")], TimeProvider.System));
            Rootfs = new(_root, new SlotBuilder(_root, node.Options, node.Limits, node.FreeBytes, TimeProvider.System, labels), NullLogger<RootfsFetcher>.Instance, labels);
            Revisions = new(_root, State, new NodeClock(_root, node.Time), check, Rootfs, labels);
            Reporter = new(_root, Revisions);
            _probes = new(new ProbeTargets(_root), new Prober(_root, isMachine: false, NodePrograms.None(node.Time), node.Time), static () => 0, node.Time);
        }

        public StateDirectory State { get; }

        public NodeRevisions Revisions { get; }

        public NodeReporter Reporter { get; }

        public RootfsFetcher Rootfs { get; }

        /// <summary>All of them together.</summary>
        public NodeAgent Agent(ILocalSystemd? systemd) => new(
            Revisions, Reporter, new NodeDiagnostics(_root, NodePrograms.None(TimeProvider.System), new(new(_root), TimeSpan.FromHours(1), TimeProvider.System), TimeProvider.System, NullLogger<NodeDiagnostics>.Instance),
            _probes, systemd,
            NullLogger<NodeAgent>.Instance);

        public void Dispose()
        {
            _probes.Dispose();
            Rootfs.DisposeAsync().AsTask().GetAwaiter().GetResult();
            _root.Dispose();
        }
    }
}
