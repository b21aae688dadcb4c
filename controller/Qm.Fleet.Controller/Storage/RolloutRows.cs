using System.Collections.Immutable;
using System.Text.Json;
using Qm.Fleet.Core.Rollouts;

namespace Qm.Fleet.Controller.Storage;

/// <summary>Rows of rollouts and their members; of members only those that changed are written.</summary>
internal static class RolloutRows
{
    /// <summary>The newest rollout of a fleet, with its members; null for one that never had any.</summary>
    public static StoredRollout? Newest(ReadSnapshot db, string fleetUid) =>
        db.QuerySingleOrDefault<RolloutRow>($"select {Columns("")} from rollouts where fleet_uid = @fleetUid order by number desc limit 1", new { fleetUid }) is { } row
            ? WithMembers(db, ToRollout(row))
            : null;

    /// <summary>A rollout of a fleet's name, without its members; 0 is the number of the newest. Null when there is none.</summary>
    public static StoredRollout? Find(ReadSnapshot db, string fleet, int number) =>
        db.QuerySingleOrDefault<RolloutRow>(
            $"select {Columns("")} from rollouts where fleet = @fleet and (@number = 0 or number = @number) order by number desc limit 1", new { fleet, number }) is { } row
            ? ToRollout(row)
            : null;

    /// <summary>At most so many rollouts after a place in the order, by fleet, newest first, without their members.</summary>
    /// <param name="db">Where to read.</param>
    /// <param name="fleet">Only this fleet's; empty for those of all fleets.</param>
    /// <param name="afterFleet">The place: fleet of the rollout before.</param>
    /// <param name="afterNumber">The place: its number.</param>
    /// <param name="limit">How many.</param>
    public static IReadOnlyList<StoredRollout> After(ReadSnapshot db, string fleet, string afterFleet, long afterNumber, int limit) =>
    [
        .. db.Query<RolloutRow>(
            $"""
            select {Columns("")} from rollouts
            where (@fleet = '' and instr(fleet, '@') = 0 or fleet = @fleet) and (fleet > @afterFleet or fleet = @afterFleet and number < @afterNumber)
            order by fleet, number desc limit @limit
            """,
            new { fleet, afterFleet, afterNumber, limit }).Select(ToRollout),
    ];

    /// <summary>A rollout with its members.</summary>
    public static StoredRollout WithMembers(ReadSnapshot db, StoredRollout rollout) => rollout with
    {
        State = rollout.State with
        {
            Members = db.Query<MemberRow>(
                """
                select node as Node, state as State, since as Since, base as Base, batch as Batch, failure as Failure, oom_kills as OomKills,
                       unit_restarts as Restarts, healthy_since as HealthySince, took as Took
                from rollout_members where fleet = @Fleet and number = @Number
                """,
                new { rollout.Fleet, rollout.Number }).ToImmutableSortedDictionary(row => row.Node, row => ToMember(rollout, row), StringComparer.Ordinal),
        },
    };

    /// <summary>The columns of a rollout, to be read as <see cref="RolloutRow"/>.</summary>
    public static string Columns(string table) => string.Join(", ", new (string, string)[]
    {
        ("fleet", "Fleet"), ("number", "Number"), ("version", "Version"), ("from_revision", "FromRevision"), ("to_revision", "ToRevision"), ("phase", "Phase"),
        ("reason", "Reason"), ("batch", "Batch"), ("batch_since", "BatchSince"), ("stop_actor", "StopActor"), ("stop_reason", "StopReason"), ("stop_since", "StopSince"),
        ("forgiven", "Forgiven"), ("started_at", "StartedAt"), ("ended_at", "EndedAt"), ("message", "Message"), ("actor", "Actor"),
    }.Select(column => $"{table}{column.Item1} as {column.Item2}"));

    /// <summary>Writes a new rollout with its members.</summary>
    public static void Insert(WriteTransaction tx, string fleet, int number, string fleetUid, RolloutState state, string actor)
    {
        tx.Execute(
            """
            insert into rollouts (fleet, number, fleet_uid, from_revision, to_revision, phase, reason, batch, batch_since, forgiven, version, started_at, message, actor)
            values (@fleet, @number, @fleetUid, @From, @To, @Phase, '', @Batch, @Now, '[]', 1, @Now, 'accepted; the reconciler has not looked yet', @actor)
            """,
            new { fleet, number, fleetUid, state.From, state.To, Phase = (int)state.Phase, state.Batch, Now = tx.Now.ToMicroseconds(), actor });
        WriteMembers(tx, fleet, number, RolloutState.NoMembers, state.Members);
    }

