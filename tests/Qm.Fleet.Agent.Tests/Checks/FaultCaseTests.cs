using Qm.Fleet.Agent.Checks;
using Qm.Fleet.Agent.Revisions;
using static Qm.Fleet.V1.CheckResult.Types;

namespace Qm.Fleet.Agent.Tests.Checks;

/// <summary>What goes wrong on real QM nodes, one test a case: each is found, named and explained.</summary>
[Trait("Requirement", "QMF-CHECK-003")]
public sealed class FaultCaseTests
{
    [Fact]
    public void HostNodeNameChangedAfterSetup_IsFound() => Fails(
        "agent-name", node => node.Write(GoldenNode.HostAgentConf, "[bluechi-agent]\nNodeName=ecu77\n"), "qm.ecu01", "NodeName=qm.ecu77");

    [Fact]
    public void StaleAgentConf_OverridingByItsName_IsFound() => Fails(
        "agent-name", node =>
        {
            // Digits sort before letters: setup's own agent.conf wins over the correction.
            node.Write("etc/qm/bluechi/agent.conf.d/90-name.conf", "[bluechi-agent]\nNodeName=qm.ecu01\n");
            node.Write(GoldenNode.QmAgentConf, "[bluechi-agent]\nNodeName=qm.oldname\n");
        }, "qm.oldname", "sorts after agent.conf");

    [Fact]
    public void StaleAgentConf_CorrectedByALaterFile_Passes()
    {
        using var node = GoldenNode.Make();
        node.Write(GoldenNode.QmAgentConf, "[bluechi-agent]\nNodeName=qm.oldname\n");
        node.Write("etc/qm/bluechi/agent.conf.d/zz-qm-fleet.conf", "[bluechi-agent]\nNodeName=qm.ecu01\n");

        Assert.Equal(Verdict.Pass, GoldenNode.Check(node)["agent-name"].Verdict);
    }

    [Fact]
    public void CommentedNodeName_IsFound() => Fails(
        "agent-name", node => node.Write(GoldenNode.QmAgentConf, "[bluechi-agent]\n#NodeName=qm.ecu01\n"), "not set", "container's id");

    [Fact]
    public void DoubledPrefix_IsFound() => Fails(
        "agent-name", node => node.Write(GoldenNode.QmAgentConf, "[bluechi-agent]\nNodeName=qm.qm.ecu01\n"), "qm.qm.ecu01", "NodeName=qm.ecu01");

    [Fact]
    public void SeccompProfileMissing_IsFound()
    {
        Fails("deny_set_scheduler", node => File.Delete(node.Of(GoldenNode.Seccomp)), "missing", "fails at its next start");
        Fails("deny_sched_setattr", node => File.Delete(node.Of(GoldenNode.Seccomp)), "missing", "fails at its next start");
    }

    [Fact]
    public void UnsupportedKey_UnitVanished_IsFound() => Fails(
        "generated-unit", node =>
        {
            node.Write(GoldenNode.DropIn, "[Container]\nNoSuchKey=1\n");
            File.Delete(node.Of("run/systemd/generator/qm.service"));
        }, "missing", "--dryrun");

    [Fact]
    public async Task UnsupportedKey_InOurOwnDropIn_IsRefusedBeforeItTakesEffect()
    {
        using var node = GoldenNode.Make();
        node.Write("generator", "#!/bin/sh\ngrep -q NoSuchKey -r \"$QUADLET_UNIT_DIRS\" && { echo \"converting: unsupported key 'NoSuchKey'\" >&2; exit 1; }\necho '---qm.service---'\n");
        node.MakeExecutable("generator");
        using var agent = node.Open(check: new PodmanQuadletCheck(node.Of("generator"), node.Of("dry-run"), TimeProvider.System));
        var before = node.OwnedTrees();
        var refusal = await Assert.ThrowsAsync<CommandRefusedException>(() => agent.Revisions.StageAsync(
            new StagedRevision("r1", [new(Core.Revisions.OwnedFileKind.QmContainerDropIn, "", "[Container]\nNoSuchKey=1\n")])));

        Assert.Contains("unsupported key 'NoSuchKey'", refusal.Message);
        Assert.Equal(before, node.OwnedTrees());
    }

    [Fact]
    public void SetPropertyOverride_IsFound() => Fails(
        "property-override", node => node.Write("etc/systemd/system.control/qm.service.d/50-CPUQuota.conf", "[Service]\nCPUQuota=50%\n"), "CPUQuota=50%", "systemctl revert");

    [Theory]
    [InlineData("DropCapability=sys_boot sys_resource", "", "DropCapability missing")]
    [InlineData("OOMScoreAdjust=500", "OOMScoreAdjust=0", "OOMScoreAdjust=0")]
    public void VendorFileEditedInPlace_IsFound(string original, string edited, string found) => Fails(
        "vendor-quadlet", node => node.Write(GoldenNode.Vendor, File.ReadAllText(node.Of(GoldenNode.Vendor)).Replace(original, edited)), found, "edited in place");

