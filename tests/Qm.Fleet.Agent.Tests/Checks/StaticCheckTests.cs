using Qm.Fleet.Agent.Checks;
using static Qm.Fleet.V1.CheckResult.Types;
using StaticChecks = Qm.Fleet.Agent.Checks.StaticChecks;

namespace Qm.Fleet.Agent.Tests.Checks;

[Trait("Requirement", "QMF-CHECK-001")]
public sealed class StaticCheckTests
{
    [Fact]
    public void Checks_OverAGoldenNode_AllPassOrDoNotApply()
    {
        using var node = GoldenNode.Make();
        var results = GoldenNode.Check(node);

        Assert.Equal(StaticChecks.All.Select(check => check.Id), results.Keys);
        // Whether the machine of the tests has room is not the test's business.
        Assert.All(results.Values.Where(result => result.Id != "var-space"), result =>
            Assert.Equal((result.Id, result.Id == "owned-files" ? Verdict.NotApplicable : Verdict.Pass, result.Id == "owned-files"), (result.Id, result.Verdict, result.Message.Length > 0)));
        Assert.All(results.Values, result => Assert.DoesNotContain("", new[] { result.Title, result.Source, result.Expected }));
        Assert.Equal("host 0, QM 500, nested 750", results["qm-oom-score-adj"].Found);
    }

