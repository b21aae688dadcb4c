using Qm.Fleet.Core.Environments;
using Qm.Fleet.Core.Rollouts;

namespace Qm.Fleet.Controller.Storage;

/// <summary>A fleet to be applied: what was asked for, and the same after its checks.</summary>
internal sealed record FleetDraft(V1.Fleet Asked, FleetSpec Spec);

/// <summary>What an apply did to one fleet.</summary>
/// <param name="Fleet">As stored.</param>
/// <param name="Revision">The current revision.</param>
/// <param name="Result">What was done.</param>
/// <param name="Rollout">The rollout that it began; null when it began none.</param>
internal sealed record FleetChange(V1.Fleet Fleet, string Revision, V1.ApplyResult Result, StoredRollout? Rollout);

/// <summary>Fleets, their revisions and rollouts.</summary>
internal sealed class FleetStore(Database database)
{
    /// <summary>Applies all drafts in one transaction. A draft that changes nothing writes nothing; one that changes only labels or the selector begins no rollout.</summary>
    /// <param name="drafts">Of different names.</param>
    /// <param name="actor">Who asked.</param>
    /// <param name="dryRun">Whether to look at the outcome and store nothing.</param>
    /// <param name="ct">Ends the wait for the turn.</param>
    public Task<IReadOnlyList<FleetChange>> ApplyAsync(IReadOnlyList<FleetDraft> drafts, string actor, bool dryRun, CancellationToken ct) =>
        database.WriteAsync<IReadOnlyList<FleetChange>>(write => [.. drafts.Select(draft => Apply(write, draft, actor))], commit: !dryRun, ct);

    /// <summary>One fleet; null when there is none of the name.</summary>
    public FleetRow? Find(string name) => database.Read(read => Find(read, name));

    /// <summary>Fleets by name, after a name.</summary>
    public IReadOnlyList<FleetRow> List(string after, int limit) => database.Read(read =>
        read.Query<FleetRow>($"select {FleetRow.Columns} from fleets where name > @after order by name limit @limit", new { after, limit }));

    /// <summary>Revisions, by fleet and newest first, after a fleet and number.</summary>
    public IReadOnlyList<RevisionRow> ListRevisions(string fleet, string afterFleet, long afterNumber, int limit) => database.Read(read =>
        read.Query<RevisionRow>(
            $"""
            select {RevisionRow.Columns} from revisions
            where (@fleet = '' or fleet = @fleet) and (fleet > @afterFleet or (fleet = @afterFleet and number < @afterNumber))
            order by fleet, number desc limit @limit
            """,
            new { fleet, afterFleet, afterNumber, limit }));

    /// <summary>Forgets a fleet; its revisions and events stay.</summary>
    /// <returns>The fleet as it was; null when there was none of the name.</returns>
    public Task<FleetRow?> DeleteAsync(string name, string actor, CancellationToken ct) => database.WriteAsync(write =>
    {
        if (Find(write, name) is not { } row)
        {
            return null;
        }

        write.Execute("delete from fleets where name = @name", new { name });
        write.Execute("delete from node_failures where fleet_uid = @Uid", new { row.Uid });
        EndRollouts(write, name, "the fleet was deleted");
        Tell(write, name, new("FleetDeleted", EventSeverity.Info, actor, name, "", "", $"fleet {name} was deleted; its nodes keep what they run"));
        return row;
    }, commit: true, ct);

    internal static RolloutRow? FindRollout(ReadSnapshot read, string fleet) => read.QuerySingleOrDefault<RolloutRow>(
        $"select {RolloutRow.Columns} from rollouts where fleet = @fleet order by number desc limit 1", new { fleet });

    private static FleetChange Apply(WriteTransaction write, FleetDraft draft, string actor)
    {
        var (asked, spec) = draft;
        var sha256 = Canonical.Hash(spec.Environment);
        var revision = sha256[..Canonical.NameLength];
        var row = new FleetRow(
            spec.Name, Rows.NewUid(), Rows.ToJson(spec.Labels), Rows.ToJson(asked.Spec), revision, 1, write.Now.ToMicroseconds());
        var before = Find(write, spec.Name);
        if (before is null)
        {
            write.Execute(
                "insert into fleets (name, uid, labels, spec, revision, generation, created_at) values (@Name, @Uid, @Labels, @Spec, @Revision, @Generation, @CreatedAt)", row);
            Tell(write, spec.Name, new("FleetCreated", EventSeverity.Info, actor, spec.Name, "", "", $"fleet {spec.Name} was created with revision {revision}"));
            return new(row.ToWire(), revision, V1.ApplyResult.Created, Begin(write, spec.Name, "", sha256, asked.Spec.Environment));
        }

        // A manifest that is written differently and means the same changes nothing.
        if (before.Labels == row.Labels && before.Revision == revision && before.ToSpec().Selector.Equals(spec.Selector))
        {
            return new(before.ToWire(), revision, V1.ApplyResult.Unchanged, null);
        }

        var after = row with { Uid = before.Uid, Generation = before.Generation + 1, CreatedAt = before.CreatedAt };
        write.Execute("update fleets set labels = @Labels, spec = @Spec, revision = @Revision, generation = @Generation where name = @Name", after);
        var moves = before.Revision != revision;
        Tell(write, spec.Name, new(
            "FleetConfigured", EventSeverity.Info, actor, spec.Name, "", "",
            moves ? $"fleet {spec.Name} goes from revision {before.Revision} to {revision}" : $"labels or selector of fleet {spec.Name} changed"));
        return new(after.ToWire(), revision, V1.ApplyResult.Configured, moves ? Begin(write, spec.Name, before.Revision, sha256, asked.Spec.Environment) : null);
    }

    private static StoredRollout Begin(WriteTransaction write, string fleet, string from, string sha256, V1.Environment environment)
    {
        var now = write.Now.ToMicroseconds();
        write.Execute(
            """
            insert or ignore into revisions (fleet, sha256, number, environment, created_at)
            select @fleet, @sha256, coalesce(max(number), 0) + 1, @environment, @now from revisions where fleet = @fleet
            """,
            new { fleet, sha256, environment = Rows.ToJson(environment), now });
        EndRollouts(write, fleet, "a newer apply took its place");
        write.Execute(
            """
            insert into rollouts (fleet, number, from_revision, to_revision, phase, started_at, ended_at, message)
            select @fleet, coalesce(max(number), 0) + 1, @from, @to, @phase, @now, null, '' from rollouts where fleet = @fleet
            """,
            new { fleet, from, to = sha256[..Canonical.NameLength], phase = (int)RolloutPhase.Progressing, now });
        return FindRollout(write, fleet)!.ToStored();
    }

    private static void EndRollouts(WriteTransaction write, string fleet, string message) => write.Execute(
        "update rollouts set phase = @superseded, ended_at = @now, message = @message where fleet = @fleet and phase in (@progressing, @paused)",
        new
        {
            fleet,
            message,
            now = write.Now.ToMicroseconds(),
            superseded = (int)RolloutPhase.Superseded,
            progressing = (int)RolloutPhase.Progressing,
            paused = (int)RolloutPhase.Paused,
        });

    private static FleetRow? Find(ReadSnapshot read, string name) =>
        read.QuerySingleOrDefault<FleetRow>($"select {FleetRow.Columns} from fleets where name = @name", new { name });

    private static void Tell(WriteTransaction write, string name, EventDraft draft)
    {
        write.Append(draft);
        write.Announce(ResourceKind.Fleet, name);
        write.Announce(ResourceKind.Desired, name);
    }
}