    [Fact]
    public void VendorFile_AsItsOwnScriptsChangeIt_Passes()
    {
        using var node = GoldenNode.Make();
        // The package comments the time zone out, and setup removes nested labels on older releases.
        node.Write(GoldenNode.Vendor, File.ReadAllText(node.Of(GoldenNode.Vendor)).Replace("Timezone=local", "# Timezone=local\nEnvironment=TZ").Replace("SecurityLabelNested=true", ""));

        Assert.Equal(Verdict.Pass, GoldenNode.Check(node)["vendor-quadlet"].Verdict);
    }

    [Fact]
    public void VarMissing_IsFound()
    {
        Fails("var-tmp", node => Directory.Delete(node.Of("var/qm"), recursive: true), "/var/qm missing", "cannot start");
        Fails("var-tmp", node => Directory.Delete(node.Of("var/qm/tmp"), recursive: true), "missing", "make that directory");
    }

    [Fact]
    public void VarFull_IsFound()
    {
        var outcome = InstallationChecks.Judge(available: 0, total: 4L << 30);

        Assert.Equal((Verdict.Fail, "0 % of 4096 MiB free"), (outcome.Verdict, outcome.Found));
    }

    [Fact]
    public void QmFlapping_EveryRestart_IsAnotherInitInTheReport()
    {
        using var node = GoldenNode.Make();
        using var agent = node.Open();
        var first = agent.Reporter.Read();
        Directory.Delete(node.Of(EmulatedNode.Payload), recursive: true);
        var between = agent.Reporter.Read();
        node.Process(4920, $"{EmulatedNode.Payload}/init.scope", 500, "4920\t1");
        var second = agent.Reporter.Read();

        Assert.Equal((492, 0, 4920), (first.Oom.QmInitPid, between.Oom.QmInitPid, second.Oom.QmInitPid));
        Assert.False(between.Oom.HasQm);
        var whileDown = GoldenNode.Check(node, between)["sys_read_only"];
        Assert.Equal((Verdict.Unknown, "QM does not run, so its kernel side cannot be looked at."), (whileDown.Verdict, whileDown.Message));
    }

    [Fact]
    public void NestedKilled_IsCountedInTheReport()
    {
        using var node = GoldenNode.Make();
        using var agent = node.Open();
        node.Write("sys/fs/cgroup/qm.service/memory.events", "low 0\nhigh 12\nmax 3\noom 1\noom_kill 2\n");
        Directory.Delete(node.Of($"{EmulatedNode.Payload}/system.slice/radio.service"), recursive: true);
        var report = agent.Reporter.Read();

        Assert.Contains("oom_kill 2", report.Cgroup["memory.events"]);
        Assert.DoesNotContain(report.Oom.Nested, found => found.Unit == "radio.service");
    }

    [Fact]
    public void SocketMissing_IsFound() => Fails(
        "controller-address", node => File.Delete(node.Of("run/bluechi/bluechi.sock")), "/run/bluechi/bluechi.sock missing", "bluechi-controller.socket");

    [Fact]
    public void DropInDirectoryWiped_IsFound() => Fails(
        "drop-in-directory", node => Directory.Delete(node.Of("etc/containers/systemd/qm.container.d"), recursive: true), "missing", "everybody's drop-ins");

    [Fact]
    public async Task TransientEtcResetAfterReboot_IsFound()
    {
        using var node = GoldenNode.Make();
        using var agent = node.Open();
        await agent.Revisions.CommitAsync(Sample.Old);
        File.Delete(node.Of(EmulatedNode.QmDropInPath));
        File.Delete(node.Of("etc/qm/containers/containers.conf.d/50-qm-fleet.conf"));
        using var root = Agent.Files.NodeRoot.Open(node.Root);
        var report = new Agent.Evidence.NodeReporter(root, agent.Revisions, new Agent.Checks.StaticChecks(node.Time)).Read();
        var check = report.Checks.Results.Single(result => result.Id == "owned-files");

        Assert.Equal(Verdict.Fail, check.Verdict);
        Assert.Contains("/etc/containers/systemd/qm.container.d/50-qm-fleet.conf", check.Found);
        Assert.Contains("transient", check.Message);
        Assert.DoesNotContain("radio.container", check.Found);
    }

    private static void Fails(string id, Action<EmulatedNode> seed, string found, string message)
    {
        using var node = GoldenNode.Make();
        seed(node);
        var result = GoldenNode.Check(node)[id];

        Assert.Equal(Verdict.Fail, result.Verdict);
        Assert.Contains(found, result.Found);
        Assert.Contains(message, result.Message);
    }
}
