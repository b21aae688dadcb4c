using Qm.Fleet.Core.Environments;

namespace Qm.Fleet.Controller.Storage;

/// <summary>What an apply did to one node.</summary>
internal sealed record NodeChange(V1.Node Node, V1.ApplyResult Result);

/// <summary>What people say about nodes, and which nodes there are.</summary>
internal sealed class NodeStore(Database database)
{
    /// <summary>Applies all nodes in one transaction; one that changes nothing writes nothing.</summary>
    public Task<IReadOnlyList<NodeChange>> ApplyAsync(IReadOnlyList<NodeSpec> nodes, string actor, bool dryRun, CancellationToken ct) =>
        database.WriteAsync<IReadOnlyList<NodeChange>>(write => [.. nodes.Select(node => Apply(write, node, actor))], commit: !dryRun, ct);

    /// <summary>One node; null when there is none of the name.</summary>
    public NodeRow? Find(string name) => database.Read(read => Find(read, name));

    /// <summary>Nodes by name, after a name.</summary>
    public IReadOnlyList<NodeRow> List(string after, int limit) => database.Read(read =>
        read.Query<NodeRow>($"select {NodeRow.Columns} from nodes where name > @after order by name limit @limit", new { after, limit }));

    /// <summary>Whether a site is known.</summary>
    public bool HasSite(string name) => database.Read(read =>
        read.QuerySingleOrDefault<string>("select name from sites where name = @name", new { name }) is not null);

    /// <summary>Makes a site known at an address.</summary>
    public Task EnsureSiteAsync(string name, string address, CancellationToken ct) => database.WriteAsync(write => write.Execute(
        "insert into sites (name, address) values (@name, @address) on conflict (name) do update set address = @address where address <> @address",
        new { name, address }), commit: true, ct);

    /// <summary>Forgets a node.</summary>
    /// <returns>The node as it was; null when there was none of the name.</returns>
    public Task<NodeRow?> DeleteAsync(string name, string actor, CancellationToken ct) => database.WriteAsync(write =>
    {
        if (Find(write, name) is not { } row)
        {
            return null;
        }

        write.Execute("delete from nodes where name = @name", new { name });
        Tell(write, name, new("NodeDeleted", EventSeverity.Info, actor, "", name, "", $"node {name} was forgotten; it keeps what it runs"));
        return row;
    }, commit: true, ct);

    /// <summary>Adds a node; the caller knows that there is none of the name.</summary>
    internal static NodeRow Insert(WriteTransaction write, NodeSpec node, EventDraft draft)
    {
        var row = new NodeRow(node.Name, Rows.NewUid(), node.Site, Rows.ToJson(node.Labels), node.Cordoned ? 1 : 0, 1, write.Now.ToMicroseconds());
        write.Execute(
            "insert into nodes (name, uid, site, labels, cordoned, generation, created_at) values (@Name, @Uid, @Site, @Labels, @Cordoned, @Generation, @CreatedAt)", row);
        Tell(write, node.Name, draft);
        return row;
    }

    internal static NodeRow? Find(ReadSnapshot read, string name) =>
        read.QuerySingleOrDefault<NodeRow>($"select {NodeRow.Columns} from nodes where name = @name", new { name });

    private static NodeChange Apply(WriteTransaction write, NodeSpec node, string actor)
    {
        var before = Find(write, node.Name);
        if (before is null)
        {
            var created = Insert(write, node, new("NodeCreated", EventSeverity.Info, actor, "", node.Name, "", $"node {node.Name} was declared"));
            return new(created.ToWire(), V1.ApplyResult.Created);
        }

        var after = before with
        {
            Site = node.Site,
            Labels = Rows.ToJson(node.Labels),
            Cordoned = node.Cordoned ? 1 : 0,
            Generation = before.Generation + 1,
        };
        if (after == before with { Generation = after.Generation })
        {
            return new(before.ToWire(), V1.ApplyResult.Unchanged);
        }

        write.Execute("update nodes set site = @Site, labels = @Labels, cordoned = @Cordoned, generation = @Generation where name = @Name", after);
        Tell(write, node.Name, new("NodeConfigured", EventSeverity.Info, actor, "", node.Name, "", $"labels or settings of node {node.Name} changed"));
        return new(after.ToWire(), V1.ApplyResult.Configured);
    }

    private static void Tell(WriteTransaction write, string name, EventDraft draft)
    {
        write.Append(draft);
        write.Announce(ResourceKind.Node, name);
        write.Announce(ResourceKind.Desired, name);
    }
}
