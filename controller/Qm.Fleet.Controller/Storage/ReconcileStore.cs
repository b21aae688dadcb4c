using System.Collections.Immutable;
using Qm.Fleet.Core.Capacity;
using Qm.Fleet.Core.Environments;
using Qm.Fleet.Core.Revisions;
using Qm.Fleet.Core.Rollouts;
using Qm.Fleet.Core.Selectors;
using Qm.Fleet.Core.Supervision;

namespace Qm.Fleet.Controller.Storage;

/// <inheritdoc/>
internal sealed class ReconcileStore(Database database) : IReconcileStore
{
    private static readonly Dictionary<string, FleetEnvironment> NoEnvironments = [];

    /// <inheritdoc/>
    public Task<DesiredState> LoadDesiredAsync(CancellationToken ct)
    {
        ct.ThrowIfCancellationRequested();
        return Task.FromResult(database.Read(Load));
    }

    /// <summary>Inside a transaction: everything that is wanted.</summary>
    internal static DesiredState Load(ReadSnapshot db)
    {
        var failures = db.Query<FailureRow>("select fleet_uid as FleetUid, revision as Revision, node as Node, reason as Reason from node_failures")
            .ToLookup(static row => (row.FleetUid, row.Revision));
        var nodes = NodeStore.After(db, "", int.MaxValue).Where(static node => !node.IsRetired).ToList();
        DesiredFleet[] fleets =
            [.. FleetRows.After(db, "", int.MaxValue).Select(fleet => Desired(db, fleet, failures[(fleet.Uid, fleet.Revision)].ToImmutableSortedDictionary(row => row.Node, row => row.Reason, StringComparer.Ordinal)))];
        return new DesiredState(
            [
                .. fleets,
                .. nodes.Where(static node => node.Removal is not null).Select(node => Leaving(
                    db, node, fleets, failures[(node.Removal!.Uid, Removal.Revision)].ToImmutableSortedDictionary(row => row.Node, row => row.Reason, StringComparer.Ordinal))),
            ],
            [.. nodes.Select(static node => new DesiredNode(node.Name, node.Site, node.Labels, node.Cordoned) { Maintenance = node.Maintenance, Leaves = node.Removal is not null })]);
    }

