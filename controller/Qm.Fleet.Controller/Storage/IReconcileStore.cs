using Qm.Fleet.Core.Rollouts;
using Qm.Fleet.Core.Supervision;

namespace Qm.Fleet.Controller.Storage;

/// <summary>What the reconcile loop needs of the store. Every write is durable when its task completes.</summary>
/// <remarks>
/// All members throw <see cref="StoreException"/>; see there for what is worth a retry. A write that changes what
/// <see cref="LoadDesiredAsync"/> returns is told as <see cref="ResourceKind.Desired"/>, the reconciler's own writes too; repeating one
/// writes and tells nothing, so a loop that asks for what already is comes to rest.
/// </remarks>
internal interface IReconcileStore
{
    /// <summary>Reads everything that is wanted, in one snapshot.</summary>
    /// <exception cref="CorruptRowException">A row does not read back; it is named, never skipped.</exception>
    Task<DesiredState> LoadDesiredAsync(CancellationToken ct);

    /// <summary>Stores nodes found through BlueChi that are not known yet, each with one <c>NodeDiscovered</c> event.</summary>
    Task EnsureNodesAsync(string site, IReadOnlyCollection<string> names, CancellationToken ct);

    /// <summary>Stores what was decided of a rollout, with its events, and remembers on which nodes its revision failed.</summary>
    /// <param name="fleetUid">The fleet.</param>
    /// <param name="seen">The rollout as it was decided on.</param>
    /// <param name="state">What it is now.</param>
    /// <param name="message">What it waits for, or how it ended.</param>
    /// <param name="drafts">What happened.</param>
    /// <param name="ct">Ends the wait for the turn.</param>
    /// <returns>False, and nothing is written, when somebody changed it meanwhile.</returns>
    Task<bool> AdvanceAsync(string fleetUid, StoredRollout seen, RolloutState state, string message, IReadOnlyList<EventDraft> drafts, CancellationToken ct);

    /// <summary>Forgets a fleet that was being deleted, once its last node is clean; nothing happens when somebody changed it meanwhile.</summary>
    Task ForgetAsync(DesiredFleet seen, CancellationToken ct);

    /// <summary>Reads what was done about failures, in one snapshot.</summary>
    /// <exception cref="CorruptRowException">A row does not read back; it is named, never skipped.</exception>
    Task<StoredSupervision> LoadSupervisionAsync(CancellationToken ct);

    /// <summary>Stores what is known of a node over time, with what happened; before anything is done about it.</summary>
    Task SuperviseAsync(string node, NodeSupervision state, IReadOnlyList<EventDraft> drafts, CancellationToken ct);

    /// <summary>Stores what is known of a fleet over time, with what happened.</summary>
    Task SuperviseFleetAsync(string fleetUid, FleetSupervision state, IReadOnlyList<EventDraft> drafts, CancellationToken ct);

    /// <summary>Appends to the event log, all drafts or none.</summary>
    Task AppendEventsAsync(IReadOnlyList<EventDraft> drafts, CancellationToken ct);
}
