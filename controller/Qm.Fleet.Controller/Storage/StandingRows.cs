namespace Qm.Fleet.Controller.Storage;

/// <summary>Where a node stands that somebody has decided about for good.</summary>
internal enum Standing
{
    /// <summary>It is none of ours any more: nothing is done to it, no certificate of it counts, and none is made for it.</summary>
    Retired,

    /// <summary>It may enrol once more, with another key.</summary>
    Reenrol,
}

/// <summary>What was decided about a node.</summary>
/// <param name="Name">BlueChi's node name of the host.</param>
/// <param name="Standing">What.</param>
/// <param name="Reason">Why, in somebody's words.</param>
/// <param name="Actor">Who said so.</param>
/// <param name="Since">When.</param>
internal sealed record NodeDecision(string Name, Standing Standing, string Reason, string Actor, DateTimeOffset Since);

/// <summary>Rows of nodes that were retired or may enrol again. They outlast the node's own row: what was retired stays so when the node is forgotten, and BlueChi still knows it.</summary>
internal static class StandingRows
{
    private const string Retired = "retired";
    private const string Reenrol = "reenrol";
    private const string Select = "select name as Name, standing as Standing, reason as Reason, actor as Actor, since as Since from node_standings";

    /// <summary>All, by name.</summary>
    internal static IReadOnlyList<NodeDecision> All(ReadSnapshot db) => [.. db.Query<Row>($"{Select} order by name").Select(Decision)];

    /// <summary>Names of those that were retired.</summary>
    internal static HashSet<string> RetiredNames(ReadSnapshot db) => db.Query<string>($"select name from node_standings where standing = '{Retired}'").ToHashSet(StringComparer.Ordinal);

    /// <summary>What was decided about a node; null for nothing.</summary>
    internal static NodeDecision? Find(ReadSnapshot db, string name) => db.QuerySingleOrDefault<Row>($"{Select} where name = @name", new { name }) is { } row ? Decision(row) : null;

    /// <summary>Stores what was decided.</summary>
    internal static void Save(WriteTransaction tx, NodeDecision decision) => tx.Execute(
        """
        insert into node_standings (name, standing, reason, actor, since) values (@Name, @Standing, @Reason, @Actor, @Since)
        on conflict (name) do update set standing = excluded.standing, reason = excluded.reason, actor = excluded.actor, since = excluded.since
        """,
        new { decision.Name, Standing = decision.Standing == Standing.Retired ? Retired : Reenrol, decision.Reason, decision.Actor, Since = decision.Since.ToMicroseconds() });

    /// <summary>Forgets that a node may enrol once more.</summary>
    internal static void Enrolled(WriteTransaction tx, string name)
    {
        tx.Execute($"delete from node_standings where name = @name and standing = '{Reenrol}'", new { name });
        tx.Announce(ResourceKind.Node, name);
    }

    /// <summary>A standing as it is stored.</summary>
    internal static Standing Read(string standing) => standing == Retired ? Standing.Retired : Standing.Reenrol;

    private static NodeDecision Decision(Row row) => new(row.Name, Read(row.Standing), row.Reason, row.Actor, row.Since.ToTime());

    private sealed record Row(string Name, string Standing, string Reason, string Actor, long Since);
}
