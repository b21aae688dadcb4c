using CsCheck;
using Qm.Fleet.Core.Environments;
using Qm.Fleet.Core.Plans;
using Qm.Fleet.Core.Reconcile;
using Qm.Fleet.Core.Revisions;
using Qm.Fleet.Core.Tests.Reconcile;
using Xunit;

namespace Qm.Fleet.Core.Tests.Plans;

[Trait("Requirement", "QMF-PLAN-001")]
public sealed class NodeForecastTests
{
    private static readonly DateTimeOffset Now = new(2026, 1, 1, 0, 0, 0, TimeSpan.Zero);

    private static readonly Gen<EnvironmentManifest> Environments =
        from high in OneOf("1G", "2G", "infinity")
        from weight in OneOf("idle", "50")
        from score in OneOf(500, 550)
        from nested in OneOf(750, 800)
        from heartbeat in OneOf("", "2000")
        from radio in Gen.Int[0, 2]
        from maps in Gen.Int[0, 2]
        select Samples.Environment with
        {
            Resources = new Dictionary<string, string> { ["MemoryHigh"] = high, ["CPUWeight"] = weight },
            OomQm = score,
            OomNested = nested,
            HostAgent = heartbeat.Length == 0 ? new Dictionary<string, string>() : new() { ["HeartbeatInterval"] = heartbeat },
            Workloads = [.. new[] { ("maps", maps), ("radio", radio) }.Where(workload => workload.Item2 > 0).Select(workload => Samples.Workload(workload.Item1, $"{workload.Item2}"))],
        };

    private static Gen<T> OneOf<T>(params T[] values) => Gen.Int[0, values.Length - 1].Select(index => values[index]);

    // Whatever state a node was left in: what was foreseen is what is done, to the last act.
    [Fact]
    public void Of_AnyNodeAnyRevision_ForeseesWhatIsDone() => Gen.Select(Environments.Array[1, 4], Gen.Int[0, 12].Array[4]).Sample((history, interruptions) =>
    {
        var node = new ModelNode();
        RenderedRevision? before = null;
        for (var index = 0; index < history.Length; index++)
        {
            var wanted = Samples.Revision(history[index]);
            node.Acts.Clear();
            var forecast = NodeForecast.Of(node.View(wanted, new()), before, Now);

            Settle(node, wanted, index == history.Length - 1 ? int.MaxValue : interruptions[index]);

            Assert.IsType<NodeStep.Ready>(forecast.End);
            Assert.Equal(forecast.Acts.Select(act => act.Name).Take(node.Acts.Count), node.Acts);
            Assert.True(index < history.Length - 1 || forecast.Acts.Length == node.Acts.Count, $"foreseen: {string.Join(", ", forecast.Acts.Select(act => act.Name))}; done: {string.Join(", ", node.Acts)}");
            before = node.Revision == wanted.Name ? wanted : before;
        }
    });

    [Fact]
    public void Of_NodeThatIsAway_SaysSo()
    {
        var node = new ModelNode { Reachable = false };

        var forecast = NodeForecast.Of(node.View(Samples.Revision(Samples.Environment), new()), null, Now);

        Assert.Empty(forecast.Acts);
        Assert.Equal(("WaitForHost", "BlueChi says ecu1 is offline"), (forecast.End.Name, forecast.End.Reason));
    }

    [Fact]
    public void Of_NodeThatHasItAlready_DoesNothing()
    {
        var (node, wanted) = (new ModelNode(), Samples.Revision(Samples.Environment));
        Settle(node, wanted, int.MaxValue);

        var forecast = NodeForecast.Of(node.View(wanted, new()), wanted, Now);

        Assert.Empty(forecast.Acts);
        Assert.IsType<NodeStep.Ready>(forecast.End);
    }

    // What it went back from is staged anew when somebody says retry, and that is a new try.
    [Fact]
    public void Of_RevisionThatTheNodeWentBackFrom_IsForeseenAsANewTry()
    {
        var (node, before) = (new ModelNode(), Samples.Revision(Samples.Environment));
        Settle(node, before, int.MaxValue);
        var wanted = Samples.Revision(Samples.Environment with { OomQm = 550 });
        Settle(node, wanted, 2);
        node.GoBack(before);

        var forecast = NodeForecast.Of(node.View(wanted, new()), before, Now);

        Assert.Equal(["Stage", "Commit", "RestartQm", "Confirm"], forecast.Acts.Select(act => act.Name));
        Assert.IsType<NodeStep.Ready>(forecast.End);
    }

    // A limit that is no longer set is lifted in words, which only who knows what was set before can foresee.
    [Fact]
    public void Of_LimitNoLongerSet_IsLifted()
    {
        var (node, before) = (new ModelNode(), Samples.Revision(Samples.Environment));
        Settle(node, before, int.MaxValue);
        var wanted = Samples.Revision(Samples.Environment with { Resources = new Dictionary<string, string> { ["CPUWeight"] = "idle" } });

        var forecast = NodeForecast.Of(node.View(wanted, new()), before, Now);

        Assert.Equal(["Stage", "Commit", "SetLimits", "Confirm"], forecast.Acts.Select(act => act.Name));
        Assert.Equal(["Node(ecu1).SetUnitProperties qm.service MemoryHigh=infinity"], NodeCall.Of(forecast.Acts[2], "ecu1").Select(call => call.ToString()));
    }

    private static void Settle(ModelNode node, RenderedRevision revision, int atMost)
    {
        var memory = new NodeMemory();
        for (var round = 0; round < Math.Min(atMost, 40); round++)
        {
            var view = node.View(revision, memory);
            var step = NodeReconciler.Decide(view, Now);
            if (step is NodeStep.Ready)
            {
                return;
            }

            var act = Assert.IsAssignableFrom<NodeStep.Act>(step);
            node.Apply(act, revision);
            memory = view.Memory.Deciding(step, Now).After(act, ActOutcome.Done, "", view, Now);
        }

        Assert.True(atMost < 40, $"not settled after {string.Join(", ", node.Acts)}");
    }
}