    [Theory]
    [InlineData("qm-oom-score-adj", "proc/492/oom_score_adj", "0", "not killed before the host")]
    [InlineData("qm-oom-score-adj", "proc/600/oom_score_adj", "400", "not killed before QM")]
    [InlineData("memory", "sys/fs/cgroup/qm.service/memory.swap.max", "max", "MemorySwapMax=0")]
    [InlineData("memory", "etc/qm/containers/containers.conf", "[containers]\noom_score_adj = 750\n", "memory.oom.group=1")]
    [InlineData("disk", "proc/1/mountinfo", "30 1 8:1 / / rw - xfs /dev/sda1 rw\n", "host's own file system")]
    [InlineData("mqueue", GoldenNode.DropIn, "[Container]\nSysctl=\n", "Sysctl=")]
    [InlineData("modules", "usr/lib/qm/rootfs/lib/modules/6.1/ext4.ko", "", "Kernel modules")]
    [InlineData("deny_set_scheduler", GoldenNode.DropIn, "[Container]\nSeccompProfile=\"\"\n", "SeccompProfile=")]
    [InlineData("deny_set_scheduler", GoldenNode.Seccomp, """{"defaultAction":"SCMP_ACT_ALLOW","syscalls":[]}""", "default action")]
    [InlineData("deny_set_scheduler", GoldenNode.Seccomp, """{"defaultAction":"SCMP_ACT_ERRNO","syscalls":[{"names":["sched_setscheduler"],"action":"SCMP_ACT_ALLOW","args":[{"index":1,"value":1,"op":"SCMP_CMP_EQ"}]}]}""", "sched_setscheduler")]
    [InlineData("deny_set_scheduler", GoldenNode.Seccomp, "{}", "no seccomp profile")]
    [InlineData("deny_sched_setattr", GoldenNode.Seccomp, """{"defaultAction":"SCMP_ACT_ERRNO","syscalls":[{"names":["sched_setattr"],"action":"SCMP_ACT_LOG"}]}""", "sched_setattr")]
    [InlineData("selinux", "sys/fs/selinux/enforce", "0", "permissive")]
    [InlineData("selinux", "proc/492/attr/current", "system_u:system_r:unconfined_t:s0", "qm_t")]
    [InlineData("sys_read_only", "proc/492/mountinfo", "701 700 0:51 / /sys rw - sysfs sysfs rw\n", "can write /sys")]
    [InlineData("sysctl", "proc/492/mountinfo", "705 700 0:54 / /proc rw - proc proc rw\n", "/proc/sys")]
    [InlineData("check_dev_shm", "proc/492/mountinfo", "704 703 0:22 / /dev/shm rw - tmpfs shm rw\n", "shares /dev/shm")]
    [InlineData("qm-unit-files", "proc/492/mountinfo", "700 600 0:50 / / ro - overlay o rw\n701 700 8:9 / /usr/lib/systemd rw - xfs x rw\n", "below its /usr")]
    [InlineData("check_etc_qm", "etc/qm/qm/x", "", "inside QM")]
    [InlineData("check_usr_lib_qm", "usr/lib/qm/rootfs/usr/lib/qm/x", "", "inside QM")]
    [InlineData("check_usr_share_qm", "usr/lib/qm/rootfs/usr/share/qm/x", "", "inside QM")]
    [InlineData("capabilities", GoldenNode.DropIn, "[Container]\nDropCapability=\nDropCapability=sys_boot\n", "sys_resource")]
    [InlineData("capabilities", "proc/492/status", "NSpid:\t492\t1\nCapBnd:\t000001ffffffffff\n", "QM has sys_boot now")]
    [InlineData("network", GoldenNode.DropIn, "[Container]\nNetwork=\nNetwork=host\n", "host's network")]
    [InlineData("network", GoldenNode.DropIn, "[Container]\nPodmanArgs=--net=host\n", "host's network")]
    [InlineData("read-only", GoldenNode.DropIn, "[Container]\nReadOnly=false\n", "ReadOnly=")]
    [InlineData("masked-paths", GoldenNode.DropIn, "[Container]\nUnmask=ALL\n", "kernel interfaces")]
    [InlineData("masked-paths", GoldenNode.DropIn, "[Container]\nPodmanArgs=--privileged\n", "kernel interfaces")]
    [InlineData("labels", GoldenNode.DropIn, "[Container]\nSecurityLabelType=spc_t\n", "qm_t")]
    [InlineData("allowed-names", "etc/bluechi/controller.conf", "[bluechi-controller]\nAllowedNodeNames=ecu01\n", "qm.ecu01 is not in AllowedNodeNames")]
    [InlineData("allowed-names", "etc/bluechi/controller.conf", "[bluechi-controller]\nAllowedNodeNames=ecu01\n", "Write AllowedNodeNames=ecu01,qm.ecu01 below [bluechi-controller]")]
    [InlineData("controller-heartbeat", "etc/bluechi/controller.conf", "[bluechi-controller]\nAllowedNodeNames=ecu01,qm.ecu01\n", "The controller sends no heartbeats and looks for none: write HeartbeatInterval=1000 and NodeHeartbeatThreshold=3000 below [bluechi-controller] to /etc/bluechi/controller.conf.d/heartbeat.conf")]
    [InlineData("controller-heartbeat", "etc/bluechi/controller.conf.d/zz.conf", "[bluechi-controller]\nNodeHeartbeatThreshold=0\n", "does not mind how long")]
    [InlineData("controller-heartbeat", "etc/bluechi/controller.conf.d/zz.conf", "[bluechi-controller]\nHeartbeatInterval=2147483647\n", "when one heartbeat is late")]
    [InlineData("agent-heartbeat", GoldenNode.HostAgentConf, "[bluechi-agent]\nNodeName=ecu01\n", "The host's agent does not mind how long it has heard no heartbeat: write HeartbeatInterval=1000 and ControllerHeartbeatThreshold=6000 below [bluechi-agent] to /etc/bluechi/agent.conf.d/heartbeat.conf, then restart bluechi-agent.")]
    [InlineData("agent-heartbeat", "etc/qm/bluechi/agent.conf.d/zz.conf", "[bluechi-agent]\nHeartbeatInterval=0\n", "QM's agent sends no heartbeats and looks for none: write HeartbeatInterval=1000 and ControllerHeartbeatThreshold=6000 below [bluechi-agent] to /etc/qm/bluechi/agent.conf.d/heartbeat.conf")]
    [InlineData("controller-address", GoldenNode.QmAgentConf, "[bluechi-agent]\nControllerHost=127.0.0.1\n", "loopback")]
    [InlineData("controller-address", GoldenNode.QmAgentConf, "[bluechi-agent]\nControllerAddress=unix:path=/run/bluechi/bluechi.sock\n", "No Volume=")]
    [InlineData("allowed-names", "etc/bluechi/controller.conf", "[bluechi-controller]\nAllowedNodeNames=ecu01, qm.ecu01\n", "the blanks beside qm.ecu01")]
    [InlineData("allowed-names", "etc/bluechi/controller.conf", "[bluechi-controller]\nAllowedNodeNames=ecu01,\nAllowedNodeNames=qm.\nAllowedNodeNames=ecu1\n", "qm.ecu01 is not in AllowedNodeNames")]
    [InlineData("allowed-names", "etc/bluechi/controller.conf.d/z.conf", "[bluechi-controller]\nAllowedNodeNames\n", "line 2 of /etc/bluechi/controller.conf.d/z.conf")]
    [InlineData("agent-name", GoldenNode.QmAgentConf, "[bluechi-agent]\nNodeName=qm.ecu\nNodeName=02\n", "The host is ecu01")]
    [InlineData("agent-name", GoldenNode.QmAgentConf, "[bluechi-agent]\nNodeName=\n", "does not start with an empty NodeName")]
    [InlineData("agent-name", GoldenNode.QmAgentConf, "[bluechi-agent]\nNodeName=qm.ecu01\njunk\n", "line 3 of /etc/qm/bluechi/agent.conf.d/agent.conf")]
    [InlineData("controller-address", GoldenNode.QmAgentConf, "[bluechi-agent]\njunk\n", "line 2 of /etc/qm/bluechi/agent.conf.d/agent.conf")]
    [InlineData("agent-name", "etc/qm/bluechi/agent.conf.d/zzz-planted.conf", "[bluechi-agent]\nNodeName=qm.ecu02\n", "The host is ecu01")]
    [InlineData("controller-address", "etc/qm/bluechi/agent.conf.d/zzz-planted.conf", "[bluechi-agent]\nControllerAddress=\nControllerAddress=unix:path=/run/planted.sock\n", "No Volume=")]
    [InlineData("subordinate-ids", "etc/subuid", "qmcontainers:1000000000:1500000000\ncontainers:2400000000:1500000000\n", "overlap")]
    [InlineData("subordinate-ids", "etc/subuid", "qmcontainers:1000000000:1500000000\ncontainers:1000000000:1000\n", "overlap")]
    [InlineData("subordinate-ids", "etc/subgid", "containers:2500000000:1500000000\n", "no range of qmcontainers")]
    [InlineData("hidden-content", "usr/lib/qm/rootfs/etc/containers/systemd/audio.container", "", "not the rootfs's own")]
    [InlineData("nested-quadlets", "etc/qm/containers/systemd/radio.container", "[Container]\nPodmanArgs=--privileged\n", "radio.container is privileged")]
    [InlineData("nested-quadlets", "etc/qm/containers/systemd/radio.container", "[Service]\nOOMScoreAdjust=100\n", "100, not above QM's 500")]
    [InlineData("nested-quadlets", "etc/qm/containers/systemd/radio.container", "[Container]\nPodmanArgs=--oom-score-adj -5\n", "-5, not above QM's 500")]
    public void Check_WhatItGuardsAgainst_FailsItAndSaysWhy(string id, string path, string content, string why)
    {
        using var node = GoldenNode.Make();
        node.Write(path, content);
        var result = GoldenNode.Check(node)[id];

        Assert.Equal((Verdict.Fail, Kind.Static), (result.Verdict, result.Kind));
        Assert.Contains(why, result.Message);
    }

