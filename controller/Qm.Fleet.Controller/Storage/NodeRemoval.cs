using Qm.Fleet.Core.Revisions;
using Qm.Fleet.Core.Rollouts;

namespace Qm.Fleet.Controller.Storage;

/// <summary>That a node is retired as soon as what QM Fleet brought is off it: a rollout of that node alone, to nothing.</summary>
/// <param name="Node">BlueChi's node name of the host.</param>
/// <param name="Uid">Unique for ever; what failures are held against.</param>
/// <param name="Number">Of the rollout.</param>
/// <param name="Reason">Why it is to be retired, in somebody's words.</param>
/// <param name="Actor">Who said so.</param>
/// <param name="Since">When.</param>
internal sealed record NodeRemoval(string Node, string Uid, int Number, string Reason, string Actor, DateTimeOffset Since)
{
    // No fleet's name has the character.
    private const string Prefix = "retire@";

    /// <summary>What its rollout is filed under, in the place of a fleet's name.</summary>
    public string Rollout => RolloutOf(Node);

    /// <summary>The operation that people wait for.</summary>
    public string Operation => $"operations/{Rollout}/{Number}";

    /// <summary>What the rollout of a node that leaves is filed under.</summary>
    public static string RolloutOf(string node) => Prefix + node;

    /// <summary>Whose rollout it is; null for a fleet's.</summary>
    public static string? NodeOf(string rollout) => rollout.StartsWith(Prefix, StringComparison.Ordinal) ? rollout[Prefix.Length..] : null;

    /// <summary>All of them, by node.</summary>
    internal static IReadOnlyList<NodeRemoval> All(ReadSnapshot db) =>
        [.. db.Query<Row>("select node as Node, uid as Uid, number as Number, reason as Reason, actor as Actor, since as Since from node_removals order by node").Select(static row => new NodeRemoval(row.Node, row.Uid, (int)row.Number, row.Reason, row.Actor, row.Since.ToTime()))];

    /// <summary>Begins it; one that goes on already is left to it, and tried again where it failed.</summary>
    internal static void Begin(WriteTransaction tx, StoredNode node, string actor, string reason)
    {
        if (node.Removal is { } known)
        {
            TryAgain(tx, known, actor);
            return;
        }
        var rollout = RolloutOf(node.Name);
        var (uid, number) = (tx.NewUid(), FleetStore.NextRolloutNumber(tx, rollout));
        // Of those before, the last says what became of it.
        tx.Execute("delete from rollout_members where fleet = @rollout and number < @number - 1", new { rollout, number });
        tx.Execute("delete from rollouts where fleet = @rollout and number < @number - 1", new { rollout, number });
        tx.Execute(
            "insert into revisions (fleet, name, number, uid, environment, created_at) values (@rollout, @Revision, 1, @Revision, '{}', @Now) on conflict do nothing",
            new { rollout, Removal.Revision, Now = tx.Now.ToMicroseconds() });
        RolloutRows.Insert(tx, rollout, number, uid, new RolloutState("", Removal.Revision, RolloutPhase.Progressing), actor);
        tx.Execute(
            "insert into node_removals (node, uid, number, reason, actor, since) values (@Name, @uid, @number, @reason, @actor, @Now)",
            new { node.Name, uid, number, reason, actor, Now = tx.Now.ToMicroseconds() });
        NodeStore.Append(
            tx, "NodeRetiring", actor, node.Name, $"What QM Fleet brought is taken off it, and then it is retired, because {reason}.",
            after: AuditText.Of(AuditText.Fields(("operation", $"operations/{rollout}/{number}"), ("reason", reason))));
    }

    /// <summary>Calls it off: the node goes back to its fleet.</summary>
    internal static void Cancel(WriteTransaction tx, StoredRollout rollout, string actor, string reason)
    {
        var node = NodeOf(rollout.Fleet)!;
        if (RolloutVerbs.Abort(rollout.State, actor, reason) is not { } state)
        {
            return;
        }
        RolloutRows.TryUpdate(tx, rollout, state, state.Reason);
        Forget(tx, node);
        NodeStore.Append(
            tx, "NodeRetirementCancelled", actor, node, $"It is not retired, and has from its fleet again what was taken off it{(reason.Length == 0 ? "" : $", because {reason}")}.",
            before: AuditText.Of(AuditText.Fields(("operation", $"operations/{rollout.Fleet}/{rollout.Number}"))));
    }

    /// <summary>Ends it without its end, because the node is gone or was retired as it is.</summary>
    internal static void Supersede(WriteTransaction tx, string node, string message)
    {
        FleetStore.Supersede(tx, RolloutOf(node), message);
        Forget(tx, node);
    }

    /// <summary>Inside the transaction that stores that nothing is left on it: retires the node.</summary>
    internal static void Finish(WriteTransaction tx, StoredRollout rollout)
    {
        if (NodeStore.Find(tx, NodeOf(rollout.Fleet)!) is { Removal: { } removal } node)
        {
            Forget(tx, node.Name);
            NodeStore.Retire(tx, node, removal.Actor, removal.Reason, isClean: true);
        }
    }

    /// <summary>Whether what QM Fleet brought was taken off a node before it was retired.</summary>
    internal static bool WasClean(ReadSnapshot db, StoredNode node) =>
        node is { IsRetired: true, Decision: { } decision } && RolloutRows.Find(db, RolloutOf(node.Name), 0) is { Phase: RolloutPhase.Succeeded } rollout && rollout.EndedAt == decision.Since;

    private static void TryAgain(WriteTransaction tx, NodeRemoval known, string actor)
    {
        if (RolloutRows.Newest(tx, known.Uid) is { } rollout && RolloutVerbs.Retry(rollout.State, [], tx.Now) is { } state && !ReferenceEquals(state, rollout.State))
        {
            RolloutRows.TryUpdate(tx, rollout, state, $"{actor} has it tried again");
            tx.Execute("delete from node_failures where fleet_uid = @Uid", new { known.Uid });
            NodeStore.Append(tx, "NodeRetiring", actor, known.Node, "What QM Fleet brought is taken off it: that is tried again.");
        }
    }

    private static void Forget(WriteTransaction tx, string node)
    {
        tx.Execute("delete from node_failures where fleet_uid = (select uid from node_removals where node = @node)", new { node });
        tx.Execute("delete from node_removals where node = @node", new { node });
        tx.Announce(ResourceKind.Fleet, RolloutOf(node));
    }

    private sealed record Row(string Node, string Uid, long Number, string Reason, string Actor, long Since);
}
