using Qm.Fleet.Controller.Storage;
using Qm.Fleet.Core.Rollouts;

namespace Qm.Fleet.Controller.Reconcile;

/// <summary>What of a rollout is worth an entry in the event log.</summary>
internal static class RolloutEvents
{
    internal static IEnumerable<EventDraft> Of(DesiredFleet fleet, StoredRollout rollout, RolloutDecision decision)
    {
        if (fleet.Leaving is { } leaving)
        {
            // Its begin and its good end are told by who asked for it.
            foreach (var notice in decision.Notices.Where(static notice => notice is { IsBad: true, Node: "" }))
            {
                yield return new("RetirementFailed", EventSeverity.Error, EventDraft.Controller, "", leaving, "", $"what QM Fleet brought cannot be taken off it: {notice.Message}. It stays as it is until somebody asks again, calls it off, or retires it without that.");
            }

            yield break;
        }

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
