using Qm.Fleet.Core.Environments;
using Qm.Fleet.Core.Revisions;
using Qm.Fleet.Core.Rollouts;

namespace Qm.Fleet.Controller.Storage;

/// <summary>The end of a fleet: at once where its nodes keep what they have, else by a last rollout that takes it away.</summary>
internal static class FleetRemoval
{
    /// <summary>Begins it; one that goes on already is left to it.</summary>
    /// <param name="tx">The transaction.</param>
    /// <param name="fleet">The fleet.</param>
    /// <param name="onDelete">What becomes of its nodes.</param>
    /// <param name="actor">Who asks.</param>
    public static void Begin(WriteTransaction tx, StoredFleet fleet, OnDelete onDelete, string actor)
    {
        if (onDelete == OnDelete.Orphan)
        {
            End(tx, fleet, actor, "its nodes keep what they run");
            return;
        }

        if (!NodeStore.After(tx, "", int.MaxValue).Any(node => !node.IsOut && fleet.Spec.Selector.Matches(node.Labels)))
        {
            End(tx, fleet, actor, "it had no nodes");
            return;
        }

        if (fleet is { DeletingSince: not null, Rollout.HasEnded: false })
        {
            return;
        }

        var running = RolloutRows.Newest(tx, fleet.Uid);
        tx.Execute(
            """
            insert into revisions (fleet, name, number, uid, environment, created_at)
            select @Name, @Revision, coalesce(max(number), 0) + 1, @Revision, '{}', @Now from revisions where fleet = @Name
            on conflict do nothing
            """,
            new { fleet.Name, Removal.Revision, Now = tx.Now.ToMicroseconds() });
        tx.Execute(
            "update fleets set revision = @Revision, generation = generation + 1, deleting_since = coalesce(deleting_since, @Now) where name = @Name",
            new { Removal.Revision, fleet.Name, Now = tx.Now.ToMicroseconds() });
        // Somebody who asks again wants it to be tried again.
        tx.Execute("delete from node_failures where fleet_uid = @Uid and revision = @Revision", new { fleet.Uid, Removal.Revision });
        var number = FleetStore.NextRolloutNumber(tx, fleet.Name);
        FleetStore.Supersede(tx, fleet.Name, $"{fleet.Name}/{number} took its place");
        RolloutRows.Insert(
            tx, fleet.Name, number, fleet.Uid,
            running is { ToRevision: not Removal.Revision } ? running.State.Supersede(Removal.Revision, tx.Now) : new RolloutState(running?.FromRevision ?? "", Removal.Revision, RolloutPhase.Progressing), actor);
        FleetStore.Append(tx, "FleetDeleting", actor, fleet.Name, $"The fleet is deleted: rollout {fleet.Name}/{number} takes away what it brought; it is gone when its last node is clean.", fleet, fleet);
    }

    /// <summary>Forgets a fleet and ends its rollout; revisions, rollouts and events stay.</summary>
    public static void End(WriteTransaction tx, StoredFleet fleet, string actor, string how)
    {
        FleetStore.Supersede(tx, fleet.Name, "the fleet was deleted");
        tx.Execute("delete from node_failures where fleet_uid = @Uid", new { fleet.Uid });
        tx.Execute("delete from fleets where name = @Name", new { fleet.Name });
        FleetStore.Append(tx, "FleetDeleted", actor, fleet.Name, $"The fleet was deleted at generation {fleet.Generation}; {how}.", fleet, null);
    }
}
