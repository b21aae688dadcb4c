using System.Collections.Immutable;
using Qm.Fleet.Core.Environments;
using Qm.Fleet.Core.Supervision;

namespace Qm.Fleet.Controller.Storage;

/// <summary>Nodes, as people ask for them.</summary>
internal sealed class NodeStore(Database database)
{
    private const string SelectNode = """
        select name as Name, nodes.uid as Uid, generation as Generation, labels as Labels, site as Site, cordoned as Cordoned, maintenance as Maintenance, created_at as CreatedAt,
            standing as Standing, s.reason as Reason, s.actor as Actor, s.since as Since,
            r.uid as RemovalUid, r.number as RemovalNumber, r.reason as RemovalReason, r.actor as RemovalActor, r.since as RemovalSince
        from nodes left join node_standings s using (name) left join node_removals r on r.node = name
        """;

    /// <summary>Creates or changes nodes, all or none: labels, spec, generation and event in one transaction.</summary>
    /// <param name="specs">Of different names and of sites that exist.</param>
    /// <param name="actor">Who asks.</param>
    /// <param name="dryRun">Answers as usual and keeps nothing.</param>
    /// <param name="ct">Ends the wait for the turn.</param>
    /// <remarks>A node that already is so writes nothing at all.</remarks>
    public Task<IReadOnlyList<AppliedNode>> ApplyAsync(IReadOnlyList<NodeSpec> specs, string actor, bool dryRun, CancellationToken ct) =>
        database.WriteAsync<IReadOnlyList<AppliedNode>>(tx => [.. specs.Select(spec => Apply(tx, spec, actor))], commit: !dryRun, ct);

    /// <summary>One node; null when there is none of the name.</summary>
    public StoredNode? Find(string name) => database.Read(db => Find(db, name));

    /// <summary>At most so many nodes whose names come after another, by name.</summary>
    public IReadOnlyList<StoredNode> After(string after, int limit) => database.Read(db => After(db, after, limit));

    /// <summary>Names of all sites.</summary>
    public IReadOnlySet<string> Sites() => database.Read(static db => db.Query<string>("select name from sites").ToHashSet(StringComparer.Ordinal));

    /// <summary>Forgets a node.</summary>
    /// <returns>As it last was; null when there is none of the name.</returns>
    public Task<StoredNode?> DeleteAsync(string name, string actor, CancellationToken ct) => database.WriteAsync(
        tx =>
        {
            if (Find(tx, name) is not { } node)
            {
                return null;
            }
            Delete(tx, node, actor);
            return node;
        },
        commit: true, ct);

    /// <summary>Inside a transaction: forgets a node.</summary>
    internal static void Delete(WriteTransaction tx, StoredNode node, string actor)
    {
        tx.Execute("delete from nodes where name = @Name", new { node.Name });
        if (node.Removal is not null)
        {
            NodeRemoval.Supersede(tx, node.Name, "the node was forgotten");
        }
        Append(tx, "NodeDeleted", actor, node.Name, $"The node's labels and spec were forgotten at generation {node.Generation}.", AuditText.Of(node));
    }

    /// <summary>Puts a node into quarantine, or ends that.</summary>
    /// <param name="name">The node.</param>
    /// <param name="quarantine">Whether it is left alone from now on.</param>
    /// <param name="actor">Who asks.</param>
    /// <param name="reason">Why, in their words; may be empty.</param>
    /// <param name="ct">Ends the wait for the turn.</param>
    /// <returns>The node, and what is so now; null when there is none of the name. What is so already is left as it is.</returns>
    public Task<DecidedNode?> QuarantineAsync(string name, bool quarantine, string actor, string reason, CancellationToken ct) =>
        database.WriteAsync(tx => Find(tx, name) is { } node ? Quarantine(tx, node, quarantine, actor, reason) : null, commit: true, ct);

    /// <summary>Inside a transaction: puts a node into quarantine, or ends that; see <see cref="QuarantineAsync"/>.</summary>
    internal static DecidedNode Quarantine(WriteTransaction tx, StoredNode node, bool quarantine, string actor, string reason)
    {
        var known = SupervisionRows.Find(tx, node.Name);
        var before = known.Quarantine;
        if (quarantine == before is not null)
        {
            return new(node, before, Changed: false);
        }
        var why = reason.Length == 0 ? "" : $": {reason}";
        var after = quarantine ? new Quarantine($"{actor} put it there{why}", tx.Now, actor) : null;
        SupervisionRows.Save(tx, node.Name, known.Decided(after));
        Append(tx, quarantine ? "NodeQuarantined" : "NodeReleased", actor, node.Name, quarantine ? $"It is left alone until somebody releases it{why}." : $"It is looked after again{why}.", Text(before), Text(after));
        return new(node, after, Changed: true);
    }

