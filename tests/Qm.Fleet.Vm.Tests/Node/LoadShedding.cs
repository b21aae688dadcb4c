using System.Collections.Immutable;
using Qm.Fleet.Controller.Reconcile;
using Qm.Fleet.Controller.Supervise;
using Qm.Fleet.Core.Environments;
using Qm.Fleet.Core.Reconcile;

namespace Qm.Fleet.Vm.Tests.Node;

/// <summary>
/// The controller's own load shedding of one node, over the usage that its agent extension tells. It goes by the real clock and not by the loop's: what a rule
/// counts are seconds of the kernel.
/// </summary>
/// <param name="spec">The fleet with its rules.</param>
/// <param name="shedder">The controller's.</param>
/// <param name="usage">What the node uses, as last told; null when it never was.</param>
internal sealed class LoadShedding(FleetSpec spec, NodeShedder shedder, Func<V1.Usage?> usage)
{
    private readonly NodeAssignment _assignment = new("", new(
        spec.Name, "", spec.Selector, "", spec.Rollout, Rollout: null, ImmutableDictionary<string, FleetEnvironment>.Empty, ImmutableDictionary<string, string>.Empty)
    {
        Supervision = spec.Supervision,
    }, "", Cordoned: false);

    private ImmutableSortedSet<string> _frozen = [];

    /// <summary>What the journey is to end with: load that is shed, or none.</summary>
    internal bool IsToShed { get; set; }

    /// <summary>What is wanted of the node now.</summary>
    internal Task<NodeView> SeeAsync(NodeView view, CancellationToken ct) =>
        shedder.ShedAsync(_assignment, view with { IsSupervised = NodeHealer.IsSettled(view, member: null) }, usage(), TimeProvider.System.GetUtcNow(), ct);

    /// <summary>What is done next, when this would be done without any rule.</summary>
    internal NodeStep Next(NodeView view, NodeStep step)
    {
        if (step is not NodeStep.Ready)
        {
            return step;
        }

        (var act, _frozen) = shedder.Next(view, _frozen);
        return act ?? (shedder.Active.IsEmpty == IsToShed ? new NodeStep.Wait("Pressure", $"{Told()}, and load is to be {(IsToShed ? "shed" : "taken up")}") : step);
    }

    private string Told() => usage()?.Qm is { } qm ? $"QM is told to wait for memory {qm.MemoryPressure?.Some?.Avg10} % of ten seconds" : "nothing is told of what QM uses";
}