    // As BlueChi's own parser reads them, which is not systemd's.
    [Theory]
    [InlineData("agent-name", GoldenNode.HostAgentConf, "[bluechi-agent]\n NodeName = ecu01 ; the first\n")]
    [InlineData("agent-name", GoldenNode.HostAgentConf, "[bluechi-agent]\nNodeName: ecu\n  01\n")]
    [InlineData("agent-name", GoldenNode.HostAgentConf, "[bluechi-agent]\n#NodeName=other\nNodeName=ecu\nNodeName=01\n")]
    [InlineData("allowed-names", "etc/bluechi/controller.conf", "[bluechi-controller]\nAllowedNodeNames=ecu01,\n  qm.ecu01,\n  ecu02\n")]
    [InlineData("allowed-names", "etc/bluechi/controller.conf.d/ours.conf", "[node ecu01]\nAllowed=true\n[node qm.ecu01]\nAllowed = Yes ; QM\n")]
    [InlineData("controller-address", GoldenNode.QmAgentConf, "[bluechi-agent]\nControllerAddress=unix:path=/run\n  /bluechi.sock\n")]
    public void Check_FilesWrittenInBlueChisWay_Passes(string id, string path, string content)
    {
        using var node = GoldenNode.Make();
        node.Write(path, content);
        var result = GoldenNode.Check(node)[id];

        Assert.Equal((Verdict.Pass, ""), (result.Verdict, result.Message));
    }