    /// <summary>Inside a transaction: takes a node out for good. It is cordoned, and no certificate of it counts any more.</summary>
    /// <param name="tx">The transaction.</param>
    /// <param name="node">The node.</param>
    /// <param name="actor">Who said so.</param>
    /// <param name="reason">Why, in their words.</param>
    /// <param name="isClean">Whether what QM Fleet brought was taken off it first.</param>
    /// <returns>As it is now; one that is so already is left as it is.</returns>
    internal static StoredNode Retire(WriteTransaction tx, StoredNode node, string actor, string reason, bool isClean = false)
    {
        if (node.IsRetired)
        {
            return node;
        }
        if (node.Removal is not null && !isClean)
        {
            NodeRemoval.Supersede(tx, node.Name, $"{actor} retired it as it is");
        }
        if (!node.Cordoned)
        {
            Save(tx, new NodeSpec(node.Name, node.Labels.ToImmutableSortedDictionary(StringComparer.Ordinal), node.Site, Cordoned: true) { Maintenance = node.Maintenance });
        }
        StandingRows.Save(tx, new(node.Name, Standing.Retired, reason, actor, tx.Now));
        tx.Announce(ResourceKind.Standing, node.Name);
        CertificateStore.Revoke(tx, new("", $"node:{node.Name}", DateTimeOffset.MaxValue, reason, actor, tx.Now));
        Append(tx, "NodeRetired", actor, node.Name, $"It is none of ours any more, and its certificates are revoked, because {reason}. What QM Fleet brought {(isClean ? "was taken off it first" : "stays on it")}.", AuditText.Of(node), AuditText.Of(AuditText.Fields(("standing", "retired"), ("reason", reason))));
        return Find(tx, node.Name)!;
    }

    /// <summary>Inside a transaction: lets a node enrol once more, with another key; the certificates it has so far count no longer.</summary>
    /// <returns>As it is now; null when there is no such node, nor was one retired.</returns>
    internal static StoredNode? Reenrol(WriteTransaction tx, string name, string actor, string reason)
    {
        var (before, decision) = (Find(tx, name), StandingRows.Find(tx, name));
        if (before is null && decision is null)
        {
            return null;
        }
        if (before is null)
        {
            Save(tx, new NodeSpec(name, ImmutableSortedDictionary<string, string>.Empty, NodeParser.DefaultSite, Cordoned: decision!.Standing == Standing.Retired));
        }
        StandingRows.Save(tx, new(name, Standing.Reenrol, reason, actor, tx.Now));
        CertificateStore.RevokeSoFar(tx, new("", $"node:{name}", tx.Now, reason.Length == 0 ? "it enrols again" : reason, actor, tx.Now));
        var after = Find(tx, name)!;
        Append(
            tx, "NodeReenrolling", actor, name,
            $"It may enrol once, with another key, and the certificates it had are revoked{(reason.Length == 0 ? "" : $", because {reason}")}.{(after.Cordoned ? " It is cordoned until somebody uncordons it." : "")}",
            AuditText.Of(AuditText.Fields(("standing", decision?.Standing == Standing.Retired ? "retired" : ""), ("reason", decision?.Reason ?? ""))), AuditText.Of(AuditText.Fields(("standing", "reenrol"), ("reason", reason))));
        return after;
    }

    /// <summary>Sets the D-Bus address of a site, making the site first where it is new.</summary>
    public Task EnsureSiteAsync(string site, string address, CancellationToken ct) => database.WriteAsync(
        tx => tx.Execute(
            """
            insert into sites (name, address, uid, created_at) values (@site, @address, @Uid, @Now)
            on conflict (name) do update set address = excluded.address where address <> excluded.address
            """,
            new { site, address, Uid = tx.NewUid(), Now = tx.Now.ToMicroseconds() }),
        commit: true, ct);

    /// <summary>Inside a transaction: one node; null when there is none of the name.</summary>
    internal static StoredNode? Find(ReadSnapshot db, string name) =>
        db.QuerySingleOrDefault<NodeRow>($"{SelectNode} where name = @name", new { name }) is { } row ? Node(row) : null;

    /// <summary>Inside a transaction: at most so many nodes whose names come after another, by name.</summary>
    internal static IReadOnlyList<StoredNode> After(ReadSnapshot db, string after, int limit) =>
        [.. db.Query<NodeRow>($"{SelectNode} where name > @after order by name limit @limit", new { after, limit }).Select(Node)];

