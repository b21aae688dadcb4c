using Google.Protobuf;
using Qm.Fleet.Core.Environments;
using Qm.Fleet.Core.Rollouts;

namespace Qm.Fleet.Controller.Storage;

/// <summary>Fleets, their revisions and rollouts, as people ask for them.</summary>
internal sealed class FleetStore(Database database)
{
    /// <summary>Creates or changes fleets, all or none: spec, generation, revision, rollout and event in one transaction.</summary>
    /// <param name="drafts">Of different names.</param>
    /// <param name="actor">Who asks.</param>
    /// <param name="dryRun">Answers as usual and keeps nothing.</param>
    /// <param name="ct">Ends the wait for the turn.</param>
    /// <param name="why">Why, in their words; may be empty.</param>
    /// <remarks>
    /// Throws <see cref="MissingArtifactException"/> for an archive of the controller's own store that is not there.
    /// A fleet that already is so writes nothing at all. A change of selector or labels counts a generation and leaves revision and rollout
    /// as they are: a rollout brings an environment, and nodes that come or go by label are the reconciler's daily business.
    /// </remarks>
    public Task<IReadOnlyList<AppliedFleet>> ApplyAsync(IReadOnlyList<FleetDraft> drafts, string actor, bool dryRun, CancellationToken ct, string why = "") =>
        database.WriteAsync<IReadOnlyList<AppliedFleet>>(tx => [.. drafts.Select(draft => Apply(tx, draft, actor, why))], commit: !dryRun, ct);

    /// <summary>What would be wanted if nodes and fleets were applied; keeps nothing.</summary>
    /// <param name="nodes">Of different names and of sites that exist.</param>
    /// <param name="drafts">Of different names.</param>
    /// <param name="actor">Who asks.</param>
    /// <param name="ct">Ends the wait for the turn.</param>
    public Task<FleetPreview> PreviewAsync(IReadOnlyList<NodeSpec> nodes, IReadOnlyList<FleetDraft> drafts, string actor, CancellationToken ct) => database.WriteAsync(
        tx =>
        {
            foreach (var node in nodes)
            {
                NodeStore.Apply(tx, node, actor);
            }
            var before = drafts.Select(draft => FleetRows.Find(tx, draft.Spec.Name)).ToList();
            return new FleetPreview(before, [.. drafts.Select(draft => Apply(tx, draft, actor, ""))], ReconcileStore.Load(tx));
        },
        commit: false, ct);

    /// <summary>One fleet; null when there is none of the name.</summary>
    public StoredFleet? Find(string name) => database.Read(db => FleetRows.Find(db, name));

    /// <summary>At most so many fleets whose names come after another, by name.</summary>
    public IReadOnlyList<StoredFleet> After(string after, int limit) => database.Read(db => FleetRows.After(db, after, limit));

    /// <inheritdoc cref="FleetRows.Revisions"/>
    public IReadOnlyList<StoredRevision> Revisions(string fleet, string afterFleet, long afterNumber, int limit) =>
        database.Read(db => FleetRows.Revisions(db, fleet, afterFleet, afterNumber, limit));

    /// <summary>One revision of a fleet; null when there is none of the name.</summary>
    public StoredRevision? Revision(string fleet, string name) => database.Read(db => FleetRows.Revision(db, fleet, name));

    /// <summary>Deletes a fleet; asked again, it changes nothing while that goes on.</summary>
    /// <param name="name">The fleet's name.</param>
    /// <param name="onDelete">What becomes of its nodes; null for what its spec says.</param>
    /// <param name="actor">Who asks.</param>
    /// <param name="ct">Ends the wait for the turn.</param>
    /// <returns>As it is while its nodes are cleaned, or as it last was; null when there is none of the name.</returns>
    public Task<StoredFleet?> DeleteAsync(string name, OnDelete? onDelete, string actor, CancellationToken ct) => database.WriteAsync(
        tx => FleetRows.Find(tx, name) is { } fleet ? Delete(tx, fleet, onDelete, actor) : null, commit: true, ct);

    /// <summary>Inside a transaction: deletes a fleet; see <see cref="DeleteAsync"/>.</summary>
    internal static StoredFleet Delete(WriteTransaction tx, StoredFleet fleet, OnDelete? onDelete, string actor)
    {
        FleetRemoval.Begin(tx, fleet, onDelete ?? fleet.Spec.OnDelete, actor);
        return FleetRows.Find(tx, fleet.Name) ?? fleet;
    }