    // What Podman 5 takes: containers.conf(5), attributed string arrays.
    [Theory]
    [InlineData(Verdict.Pass, "cgroup_conf = [\"memory.oom.group=1\", {append=true}]\nenv = [\"A=1\", {append=true}]")]
    [InlineData(Verdict.Pass, "cgroup_conf = [{append=true}, \"memory.oom.group=1\"]", "cgroup_conf = [\"pids.max=9\"]")]
    [InlineData(Verdict.Pass, "cgroup_conf = [\"memory.oom.group=1\"]", "cgroup_conf = [\"pids.max=9\", {append = true}]")]
    [InlineData(Verdict.Pass, "cgroup_conf = [\"memory.oom.group=1\"]", "env = [\"A=1\", {append=false}]\nvolumes = [{append=true}]")]
    [InlineData(Verdict.Fail, "cgroup_conf = [\"memory.oom.group=1\"]", "cgroup_conf = [\"pids.max=9\"]")]
    [InlineData(Verdict.Fail, "cgroup_conf = [\"memory.oom.group=1\", {append=true}]", "cgroup_conf = [\"pids.max=9\", {append=false}]")]
    [InlineData(Verdict.Unknown, "cgroup_conf = [\"memory.oom.group=1\", {prepend=true}]")]
    [InlineData(Verdict.Unknown, "cgroup_conf = [\"memory.oom.group=1\", {append=1}]")]
    [InlineData(Verdict.Unknown, "cgroup_conf = [\"memory.oom.group=1\", 1]")]
    [InlineData(Verdict.Unknown, "cgroup_conf = \"memory.oom.group=1\"")]
    public void Memory_ContainersConfOfPodman5_IsReadAsPodmanDoes(Verdict expected, string main, string dropIn = "")
    {
        using var node = GoldenNode.Make();
        node.Write("etc/qm/containers/containers.conf", $"[containers]\noom_score_adj = 751\n{main}\n");
        node.Write("etc/qm/containers/containers.conf.d/10-more.conf", $"[containers]\n{dropIn}\n");
        using var agent = node.Open();
        var report = agent.Reporter.Read();

        Assert.Equal(751, report.Oom.NestedDefault);
        Assert.DoesNotContain(report.Problems, problem => problem.Contains("containers.conf", StringComparison.Ordinal));
        Assert.Equal(expected, GoldenNode.Check(node)["memory"].Verdict);
    }

    [Theory]
    [InlineData("[bluechi-agent]\nNodeName=\n", "empty NodeName")]
    [InlineData("[bluechi-agent]\njunk\n", "line 2 of /etc/bluechi/agent.conf.d/agent.conf")]
    public void Check_HostsAgentThatDoesNotStart_LeavesItsNamesUnknown(string content, string why)
    {
        using var node = GoldenNode.Make();
        node.Write(GoldenNode.HostAgentConf, content);
        var results = GoldenNode.Check(node);

        Assert.All((string[])["agent-name", "allowed-names"], id => Assert.Equal(Verdict.Unknown, results[id].Verdict));
        Assert.Contains(why, results["agent-name"].Message);
    }