    /// <summary>Writes what changed, if nobody else was faster.</summary>
    /// <returns>Whether it was written; false when the rollout is no longer as it was seen.</returns>
    public static bool TryUpdate(WriteTransaction tx, StoredRollout seen, RolloutState state, string message)
    {
        var written = tx.Execute(
            """
            update rollouts set phase = @Phase, reason = @Reason, batch = @Batch, batch_since = @BatchSince, stop_actor = @Actor, stop_reason = @StopReason,
                   stop_since = @StopSince, forgiven = @Forgiven, version = version + 1, message = @message,
                   ended_at = case when @Ended then coalesce(ended_at, @Now) else null end
            where fleet = @Fleet and number = @Number and version = @Version
            """,
            new
            {
                Phase = (int)state.Phase,
                state.Reason,
                state.Batch,
                BatchSince = state.BatchSince.ToMicroseconds(),
                state.Stop?.Actor,
                StopReason = state.Stop?.Reason,
                StopSince = state.Stop?.Since.ToMicroseconds(),
                Forgiven = JsonSerializer.Serialize(state.Forgiven.ToArray()),
                message,
                Ended = state.HasEnded,
                Now = tx.Now.ToMicroseconds(),
                seen.Fleet,
                seen.Number,
                seen.Version,
            }) > 0;
        if (written)
        {
            WriteMembers(tx, seen.Fleet, seen.Number, seen.State.Members, state.Members);
        }
        return written;
    }

    /// <summary>A row as a rollout without its members.</summary>
    public static StoredRollout ToRollout(RolloutRow row)
    {
        var key = $"{row.Fleet}/{row.Number}";
        return new(
            row.Fleet, (int)row.Number, row.Version,
            new RolloutState(row.FromRevision, row.ToRevision, Rows.Defined<RolloutPhase>("rollouts", key, row.Phase))
            {
                Reason = row.Reason,
                Batch = (int)row.Batch,
                BatchSince = row.BatchSince.ToTime(),
                Stop = row.StopActor is null ? null : new(row.StopActor, row.StopReason ?? "", (row.StopSince ?? 0).ToTime()),
                Forgiven = Names(key, row.Forgiven),
            },
            row.StartedAt.ToTime(), row.EndedAt?.ToTime(), row.Message)
        {
            Actor = row.Actor,
        };
    }

    private static void WriteMembers(
        WriteTransaction tx, string fleet, int number, ImmutableSortedDictionary<string, RolloutMember> before, ImmutableSortedDictionary<string, RolloutMember> after)
    {
        foreach (var node in before.Keys.Where(node => !after.ContainsKey(node)))
        {
            tx.Execute("delete from rollout_members where fleet = @fleet and number = @number and node = @node", new { fleet, number, node });
        }
        foreach (var (node, member) in after.Where(member => !before.TryGetValue(member.Key, out var known) || known != member.Value))
        {
            tx.Execute(
                """
                insert or replace into rollout_members (fleet, number, node, state, since, base, batch, failure, oom_kills, unit_restarts, healthy_since, took)
                values (@fleet, @number, @node, @State, @Since, @Base, @Batch, @Failure, @OomKills, @Restarts, @HealthySince, @Took)
                """,
                new
                {
                    fleet,
                    number,
                    node,
                    State = (int)member.State,
                    Since = member.Since.ToMicroseconds(),
                    member.Base,
                    member.Batch,
                    member.Failure,
                    member.Mark.OomKills,
                    Restarts = JsonSerializer.Serialize<IReadOnlyDictionary<string, long>>(member.Mark.Restarts),
                    HealthySince = member.HealthySince?.ToMicroseconds(),
                    Took = (long?)member.Took?.TotalMicroseconds,
                });
        }
    }

    private static RolloutMember ToMember(StoredRollout rollout, MemberRow row) =>
        new(Rows.Defined<MemberState>("rollout_members", $"{rollout.Fleet}/{rollout.Number}/{row.Node}", row.State), row.Since.ToTime(), row.Base)
        {
            Batch = (int?)row.Batch,
            Failure = row.Failure,
            Mark = new(row.OomKills, Counters($"{rollout.Fleet}/{rollout.Number}/{row.Node}", row.Restarts)),
            HealthySince = row.HealthySince?.ToTime(),
            Took = row.Took is { } took ? TimeSpan.FromMicroseconds(took) : null,
        };

    private static ImmutableSortedSet<string> Names(string key, string json)
    {
        try
        {
            return (JsonSerializer.Deserialize<string[]>(json) ?? []).ToImmutableSortedSet(StringComparer.Ordinal);
        }
        catch (JsonException e)
        {
            throw new CorruptRowException("rollouts", key, $"its list of nodes does not read: {e.Message}", e);
        }
    }

    private static ImmutableSortedDictionary<string, long> Counters(string key, string json)
    {
        try
        {
            return HealthMark.None.Restarts.AddRange(JsonSerializer.Deserialize<Dictionary<string, long>>(json) ?? []);
        }
        catch (JsonException e)
        {
            throw new CorruptRowException("rollout_members", key, $"its counters do not read: {e.Message}", e);
        }
    }

    private sealed record MemberRow(
        string Node, long State, long Since, string Base, long? Batch, string Failure, long OomKills, string Restarts, long? HealthySince, long? Took);
}

/// <summary>A rollout as its row lies there.</summary>
internal sealed record RolloutRow(
    string Fleet, long Number, long Version, string FromRevision, string ToRevision, long Phase, string Reason, long Batch, long BatchSince, string? StopActor,
    string? StopReason, long? StopSince, string Forgiven, long StartedAt, long? EndedAt, string Message, string Actor);