    /// <summary>Inside a transaction: creates or changes a fleet; see <see cref="ApplyAsync"/>.</summary>
    internal static AppliedFleet Apply(WriteTransaction tx, FleetDraft draft, string actor, string why)
    {
        var before = FleetRows.Find(tx, draft.Spec.Name);
        if (before is { DeletingSince: null } && before.Wire.Equals(draft.Wire) && before.Spec.Labels.SequenceEqual(draft.Spec.Labels))
        {
            return new AppliedFleet(before, V1.ApplyResult.Unchanged, null);
        }
        if (draft.Spec.Environment.RootfsArchive is { IsOfController: true } archive && !ArtifactStore.Has(tx, archive.Sha256))
        {
            throw new MissingArtifactException(draft.Spec.Name, archive.Sha256);
        }
        var revision = EnsureRevision(tx, draft);
        var begun = before?.Revision == revision ? null : (int?)NextRolloutNumber(tx, draft.Spec.Name);
        var running = begun is null || before is null ? null : RolloutRows.Newest(tx, before.Uid);
        Save(tx, draft, before, revision);
        if (begun is { } number)
        {
            Supersede(tx, draft.Spec.Name, $"{draft.Spec.Name}/{number} took its place");
        }
        var after = FleetRows.Find(tx, draft.Spec.Name)!;
        if (begun is { } next)
        {
            RolloutRows.Insert(
                tx, after.Name, next, after.Uid, running?.State.Supersede(revision, tx.Now) ?? new RolloutState(before?.Revision ?? "", revision, RolloutPhase.Progressing), actor);
            after = FleetRows.Find(tx, draft.Spec.Name)!;
        }
        RevisionHistory.Prune(tx, after.Name, draft.Spec.RevisionHistoryLimit);
        var way = begun is null ? $"revision {revision} stays" : $"rollout {after.Name}/{begun} brings revision {revision}";
        Append(tx, before is null ? "FleetCreated" : "FleetConfigured", actor, after.Name, $"Generation {after.Generation}: {way}{(why.Length == 0 ? "" : $", because {why}")}.", before, after);
        return new AppliedFleet(after, before is null ? V1.ApplyResult.Created : V1.ApplyResult.Configured, begun is null ? null : after.Rollout);
    }

    private static void Save(WriteTransaction tx, FleetDraft draft, StoredFleet? before, string revision) => tx.Execute(
        """
        insert into fleets (name, uid, generation, labels, spec, revision, created_at)
        values (@Name, @Uid, 1, @Labels, @Spec, @revision, @Now)
        on conflict (name) do update
        set generation = generation + 1, labels = excluded.labels, spec = excluded.spec, revision = excluded.revision, deleting_since = null
        """,
        new
        {
            draft.Spec.Name,
            Uid = before?.Uid ?? tx.NewUid(),
            Labels = Rows.Write(draft.Spec.Labels),
            Spec = JsonFormatter.Default.Format(draft.Wire),
            revision,
            Now = tx.Now.ToMicroseconds(),
        });

    /// <summary>The name of the revision with the draft's content, stored first where it is new.</summary>
    private static string EnsureRevision(WriteTransaction tx, FleetDraft draft)
    {
        var uid = Canonical.Hash(draft.Spec.Environment);
        var fleet = draft.Spec.Name;
        if (tx.QuerySingleOrDefault<string>("select name from revisions where fleet = @fleet and uid = @uid", new { fleet, uid }) is { } known)
        {
            return known;
        }
        // Agents know a revision by its name alone, so it names one content in all fleets.
        var length = Canonical.NameLength;
        while (tx.QuerySingleOrDefault<long>(
            "select count(*) from revisions where name = @name and uid <> @uid", new { name = uid[..length], uid }) > 0)
        {
            length++;
        }
        var name = uid[..length];
        tx.Execute(
            """
            insert into revisions (fleet, name, number, uid, environment, created_at)
            select @fleet, @name, coalesce(max(number), 0) + 1, @uid, @Environment, @Now from revisions where fleet = @fleet
            """,
            new { fleet, name, uid, Environment = JsonFormatter.Default.Format(draft.Wire.Environment), Now = tx.Now.ToMicroseconds() });
        return name;
    }

    internal static int NextRolloutNumber(WriteTransaction tx, string fleet) =>
        (int)tx.QuerySingleOrDefault<long>("select coalesce(max(number), 0) + 1 from rollouts where fleet = @fleet", new { fleet });

    internal static void Supersede(WriteTransaction tx, string fleet, string message) => tx.Execute(
        "update rollouts set phase = @Phase, ended_at = @Now, message = @message, version = version + 1 where fleet = @fleet and ended_at is null",
        new { Phase = (int)RolloutPhase.Superseded, Now = tx.Now.ToMicroseconds(), message, fleet });

    internal static void Append(WriteTransaction tx, string reason, string actor, string fleet, string message, StoredFleet? before, StoredFleet? after)
    {
        tx.Append(new EventDraft(reason, EventSeverity.Info, actor, fleet, "", "", message) { Before = AuditText.Of(before), After = AuditText.Of(after) });
        tx.Announce(ResourceKind.Fleet, fleet);
        tx.Announce(ResourceKind.Desired, fleet);
    }
}
