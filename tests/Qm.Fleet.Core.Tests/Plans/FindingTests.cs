using Qm.Fleet.Core.Environments;
using Qm.Fleet.Core.Plans;
using Qm.Fleet.Core.Resources;
using Qm.Fleet.Core.Rollouts;
using Qm.Fleet.Core.Tests.Reconcile;
using Xunit;

namespace Qm.Fleet.Core.Tests.Plans;

[Trait("Requirement", "QMF-PLAN-004")]
public sealed class FindingTests
{
    private static readonly DateTimeOffset Now = new(2026, 1, 1, 0, 0, 0, TimeSpan.Zero);

    private static readonly EnvironmentManifest Safe = Samples.Environment with { Resources = new Dictionary<string, string> { ["MemoryMax"] = "3G" } };

    [Theory]
    [InlineData("AddCapability", "SYS_ADMIN", "QMF-W002 workload radio is given SYS_ADMIN, which QM takes from everything in it for a reason")]
    [InlineData("PodmanArgs", "--cap-add NET_ADMIN --rm", "QMF-W002 workload radio is given NET_ADMIN, which QM takes from everything in it for a reason")]
    [InlineData("PodmanArgs", "--privileged", "QMF-W002 workload radio is given --privileged, which QM takes from everything in it for a reason")]
    [InlineData("Unmask", "/proc/kcore", "QMF-W003 workload radio sees /proc/kcore of the kernel, which Podman hides from containers")]
    [InlineData("PodmanArgs", "--security-opt unmask=ALL", "QMF-W003 workload radio sees ALL of the kernel, which Podman hides from containers")]
    [InlineData("Network", "host", "QMF-W005 workload radio shares QM's network, so it reaches what listens there and may take its ports")]
    [InlineData("PodmanArgs", "--net=host", "QMF-W005 workload radio shares QM's network, so it reaches what listens there and may take its ports")]
    [InlineData("SeccompProfile", "unconfined", "QMF-W006 workload radio may make any system call")]
    [InlineData("PodmanArgs", "--security-opt=seccomp=unconfined", "QMF-W006 workload radio may make any system call")]
    [InlineData("SecurityLabelDisable", "true", "QMF-W007 workload radio is not held by SELinux")]
    [InlineData("PodmanArgs", "--security-opt label=disable", "QMF-W007 workload radio is not held by SELinux")]
    public void Declared_RiskyWorkload_IsTold(string key, string value, string message) => Assert.Equal(
        [message], Declared(Safe with { Workloads = [Samples.Workload("radio", "1", (key, value))] }));

    [Theory]
    [InlineData("Network", "none")]
    [InlineData("PodmanArgs", "--network=none --rm")]
    [InlineData("DropCapability", "ALL")]
    [InlineData("SecurityLabelDisable", "false")]
    [InlineData("SeccompProfile", "/etc/seccomp.json")]
    public void Declared_CarefulWorkload_IsNothing(string key, string value) => Assert.Empty(
        Declared(Safe with { Workloads = [Samples.Workload("radio", "1", (key, value))] }));

    [Theory]
    [InlineData("infinity")]
    [InlineData("")]
    public void Declared_MemoryWithoutEnd_IsTold(string max) => Assert.Equal(
        ["QMF-W001 MemoryMax is not set, so QM may take all memory of a node before anything in it is killed"],
        Declared(Safe with { Resources = max.Length == 0 ? new Dictionary<string, string>() : new() { ["MemoryMax"] = max } }));

    [Fact]
    public void Declared_NoNode_IsAWarning() =>
        Assert.True(Assert.Single(FleetRisks.Declared(Samples.Fleet(Safe), new Dictionary<string, IReadOnlyDictionary<string, string>>())) is { Rule: Finding.NoNode, Severity: Severity.Warning });

    [Fact]
    public void Budget_ThatRoundsToNothing_IsRefusedWithItsArithmetic()
    {
        var policy = RolloutPolicy.Default with { MaxUnavailable = new(25, true), BudgetPer = "vehicle" };
        Dictionary<string, IReadOnlyDictionary<string, string>> nodes = new()
        {
            ["a1"] = In("a"),
            ["a2"] = In("a"),
            ["a3"] = In("a"),
            ["a4"] = In("a"),
            ["b1"] = In("b"),
            ["b2"] = In("b"),
            ["b3"] = In("b"),
            ["c1"] = new Dictionary<string, string>(),
        };

        var findings = FleetRisks.Budget(policy, nodes).ToArray();

        Assert.All(findings, finding => Assert.Equal((Finding.BudgetNeverMet, Severity.Error, "spec.rollout.maxUnavailable"), (finding.Rule, finding.Severity, finding.Path)));
        Assert.Equal(
            [
                "25% of the 1 nodes of those without the label vehicle is 0.25, rounded down 0, so none of them may ever go down; a number, or at least 100%, works",
                "25% of the 3 nodes of vehicle=b is 0.75, rounded down 0, so none of them may ever go down; a number, or at least 34%, works",
            ],
            findings.Select(finding => finding.Message));
        Assert.Equal(["b1", "b2", "b3"], findings[1].Nodes);
        Assert.Empty(FleetRisks.Budget(policy with { MaxUnavailable = new(100, true) }, nodes));
    }

