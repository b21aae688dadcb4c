using Qm.Fleet.Core.Environments;
using Qm.Fleet.Core.Reconcile;
using Qm.Fleet.Core.Revisions;
using Xunit;

namespace Qm.Fleet.Core.Tests.Reconcile;

public sealed class NodeChecksTests
{
    private static readonly NodeEvidence Evidence = new()
    {
        StagedRevision = "",
        Revision = "a",
        Confirmed = true,
        Files = new Dictionary<OwnedFileId, FileEvidence>(),
        Effective = new Dictionary<string, string>(),
        Cgroup = new Dictionary<string, string>(),
        Oom = new(0, 500, 492, 750, [], []),
        Machine = new(8L << 30, 32768),
        RetiredWorkloads = [],
        RetiredProperties = [],
    };

    [Theory]
    [Trait("Requirement", "QMF-AGENT-008")]
    [InlineData("/etc", "253:1 /etc/qm", "253:1 /etc/qm", CheckResult.Pass, "/etc/qm", "")]
    [InlineData("/etc", "253:1 /etc/qm", "253:1 /etc/other", CheckResult.Fail, "253:1 /etc/other", "restart qm.service")]
    [InlineData("/etc", "253:1 /etc/qm", "", CheckResult.Fail, "", "nothing is mounted on /etc of QM")]
    [InlineData("/data", "253:1 /etc/qm", "", CheckResult.Pending, "", "takes effect when QM restarts")]
    [InlineData("/etc", "", "253:1 /etc/qm", CheckResult.Unreadable, "253:1 /etc/qm", "nothing can be compared")]
    [InlineData("/", "253:1 /etc/qm", "0:50 /", CheckResult.Fail, "0:50 /", "restart qm.service")]
    public void Evaluate_Mount_ComparesWhereItLies(string point, string configuredAt, string mountedAt, CheckResult result, string found, string message)
    {
        var check = Single(Evidence with { Mounts = [new(point, "/etc/qm", configuredAt, mountedAt)] }, point == "/" ? "Rootfs" : $"Volume.{point}");

        Assert.Equal(("/etc/qm", found, "/proc/492/mountinfo", result), (check.Wanted, check.Found, check.Source, check.Result));
        Assert.Contains(message, check.Message, StringComparison.Ordinal);
    }

    [Theory]
    [Trait("Requirement", "QMF-AGENT-008")]
    [InlineData("system_u:system_r:qm_t:s0", CheckResult.Pass, "qm_t")]
    [InlineData("system_u:system_r:container_t:s0:c1,c2", CheckResult.Fail, "container_t")]
    [InlineData("", CheckResult.Unreadable, "")]
    [InlineData("kernel", CheckResult.Unreadable, "")]
    public void Evaluate_LabelOfQm_ComparesItsType(string label, CheckResult result, string found)
    {
        var check = Single(Evidence with { Labels = new("qm_t", label, "", []) }, "SecurityLabelType.qm");
        Assert.Equal(("qm_t", found, "/proc/492/attr/current", result), (check.Wanted, check.Found, check.Source, check.Result));
    }

    [Theory]
    [Trait("Requirement", "QMF-AGENT-008")]
    [InlineData(null, null, "qm_container_t", CheckResult.Pass)]
    [InlineData(null, null, "qm_t", CheckResult.Fail)]
    [InlineData("SecurityLabelType", "qm_container_ipc_t", "qm_container_ipc_t", CheckResult.Pass)]
    [InlineData("SecurityLabelType", "qm_container_ipc_t", "qm_container_t", CheckResult.Fail)]
    [InlineData("SecurityLabelDisable", "true", "spc_t", null)]
    public void Evaluate_LabelOfAWorkload_IsItsQuadletsOrPodmans(string? key, string? value, string type, CheckResult? result)
    {
        var workload = key is null ? Environments.Manifest.Workload("radio")
            : Environments.Manifest.Workload("radio", null, ("Container", "Image", ["x"]), ("Container", key, [value!]));
        var evidence = Evidence with
        {
            Labels = new("", "", "system_u:system_r:qm_container_t:s0",
                [new("radio.service", 600, $"system_u:system_r:{type}:s0"), new("foreign.service", 601, "system_u:system_r:any_t:s0")]),
        };

        Assert.Equal(result, NodeChecks.Evaluate(Revision(workload), evidence).SingleOrDefault(check => check.Name.StartsWith("SecurityLabelType.", StringComparison.Ordinal))?.Result);
    }

    [Fact, Trait("Requirement", "QMF-LABEL-003")]
    public void Evaluate_FileWithAnotherLabelThanItsPlaceHas_FailsWithBoth()
    {
        var labels = new LabelEvidence("", "", "", []) { Mislabelled = [new("/etc/qm/x.conf", "system_u:object_r:qm_file_t:s0", "system_u:object_r:etc_t:s0")] };
        var check = Single(Evidence with { Labels = labels }, "SecurityLabel./etc/qm/x.conf");
        Assert.Equal((CheckResult.Fail, "system_u:object_r:qm_file_t:s0", "system_u:object_r:etc_t:s0"), (check.Result, check.Wanted, check.Found));
    }

    [Fact]
    [Trait("Requirement", "QMF-AGENT-007")]
    public void Evaluate_ProcessesOfQm_BelowItsScoreFailUnlessKnownAndAboveItAreFree()
    {
        var evidence = Evidence with
        {
            Oom = Evidence.Oom with
            {
                Processes =
                [
                    new("dbus.service", 510, 500, 1, ""), new("oomd.service", 511, 900, 1, ""),
                    new("init.scope", 520, 0, 2, "started by podman exec"), new("sshd.service", 530, 0, 3, ""),
                ],
            },
        };
        var checks = NodeChecks.Evaluate(Revision(), evidence).Where(check => check.Name.StartsWith("OOMScoreAdjust.qm/", StringComparison.Ordinal));

        Assert.Equal(
            [
                ("OOMScoreAdjust.qm/init.scope", ">= 500", "0", "/proc/520/oom_score_adj", CheckResult.Exempt),
                ("OOMScoreAdjust.qm/sshd.service", ">= 500", "0", "/proc/530/oom_score_adj", CheckResult.Fail),
            ],
            checks.Select(check => (check.Name, check.Wanted, check.Found, check.Source, check.Result)));
    }

    [Theory]
    [Trait("Requirement", "QMF-LINK-002")]
    [InlineData("ecu1", CheckResult.Pass)]
    [InlineData("ecu9", CheckResult.Pending)]
    [InlineData("", null)]
    public void Evaluate_NameOfTheHostsAgent_IsTheNodes(string name, CheckResult? result) =>
        Assert.Equal(result, NodeChecks.Evaluate(Revision(), Evidence with { HostNodeName = name }).SingleOrDefault(check => check.Name == "NodeName.host")?.Result);

    [Fact]
    public void Evaluate_NodeThatTellsNoneOfIt_IsNotHeldAgainstIt() =>
        Assert.Equal(["OOMScoreAdjust.qm"], NodeChecks.Evaluate(Revision(), Evidence).Select(check => check.Name));

    private static NodeCheck Single(NodeEvidence evidence, string name) => Assert.Single(NodeChecks.Evaluate(Revision(), evidence), check => check.Name == name);

    private static RenderedRevision Revision(params WorkloadManifest[] workloads) => RevisionRenderer.Render(
        "a", Environments.Manifest.Checked(new EnvironmentManifest { RootfsPreinstalled = true, OomQm = 500, Workloads = workloads }), "ecu1");
}
