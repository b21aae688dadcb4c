using Qm.Fleet.Core.Reconcile;
using Qm.Fleet.Core.Rollouts;
using Qm.Fleet.Core.Supervision;

namespace Qm.Fleet.Controller.Reconcile;

/// <summary>Core's decisions as the loops ask for them; a simulation puts others in their place, to see that they are found out.</summary>
internal sealed record Decisions
{
    internal static Decisions Cores { get; } = new();

    internal Func<RolloutState, RolloutPolicy, IReadOnlyDictionary<string, RolloutNode>, DateTimeOffset, RolloutDecision?, IReadOnlyDictionary<string, RolloutNode>?, RolloutDecision> Advance { get; init; } = RolloutEngine.Advance;

    internal Func<RolloutPolicy, UnmetPrecondition?, DateTimeOffset, RolloutHold?> Hold { get; init; } = RolloutEngine.Hold;

    internal Func<NodeView, DateTimeOffset, NodeStep> Decide { get; init; } = NodeReconciler.Decide;

    internal Func<SupervisionView, NodeSupervision, SupervisionPolicy, DateTimeOffset, SupervisionVerdict> Judge { get; init; } = Supervisor.Judge;

    internal Func<IReadOnlyCollection<NodeTrouble>, NodeTrouble, int, FleetSupervision, SupervisionPolicy, DateTimeOffset, FleetHealingVerdict> MayHeal { get; init; } = FleetHealing.Judge;

    internal Func<string, IReadOnlyDictionary<string, RolloutNode>, IReadOnlyDictionary<string, RolloutMember>, RolloutPolicy, UnmetPrecondition?, HealingHold?> MayDisrupt { get; init; } = QmDisruption.Hold;
}
