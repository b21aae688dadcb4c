using Qm.Fleet.Controller.Storage;
using Qm.Fleet.Core.Rollouts;

namespace Qm.Fleet.Controller.Reconcile;

/// <summary>What of a rollout is worth an entry in the event log.</summary>
internal static class RolloutEvents
{
    internal static IEnumerable<EventDraft> Of(DesiredFleet fleet, StoredRollout rollout, RolloutDecision decision)
    {
        var name = $"rollout {fleet.Name}/{rollout.Number} to {rollout.ToRevision}";
        foreach (var notice in decision.Notices)
        {
            var (severity, message) = notice switch
            {
                { Node.Length: > 0 } => (notice.IsBad ? EventSeverity.Error : EventSeverity.Info, notice.Message),
                { Reason: "BatchStarted" } => (EventSeverity.Info, $"{name}: {notice.Message}"),
                _ => (notice.IsBad ? EventSeverity.Error : EventSeverity.Info, $"{name}: {decision.Summary}"),
            };
            yield return new(notice.Reason, severity, EventDraft.Controller, fleet.Name, notice.Node, "", message);
        }
    }
}