    [Theory]
    [InlineData("deny_set_scheduler")]
    [InlineData("deny_sched_setattr")]
    public void Seccomp_PolicyOtherBatchAndIdle_AreNoGap(string id)
    {
        using var node = GoldenNode.Make();

        Assert.Equal(Verdict.Pass, GoldenNode.Check(node)[id].Verdict);
    }

    [Theory]
    [InlineData(1000, 10_000, false)]
    [InlineData(64L << 20, 20L * (64L << 20), true)]
    [InlineData((64L << 20) - 1, 1L << 30, false)]
    [InlineData(64L << 20, 21L * (64L << 20), false)]
    public void Space_ShortInBytesOrShare_Fails(long available, long total, bool passes) =>
        Assert.Equal(passes ? Verdict.Pass : Verdict.Fail, InstallationChecks.Judge(available, total).Verdict);

    [Fact]
    public void Checks_NothingInstalledOrRunning_AreUnknownWithAReasonAndNeverPass()
    {
        using var node = new EmulatedNode();
        foreach (var name in (string[])["proc", "sys", "usr", "etc", "var"])
        {
            Directory.Delete(node.Of(name), recursive: true);
        }

        Assert.All(GoldenNode.Check(node).Values, result =>
        {
            Assert.NotEmpty(result.Message);
            Assert.NotEqual(Verdict.Pass, result.Verdict);
            // Only what is missing as such can fail here.
            Assert.True(result.Verdict != Verdict.Fail || result.Found is "missing" or "no SELinux", $"{result.Id}: {result.Found}");
        });
    }

    [Fact]
    public void Checks_LinkPlantedInQm_DoNotLeadOut()
    {
        using var node = GoldenNode.Make();
        File.Delete(node.Of(GoldenNode.QmAgentConf));
        File.CreateSymbolicLink(node.Of(GoldenNode.QmAgentConf), "/etc/bluechi/agent.conf.d/agent.conf");
        var result = GoldenNode.Check(node)["agent-name"];

        // Read through the link it would be the host's own name.
        Assert.Equal((Verdict.Fail, "not set"), (result.Verdict, result.Found));
    }

    [Fact]
    public void Checks_NothingChanged_AreLookedAtAgainOnlyAfterTheInterval()
    {
        using var node = GoldenNode.Make();
        using var root = Agent.Files.NodeRoot.Open(node.Root);
        using var agent = node.Open();
        var checks = new StaticChecks(node.Time);
        var first = checks.Read(root, agent.Reporter.Read(), []);
        node.Write("sys/fs/selinux/enforce", "0");
        node.Write("sys/fs/cgroup/qm.service/memory.current", "1\n");
        var soon = checks.Read(root, agent.Reporter.Read(), []);
        node.Time.Advance(StaticChecks.Interval);
        var later = checks.Read(root, agent.Reporter.Read(), []);
        node.Write("proc/600/oom_score_adj", "400\n");
        var changed = checks.Read(root, agent.Reporter.Read(), []);

        Assert.Same(first, soon);
        Assert.Equal(Verdict.Fail, later.Results.Single(result => result.Id == "selinux").Verdict);
        Assert.Equal(Verdict.Fail, changed.Results.Single(result => result.Id == "qm-oom-score-adj").Verdict);
    }

    [Fact]
    public void Result_FoundIsLongOrHoldsControlCharacters_IsCutAndPlain()
    {
        using var node = GoldenNode.Make();
        node.Write(GoldenNode.DropIn, $"[Container]\nSysctl=fs.mqueue.queues_max=\u001b[2J{new string('x', 5000)}\n");
        var found = GoldenNode.Check(node)["mqueue"].Found;

        Assert.InRange(found.Length, 1, 600);
        Assert.DoesNotContain(found, char.IsControl);
    }
}