    /// <summary>Inside a transaction: stores a node, new or changed.</summary>
    internal static void Save(WriteTransaction tx, NodeSpec spec) => tx.Execute(
        """
        insert into nodes (name, uid, generation, site, cordoned, maintenance, labels, created_at) values (@Name, @Uid, 1, @Site, @Cordoned, @Maintenance, @Labels, @Now)
        on conflict (name) do update
        set generation = generation + 1, site = excluded.site, cordoned = excluded.cordoned, maintenance = excluded.maintenance, labels = excluded.labels
        """,
        new { spec.Name, Uid = tx.NewUid(), spec.Site, spec.Cordoned, spec.Maintenance, Labels = Rows.Write(spec.Labels), Now = tx.Now.ToMicroseconds() });

    /// <summary>Inside a transaction: notes in the log what happened to a node and tells everybody.</summary>
    internal static void Append(WriteTransaction tx, string reason, string actor, string node, string message, string before = "", string after = "")
    {
        tx.Append(new EventDraft(reason, EventSeverity.Info, actor, "", node, "", message) { Before = before, After = after });
        tx.Announce(ResourceKind.Node, node);
        tx.Announce(ResourceKind.Desired, node);
    }

    /// <summary>Inside a transaction: creates or changes a node.</summary>
    internal static AppliedNode Apply(WriteTransaction tx, NodeSpec spec, string actor) => Apply(tx, spec, actor, "NodeConfigured", "");

    /// <summary>Inside a transaction: creates or changes a node, for a reason of its own.</summary>
    /// <param name="tx">The transaction.</param>
    /// <param name="spec">What is wanted.</param>
    /// <param name="actor">Who asks.</param>
    /// <param name="configured">The event's reason when it is changed.</param>
    /// <param name="why">Why, in their words; may be empty.</param>
    internal static AppliedNode Apply(WriteTransaction tx, NodeSpec spec, string actor, string configured, string why)
    {
        var before = Find(tx, spec.Name);
        if (before is not null && before.Site == spec.Site && before.Cordoned == spec.Cordoned && before.Maintenance == spec.Maintenance && spec.Labels.SequenceEqual(before.Labels))
        {
            return new AppliedNode(before, V1.ApplyResult.Unchanged);
        }
        Save(tx, spec);
        var after = Find(tx, spec.Name)!;
        Append(
            tx, before is null ? "NodeCreated" : configured, actor, spec.Name,
            $"Generation {after.Generation}{(spec.Cordoned ? ", cordoned" : "")}{(spec.Maintenance ? ", in maintenance" : "")}, labels {Rows.Write(spec.Labels)}{(why.Length == 0 ? "" : $", because {why}")}.",
            AuditText.Of(before), AuditText.Of(after));
        return new AppliedNode(after, before is null ? V1.ApplyResult.Created : V1.ApplyResult.Configured);
    }

    private static string Text(Quarantine? quarantine) => AuditText.Of(AuditText.Fields(("quarantine", quarantine?.Reason ?? "")));

    private static StoredNode Node(NodeRow row) => new(
        row.Name, row.Uid, row.Generation, Rows.Labels("nodes", row.Name, row.Labels), row.Site, row.Cordoned != 0, row.CreatedAt.ToTime())
    {
        Maintenance = row.Maintenance != 0,
        Removal = row.RemovalUid is null ? null : new(row.Name, row.RemovalUid, (int)row.RemovalNumber!.Value, row.RemovalReason!, row.RemovalActor!, row.RemovalSince!.Value.ToTime()),
        Decision = row.Standing is null ? null : new(row.Name, StandingRows.Read(row.Standing), row.Reason!, row.Actor!, row.Since!.Value.ToTime()),
    };

    private sealed record NodeRow(
        string Name, string Uid, long Generation, string Labels, string Site, long Cordoned, long Maintenance, long CreatedAt, string? Standing, string? Reason, string? Actor, long? Since,
        string? RemovalUid, long? RemovalNumber, string? RemovalReason, string? RemovalActor, long? RemovalSince);
}

/// <summary>A node about whose quarantine somebody decided.</summary>
/// <param name="Node">The node.</param>
/// <param name="Quarantine">Why it is left alone now; null when it is not.</param>
/// <param name="Changed">Whether that was otherwise before.</param>
internal sealed record DecidedNode(StoredNode Node, Quarantine? Quarantine, bool Changed);
