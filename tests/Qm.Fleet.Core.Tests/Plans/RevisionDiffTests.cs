using Qm.Fleet.Core.Environments;
using Qm.Fleet.Core.Plans;
using Qm.Fleet.Core.Reconcile;
using Qm.Fleet.Core.Tests.Reconcile;
using Xunit;

namespace Qm.Fleet.Core.Tests.Plans;

[Trait("Requirement", "QMF-PLAN-002")]
public sealed class RevisionDiffTests
{
    private static readonly DateTimeOffset Now = new(2026, 1, 1, 0, 0, 0, TimeSpan.Zero);

    private static readonly EnvironmentManifest Base = Samples.Environment with { Workloads = [Samples.Workload("maps"), Samples.Workload("radio")] };

    public static TheoryData<string, EnvironmentManifest, string, string> OneField => new()
    {
        { "resources.MemoryHigh", Base with { Resources = new Dictionary<string, string> { ["MemoryHigh"] = "1536M", ["CPUWeight"] = "idle" } }, "2G -> 1536M", "takes effect at once, nothing restarts" },
        { "resources.MemoryHigh", Base with { Resources = new Dictionary<string, string> { ["CPUWeight"] = "idle" } }, "2G -> ", "takes effect at once, nothing restarts" },
        { "oom.qm", Base with { OomQm = 550 }, "500 -> 550", "QM restarts once on each node, and everything in it" },
        { "oom.qm", Base with { OomQm = null }, "500 -> ", "nothing restarts; QM keeps its score until it starts next" },
        { "oom.nested", Base with { OomNested = 800 }, "750 -> 800", "the workloads without a score of their own restart" },
        { "oom.asil[brake.service]", Base with { OomAsil = new Dictionary<string, int> { ["brake.service"] = -900 } }, " -> -900", "nothing restarts; it takes effect at the unit's next start, which is not ours to order" },
        { "bluechi.host.HeartbeatInterval", Base with { HostAgent = new Dictionary<string, string> { ["HeartbeatInterval"] = "2000" } }, " -> 2000", "the host's bluechi-agent restarts, and goes back by itself if the link does not return" },
        { "bluechi.qm.HeartbeatInterval", Base with { QmAgent = new Dictionary<string, string> { ["HeartbeatInterval"] = "2000" } }, " -> 2000", "the bluechi-agent in QM restarts" },
        { "workloads[radio].quadlet.Container.Image", Base with { Workloads = [Samples.Workload("maps"), Samples.Workload("radio", "2")] }, "localhost/radio:1 -> localhost/radio:2", "the workload restarts" },
        { "workloads[radio].oomScoreAdjust", Base with { Workloads = [Samples.Workload("maps"), Samples.Workload("radio") with { OomScoreAdjust = 900 }] }, " -> 900", "the workload restarts" },
        { "drift", Base with { Drift = "report" }, " -> report", "nothing restarts" },
    };

    [Theory]
    [MemberData(nameof(OneField))]
    public void Of_OneFieldChanges_IsTold(string path, EnvironmentManifest after, string values, string consequence)
    {
        var change = Assert.Single(RevisionDiff.Of(Samples.Fleet(Base).Environment, Samples.Fleet(after).Environment));

        Assert.Equal((path, consequence), (change.Path, change.Consequence));
        Assert.Equal(values, $"{string.Join(", ", change.Before)} -> {string.Join(", ", change.After)}");
    }

    // What a change is said to disrupt is what the steps on a node disrupt that has everything else.
    [Theory]
    [MemberData(nameof(OneField))]
    public void Of_OneFieldChanges_DisruptsWhatTheNodeDoes(string path, EnvironmentManifest after, string values, string consequence)
    {
        var node = new ModelNode();
        var (before, wanted) = (Samples.Revision(Base), Samples.Revision(after));
        var memory = new NodeMemory();
        while (NodeReconciler.Decide(node.View(before, memory), Now) is NodeStep.Act act)
        {
            node.Apply(act, before);
            memory = node.View(before, memory).Memory.After(act, ActOutcome.Done, "", node.View(before, memory), Now);
        }

        var forecast = NodeForecast.Of(node.View(wanted, new()), before, Now);

        Assert.IsType<NodeStep.Ready>(forecast.End);
        Assert.True(
            Disruptions.Of(forecast.Acts) == Assert.Single(RevisionDiff.Of(Samples.Fleet(Base).Environment, Samples.Fleet(after).Environment)).Effect,
            $"{path} {values} ({consequence}): {string.Join(", ", forecast.Acts.Select(step => step.Name))}");
    }

    [Fact]
    public void Of_Workloads_ComeAndGo()
    {
        var changes = RevisionDiff.Of(Samples.Fleet(Base).Environment, Samples.Fleet(Base with { Workloads = [Samples.Workload("maps"), Samples.Workload("store")] }).Environment);

        Assert.Equal(
            [
                "workloads[radio]: the workload is stopped", "workloads[radio].quadlet.Container.Image: the workload is stopped", "workloads[radio].quadlet.Install.WantedBy: the workload is stopped",
                "workloads[store]: the workload starts", "workloads[store].quadlet.Container.Image: the workload starts", "workloads[store].quadlet.Install.WantedBy: the workload starts",
            ],
            changes.Select(change => $"{change.Path}: {change.Consequence}"));
    }

    [Fact]
    public void Of_TheSame_IsNothing() => Assert.Empty(RevisionDiff.Of(Samples.Fleet(Base).Environment, Samples.Fleet(Base).Environment));

    [Fact]
    public void Of_Nothing_IsEverything() => Assert.Contains(RevisionDiff.Of(null, Samples.Fleet(Base).Environment), change => change is { Path: "rootfs", After: ["preinstalled"] });
}
