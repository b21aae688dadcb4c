using Qm.Fleet.Core.Environments;
using Qm.Fleet.Core.Reconcile;
using Qm.Fleet.Core.Revisions;
using Xunit;

namespace Qm.Fleet.Core.Tests.Reconcile;

/// <summary>What the tests of the reconciler have in common.</summary>
internal static class Reconciling
{
    /// <summary>The time at which everything is decided.</summary>
    internal static readonly DateTimeOffset Now = new(2026, 1, 1, 0, 0, 0, TimeSpan.Zero);

    /// <summary>Does what is decided, act by act, until the node is ready.</summary>
    internal static void Settle(ModelNode node, RenderedRevision revision, int atMost = 20, bool mustSettle = true)
    {
        var memory = new NodeMemory();
        for (var round = 0; round < atMost; round++)
        {
            var view = node.View(revision, memory);
            var step = NodeReconciler.Decide(view, Now);
            if (step is NodeStep.Ready)
            {
                return;
            }

            var act = step as NodeStep.Act;
            Assert.True(act is not null, $"after {string.Join(", ", node.Acts)}: {step.Name}: {step.Reason}");
            node.Apply(act, revision);
            memory = view.Memory.Deciding(step, Now).After(act, ActOutcome.Done, "", view, Now);
        }

        Assert.False(mustSettle, $"not settled after {atMost} acts: {string.Join(", ", node.Acts)}");
    }

    /// <summary>A revision of the fleet cockpit for ecu1.</summary>
    internal static RenderedRevision Revision(string name, string memoryHigh, int qm, string[]? workloads = null, string? heartbeat = null)
    {
        var parsed = FleetParser.Parse(new FleetManifest
        {
            Name = "cockpit",
            Selector = "zone=cockpit",
            Environment = new()
            {
                RootfsPreinstalled = true,
                Resources = new Dictionary<string, string> { ["MemoryHigh"] = memoryHigh, ["CPUWeight"] = "idle" },
                OomQm = qm,
                OomNested = 750,
                HostAgent = heartbeat is null ? new Dictionary<string, string>() : new() { ["HeartbeatInterval"] = heartbeat },
                Workloads = [.. (workloads ?? []).Select(workload => new WorkloadManifest
                {
                    Name = workload,
                    Quadlet = new Dictionary<string, IReadOnlyDictionary<string, IReadOnlyList<string>>>
                    {
                        ["Container"] = new Dictionary<string, IReadOnlyList<string>> { ["Image"] = [$"localhost/{workload}:1"] },
                    },
                })],
            },
        });
        Assert.Empty(parsed.Problems);
        return RevisionRenderer.Render(name, parsed.Value!.Environment, "ecu1");
    }
}
