using Google.Protobuf.WellKnownTypes;
using Qm.Fleet.Controller.Reconcile;
using Qm.Fleet.Core.Supervision;

namespace Qm.Fleet.Controller.Supervise;

/// <summary>Shows what a supervisor knows on the wire.</summary>
internal static class SupervisionStatus
{
    internal static V1.NodePhase ToWire(NodePhaseState state, SupervisionPolicy policy) => new()
    {
        Phase = ToWire(state.Current.Phase),
        Reason = state.Current.Reason,
        Since = state.Current.Since.ToTimestamp(),
        Pending = state.Pending is { } pending ? ToWire(pending.Phase) : default,
        PendingReason = state.Pending?.Reason ?? "",
        PendingUntil = state.Until(policy.Pending)?.ToTimestamp(),
    };

    internal static V1.NodeSupervision ToWire(NodeLive node, DateTimeOffset now)
    {
        var (state, policy) = (node.Supervision, node.Policy);
        var supervision = new V1.NodeSupervision
        {
            QmRestarts = policy.QmBudget.Used(state.QmRestarts, now),
            Quarantine = state.Quarantine is { } quarantine ? new() { Reason = quarantine.Reason, Since = quarantine.Since.ToTimestamp(), Actor = quarantine.Actor } : null,
        };
        supervision.Units.AddRange(state.Units.Select(unit => new V1.UnitSupervision
        {
            Unit = unit.Key,
            Failure = unit.Value.Failure,
            FailingSince = unit.Value.FailingSince?.ToTimestamp(),
            HealthySince = unit.Value.HealthySince?.ToTimestamp(),
            Restarts = policy.Restart.Budget.Used(unit.Value.Restarts, now),
            SelfRestarts = policy.Restart.Budget.Used(unit.Value.SelfRestarts, now),
            Step = policy.WordOf(unit.Value.Step),
        }));
        supervision.Shed.AddRange(node.Shed.Select(shed => new V1.ShedLoad { Rule = shed.Rule, Since = shed.Since.ToTimestamp() }));
        return supervision;
    }

    private static V1.NodePhase.Types.Phase ToWire(NodePhase phase) => (V1.NodePhase.Types.Phase)phase;
}