    [Fact]
    public void Make_MemoryAndCpusThatANodeLacks_NamesTheNode()
    {
        var fleet = Samples.Fleet(Safe with { Resources = new Dictionary<string, string> { ["MemoryMax"] = "7168M", ["AllowedCPUs"] = "2-5" } });
        var (small, large) = (Node(fleet, "ecu1", 4L << 30, 4), Node(fleet, "ecu2", 16L << 30, 8));

        var findings = FleetPlanner.Make(fleet, "", null, new("", "22222222", RolloutPhase.Progressing), [small, large], Now).Findings;

        Assert.Equal(
            [
                "QMF-W004 MemoryMax 7G and 1G for the rest of the node are more than the 4G it has: ecu1",
                "QMF-W012 AllowedCPUs 2-5 names CPUs that the node does not have; it has 0-3: ecu1",
            ],
            findings.Select(finding => $"{finding}: {string.Join(", ", finding.Nodes)}"));
    }

    [Fact]
    public void Make_NodeThatAnotherFleetWants_IsLeftAsItIs()
    {
        var fleet = Samples.Fleet(Safe);
        var (ours, theirs) = (Node(fleet, "ecu1", 8L << 30, 4), Node(fleet, "ecu2", 8L << 30, 4) with { Others = ["rear"] });

        var plan = FleetPlanner.Make(fleet, "", null, new("", "22222222", RolloutPhase.Progressing), [ours, theirs], Now);

        Assert.Equal(["ecu1"], plan.Nodes.SelectMany(node => node.Nodes));
        Assert.Equal("QMF-W009 also wanted by fleet rear, so left as it is until only one wants it", Assert.Single(plan.Findings).ToString());
    }

    // An environment that says nothing of QM's score leaves it what it is on the node, whoever set it.
    [Fact]
    [Trait("Requirement", "QMF-OOM-005")]
    public void Make_ScoreBelowTheOneThatANodesQmHas_NamesTheNodeAndTheFile()
    {
        var fleet = Samples.Fleet(Safe with { OomQm = null, Workloads = [Samples.Workload("radio") with { OomScoreAdjust = 600 }] });
        PlannedNode[] nodes = [WithScore("ecu1", 500), WithScore("ecu2", 650)];

        var finding = Assert.Single(FleetPlanner.Make(fleet, "", null, new("", "22222222", RolloutPhase.Progressing), nodes, Now).Findings);

        Assert.StartsWith("QMF-W025 workload radio asks for OOM score 600, not above the 650 which /etc/oom.conf gives QM", finding.ToString(), StringComparison.Ordinal);
        Assert.Equal(("spec.environment.workloads[radio].oomScoreAdjust", "ecu2"), (finding.Path, Assert.Single(finding.Nodes)));

        PlannedNode WithScore(string name, int score) => Node(fleet, name, 8L << 30, 4) is var node && node.View.Evidence is { } evidence
            ? node with { View = node.View with { Evidence = evidence with { Oom = evidence.Oom with { Qm = score, Sources = [new("qm.service", "/etc/oom.conf", score)] } } } }
            : throw new InvalidOperationException("the model node has no evidence");
    }

    private static PlannedNode Node(FleetSpec fleet, string name, long memory, int cpus)
    {
        var desired = Core.Revisions.RevisionRenderer.Render("22222222", fleet.Environment, name);
        var view = new ModelNode().View(desired, new()) with { Name = name };
        Assert.True(CpuSet.TryParse($"0-{cpus - 1}", out var online));
        return new(
            view with { Evidence = view.Evidence! with { Machine = new(memory, 1000, online) } },
            new() { Labels = new Dictionary<string, string>(), Availability = Availability.Down }, null, []);
    }

    private static Dictionary<string, string> In(string vehicle) => new() { ["vehicle"] = vehicle };

    private static string[] Declared(EnvironmentManifest environment) =>
        [.. FleetRisks.Declared(Samples.Fleet(environment), new Dictionary<string, IReadOnlyDictionary<string, string>> { ["ecu1"] = In("a") }).Select(finding => finding.ToString())];
}
