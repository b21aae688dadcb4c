using System.Collections.Immutable;
using Qm.Fleet.Core.Environments;
using Qm.Fleet.Core.Rollouts;

namespace Qm.Fleet.Controller.Storage;

/// <inheritdoc/>
internal sealed class ReconcileStore(Database database) : IReconcileStore
{
    /// <inheritdoc/>
    public Task<DesiredState> LoadDesiredAsync(CancellationToken ct)
    {
        ct.ThrowIfCancellationRequested();
        return Task.FromResult(database.Read(static db =>
        {
            var failures = db.Query<FailureRow>("select fleet_uid as FleetUid, revision as Revision, node as Node, reason as Reason from node_failures")
                .ToLookup(static row => (row.FleetUid, row.Revision));
            return new DesiredState(
                [.. FleetRows.After(db, "", int.MaxValue).Select(fleet => new DesiredFleet(
                    fleet.Name, fleet.Uid, fleet.Spec.Selector, fleet.Revision, fleet.Spec.Environment, fleet.Rollout,
                    failures[(fleet.Uid, fleet.Revision)].ToImmutableSortedDictionary(row => row.Node, row => row.Reason, StringComparer.Ordinal)))],
                [.. NodeStore.After(db, "", int.MaxValue).Select(static node => new DesiredNode(
                    node.Name, node.Site, node.Labels, node.Cordoned))]);
        }));
    }

    /// <inheritdoc/>
    public Task EnsureNodesAsync(string site, IReadOnlyCollection<string> names, CancellationToken ct) => database.WriteAsync(
        tx =>
        {
            var known = tx.Query<string>("select name from nodes").ToHashSet(StringComparer.Ordinal);
            var found = names.Where(name => !known.Contains(name)).Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal).ToList();
            foreach (var name in found)
            {
                NodeStore.Save(tx, new NodeSpec(name, ImmutableSortedDictionary<string, string>.Empty, site, Cordoned: false));
                NodeStore.Append(tx, "NodeDiscovered", EventDraft.Controller, name, $"BlueChi of site {site} knows the node.");
            }
            return found.Count;
        },
        commit: true, ct);

    /// <inheritdoc/>
    public Task UpdateRolloutAsync(string fleet, int number, RolloutPhase phase, string message, EventDraft draft, CancellationToken ct) =>
        database.WriteAsync(
            tx =>
            {
                var ended = phase is RolloutPhase.Succeeded or RolloutPhase.Superseded ? tx.Now.ToMicroseconds() : (long?)null;
                var moved = tx.Execute(
                    """
                    update rollouts set phase = @Phase, message = @message, ended_at = @ended
                    where fleet = @fleet and number = @number and ended_at is null and (phase <> @Phase or message <> @message)
                    """,
                    new { Phase = (int)phase, message, ended, fleet, number }) > 0;
                if (moved)
                {
                    tx.Append(draft);
                    tx.Announce(ResourceKind.Fleet, fleet);
                    tx.Announce(ResourceKind.Desired, fleet);
                }
                return moved;
            },
            commit: true, ct);

    /// <inheritdoc/>
    public Task RememberFailureAsync(
        string fleetUid, string node, string revision, string reason, EventDraft draft, CancellationToken ct) => database.WriteAsync(
            tx =>
            {
                var isNew = tx.Execute(
                    """
                    insert into node_failures (fleet_uid, node, revision, reason, failed_at) values (@fleetUid, @node, @revision, @reason, @Now)
                    on conflict do nothing
                    """,
                    new { fleetUid, node, revision, reason, Now = tx.Now.ToMicroseconds() }) > 0;
                if (isNew)
                {
                    tx.Append(draft);
                    tx.Announce(ResourceKind.Desired, node);
                }
                return isNew;
            },
            commit: true, ct);

    /// <inheritdoc/>
    public Task AppendEventsAsync(IReadOnlyList<EventDraft> drafts, CancellationToken ct) => drafts.Count == 0 ? Task.CompletedTask : database.WriteAsync(
        tx =>
        {
            foreach (var draft in drafts)
            {
                tx.Append(draft);
            }
            return drafts.Count;
        },
        commit: true, ct);

    private sealed record FailureRow(string FleetUid, string Revision, string Node, string Reason);
}