    /// <inheritdoc/>
    public Task EnsureNodesAsync(string site, IReadOnlyCollection<string> names, CancellationToken ct) => database.WriteAsync(
        tx =>
        {
            // One that was retired and then forgotten does not come back because BlueChi still knows it.
            var known = tx.Query<string>("select name from nodes").Concat(StandingRows.RetiredNames(tx)).ToHashSet(StringComparer.Ordinal);
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
    public Task<bool> AdvanceAsync(
        string fleetUid, StoredRollout seen, RolloutState state, string message, IReadOnlyList<EventDraft> drafts, CancellationToken ct) => database.WriteAsync(
            tx =>
            {
                if (!RolloutRows.TryUpdate(tx, seen, state, message))
                {
                    return false;
                }
                foreach (var (node, member) in state.Members.Where(member => member.Value.HasFailed && seen.State.Members.GetValueOrDefault(member.Key) is not { HasFailed: true }))
                {
                    tx.Execute(
                        """
                        insert into node_failures (fleet_uid, node, revision, reason, failed_at) values (@fleetUid, @node, @To, @Failure, @Now)
                        on conflict do nothing
                        """,
                        new { fleetUid, node, state.To, member.Failure, Now = tx.Now.ToMicroseconds() });
                }
                foreach (var draft in drafts)
                {
                    tx.Append(draft);
                }
                if (NodeRemoval.NodeOf(seen.Fleet) is not null && state.Phase == RolloutPhase.Succeeded)
                {
                    NodeRemoval.Finish(tx, seen);
                }
                tx.Announce(ResourceKind.Fleet, seen.Fleet);
                tx.Announce(ResourceKind.Desired, seen.Fleet);
                return true;
            },
            commit: true, ct);

    /// <inheritdoc/>
    public Task ForgetAsync(DesiredFleet seen, CancellationToken ct) => database.WriteAsync(
        tx =>
        {
            var isSame = FleetRows.Find(tx, seen.Name) is { DeletingSince: not null } fleet && fleet.Uid == seen.Uid && (fleet.Rollout?.Number, fleet.Rollout?.Version) == (seen.Rollout?.Number, seen.Rollout?.Version);
            if (isSame)
            {
                FleetRemoval.End(tx, FleetRows.Find(tx, seen.Name)!, EventDraft.Controller, "what it had brought is taken away everywhere");
            }
            return isSame;
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

    /// <inheritdoc/>
    public Task<StoredSupervision> LoadSupervisionAsync(CancellationToken ct)
    {
        ct.ThrowIfCancellationRequested();
        return Task.FromResult(database.Read(SupervisionRows.Load));
    }

    /// <inheritdoc/>
    public Task SuperviseAsync(string node, NodeSupervision state, IReadOnlyList<EventDraft> drafts, CancellationToken ct) => database.WriteAsync(
        tx =>
        {
            // Somebody's decision is not undone by what was judged before it: it is stored first, and known to the one who judges a moment later.
            var decided = state.Quarantine is null && SupervisionRows.Find(tx, node).Quarantine is { Actor: not EventDraft.Controller } quarantine ? quarantine : state.Quarantine;
            SupervisionRows.Save(tx, node, state with { Quarantine = decided });
            foreach (var draft in drafts)
            {
                tx.Append(draft);
            }
            return drafts.Count;
        },
        commit: true, ct);

    /// <inheritdoc/>
    public Task SuperviseFleetAsync(string fleetUid, FleetSupervision state, IReadOnlyList<EventDraft> drafts, CancellationToken ct) => database.WriteAsync(
        tx =>
        {
            SupervisionRows.Save(tx, fleetUid, state);
            foreach (var draft in drafts)
            {
                tx.Append(draft);
            }
            return drafts.Count;
        },
        commit: true, ct);

    private static DesiredFleet Desired(ReadSnapshot db, StoredFleet fleet, ImmutableSortedDictionary<string, string> failures)
    {
        var rollout = fleet.Rollout is null ? null : RolloutRows.WithMembers(db, fleet.Rollout);
        var environments = new Dictionary<string, FleetEnvironment>(StringComparer.Ordinal) { [fleet.Revision] = fleet.DeletingSince is null ? fleet.Spec.Environment : Removal.Environment };
        foreach (var name in (rollout?.State.Members.Values.Select(static member => member.Base) ?? []).Distinct().Where(name => name.Length > 0 && !environments.ContainsKey(name)))
        {
            // A node may come with a revision of another fleet, which is not ours to bring back.
            if (FleetRows.Revision(db, fleet.Name, name) is { } revision)
            {
                environments[name] = FleetRows.Environment(fleet, revision);
            }
        }
        return new(fleet.Name, fleet.Uid, fleet.Spec.Selector, fleet.Revision, fleet.Spec.Rollout, rollout, environments, failures)
        {
            IsDeleting = fleet.DeletingSince is not null,
            Supervision = fleet.Spec.Supervision,
            AsilReserve = fleet.Spec.AsilReserve ?? AsilReserve.Default,
        };
    }

    // It goes as its fleet would have it go: in its windows, under its preconditions, and with room in its budget.
    private static DesiredFleet Leaving(ReadSnapshot db, StoredNode node, DesiredFleet[] fleets, ImmutableSortedDictionary<string, string> failures)
    {
        var (removal, homes) = (node.Removal!, fleets.Where(fleet => fleet.Selector.Matches(node.Labels)).ToList());
        var home = homes is [var only] ? only : null;
        return new(
            removal.Rollout, removal.Uid, LabelSelector.Everything, Removal.Revision, (home?.Policy ?? RolloutPolicy.Default) with { Batches = RolloutPolicy.Default.Batches },
            RolloutRows.Newest(db, removal.Uid), new Dictionary<string, FleetEnvironment>(home?.Environments ?? NoEnvironments, StringComparer.Ordinal) { [Removal.Revision] = Removal.Environment }, failures)
        {
            Leaving = node.Name,
            Home = home?.Name ?? "",
            Supervision = home?.Supervision ?? SupervisionPolicy.Default,
            AsilReserve = home?.AsilReserve ?? AsilReserve.Default,
        };
    }

    private sealed record FailureRow(string FleetUid, string Revision, string Node, string Reason);
}
