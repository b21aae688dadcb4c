using Qm.Fleet.Core.Rollouts;

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

    /// <summary>Moves a rollout on. Writes nothing, no event either, when it has ended or already stands exactly so.</summary>
    Task UpdateRolloutAsync(string fleet, int number, RolloutPhase phase, string message, EventDraft draft, CancellationToken ct);

    /// <summary>Remembers that a revision failed on a node. Writes nothing, no event either, when that is known already.</summary>
    Task RememberFailureAsync(string fleetUid, string node, string revision, string reason, EventDraft draft, CancellationToken ct);

    /// <summary>Appends to the event log, all drafts or none.</summary>
    Task AppendEventsAsync(IReadOnlyList<EventDraft> drafts, CancellationToken ct);
}
