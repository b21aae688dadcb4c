using Qm.Fleet.Core.Rollouts;

namespace Qm.Fleet.Controller.Storage;

/// <summary>What a decision of a person led to.</summary>
/// <param name="Rollout">As it stands now; null when the fleet has none.</param>
/// <param name="IsPossible">Whether the rollout could be so.</param>
internal sealed record RolloutChange(StoredRollout? Rollout, bool IsPossible);

/// <summary>Rollouts, as people decide about them.</summary>
internal sealed class RolloutStore(Database database)
{
    /// <summary>The newest rollout of a fleet, with its members; null when it has none.</summary>
    public StoredRollout? Find(string fleet) => database.Read(db => Newest(db, fleet));

    /// <summary>A rollout of a fleet, also of one that is gone, without its members; null when there is none of the number.</summary>
    /// <param name="fleet">The fleet's name.</param>
    /// <param name="number">Its number; 0 for the newest.</param>
    public StoredRollout? Find(string fleet, int number) => database.Read(db => RolloutRows.Find(db, fleet, number));

    /// <inheritdoc cref="RolloutRows.After"/>
    public IReadOnlyList<StoredRollout> After(string fleet, string afterFleet, long afterNumber, int limit) =>
        database.Read(db => RolloutRows.After(db, fleet, afterFleet, afterNumber, limit));

    /// <summary>Changes the newest rollout of a fleet, with its event; one that is so already writes nothing.</summary>
    /// <param name="fleet">The fleet's name.</param>
    /// <param name="change">What it becomes at a time: the same instance when it is so already, null when it cannot be so.</param>
    /// <param name="reason">The event's reason.</param>
    /// <param name="actor">Who asks.</param>
    /// <param name="why">Why, in their words.</param>
    /// <param name="ct">Ends the wait for the turn.</param>
    public Task<RolloutChange> ChangeAsync(
        string fleet, Func<RolloutState, DateTimeOffset, RolloutState?> change, string reason, string actor, string why, CancellationToken ct) => database.WriteAsync(
            tx => Change(tx, fleet, change, reason, actor, why), commit: true, ct);

    /// <summary>Inside a transaction: changes the newest rollout of a fleet; see <see cref="ChangeAsync"/>.</summary>
    internal static RolloutChange Change(
        WriteTransaction tx, string fleet, Func<RolloutState, DateTimeOffset, RolloutState?> change, string reason, string actor, string why)
    {
        if (Newest(tx, fleet) is not { } rollout)
        {
            return new RolloutChange(null, false);
        }
        if (change(rollout.State, tx.Now) is not { } state)
        {
            return new RolloutChange(rollout, false);
        }
        if (ReferenceEquals(state, rollout.State))
        {
            return new RolloutChange(rollout, true);
        }
        RolloutRows.TryUpdate(tx, rollout, state, state.Stop?.ToString() ?? (state.Reason.Length > 0 ? state.Reason : $"{actor} lets it go on"));
        foreach (var (node, _) in state.Members.Where(member => !member.Value.HasFailed && rollout.State.Members[member.Key].HasFailed))
        {
            tx.Execute("delete from node_failures where node = @node and revision = @To and fleet_uid = (select uid from fleets where name = @fleet)", new { node, state.To, fleet });
        }
        var after = Newest(tx, fleet);
        tx.Append(new EventDraft(reason, EventSeverity.Info, actor, fleet, "", "", $"rollout {fleet}/{rollout.Number} to {state.To}{(why.Length == 0 ? "" : $": {why}")}") { Before = AuditText.Of(rollout), After = AuditText.Of(after) });
        tx.Announce(ResourceKind.Fleet, fleet);
        tx.Announce(ResourceKind.Desired, fleet);
        return new RolloutChange(after, true);
    }

    /// <summary>The newest rollout of a fleet, with its members; null when it has none.</summary>
    internal static StoredRollout? Newest(ReadSnapshot db, string fleet) => FleetRows.Find(db, fleet) is { } found ? RolloutRows.Newest(db, found.Uid) : null;
}
