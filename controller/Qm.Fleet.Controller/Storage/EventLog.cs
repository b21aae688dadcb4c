using Qm.Fleet.Core.Audit;

namespace Qm.Fleet.Controller.Storage;

/// <summary>The event log, for reading; it grows only inside the transactions that cause the events.</summary>
internal sealed class EventLog(Database database)
{
    private const string SelectEvent = """
        select number as Number, time as Time, reason as Reason, severity as Severity, actor as Actor, fleet as Fleet, node as Node,
               unit as Unit, message as Message, source as Source, request_id as RequestId, before_json as Before, after_json as After, hash as Hash
        from events
        """;

    /// <summary>One event; null when there is none of the number.</summary>
    public StoredEvent? Find(long number) => database.Read(
        db => db.QuerySingleOrDefault<EventRow>($"{SelectEvent} where number = @number", new { number }) is { } row ? Event(row) : null);

    /// <summary>At most so many events after a number, oldest first.</summary>
    /// <param name="after">The number.</param>
    /// <param name="node">Only of this node; empty for all.</param>
    /// <param name="fleet">Only of this fleet; empty for all.</param>
    /// <param name="limit">How many.</param>
    public IReadOnlyList<StoredEvent> After(long after, string node, string fleet, int limit) => Read(after, long.MaxValue, node, fleet, limit, "");

    /// <summary>At most so many events between two numbers, newest first.</summary>
    /// <param name="before">Only events before this number.</param>
    /// <param name="after">Only events after this number.</param>
    /// <param name="node">Only of this node; empty for all.</param>
    /// <param name="fleet">Only of this fleet; empty for all.</param>
    /// <param name="limit">How many.</param>
    public IReadOnlyList<StoredEvent> Before(long before, long after, string node, string fleet, int limit) => Read(after, before, node, fleet, limit, " desc");

    private IReadOnlyList<StoredEvent> Read(long after, long before, string node, string fleet, int limit, string order)
    {
        var ofNode = node.Length > 0 ? " and node = @node and node <> ''" : "";
        var ofFleet = fleet.Length > 0 ? " and fleet = @fleet and fleet <> ''" : "";
        return database.Read<IReadOnlyList<StoredEvent>>(db =>
        [
            .. db.Query<EventRow>(
                $"{SelectEvent} where number > @after and number < @before{ofNode}{ofFleet} order by number{order} limit @limit", new { after, before, node, fleet, limit }).Select(Event),
        ]);
    }

    /// <summary>The newest event's number; 0 for none.</summary>
    public long LastNumber() => database.Read(LastNumber);

    /// <summary>What the log tells of the lives of nodes or fleets after an event.</summary>
    /// <param name="kind">Node or fleet.</param>
    /// <param name="after">Only events after this number.</param>
    /// <returns>By name, of those that these events are about.</returns>
    public IReadOnlyDictionary<string, ResourceLife> Lives(ResourceKind kind, long after)
    {
        var (column, created) = kind == ResourceKind.Node ? ("node", "'NodeCreated', 'NodeDiscovered'") : ("fleet", "'FleetCreated'");
        return database.Read(db => db.Query<LifeRow>(
            $"""
            select {column} as Name, coalesce(min(case when reason in ({created}) then number end), 0) as Created,
                   coalesce(min(case when reason = '{kind}Deleted' then number end), 0) as Deleted
            from events where number > @after and {column} <> '' group by {column}
            """,
            new { after }).ToDictionary(
                static row => row.Name, static row => new ResourceLife(row.Created == 0 || (row.Deleted > 0 && row.Deleted < row.Created), row.Deleted > 0), StringComparer.Ordinal));
    }

    /// <summary>Inside a transaction: the newest event's number; 0 for none.</summary>
    internal static long LastNumber(ReadSnapshot db) => db.QuerySingleOrDefault<long>("select coalesce(max(number), 0) from events");

    /// <summary>Inside a transaction: at most so many events without a hash after a number, oldest first.</summary>
    internal static IReadOnlyList<StoredEvent> WithoutHash(ReadSnapshot db, long after, int limit) =>
        [.. db.Query<EventRow>($"{SelectEvent} where number > @after and hash is null order by number limit @limit", new { after, limit }).Select(Event)];

    private static StoredEvent Event(EventRow row) => new(
        row.Number, row.Time.ToTime(), new EventDraft(
            row.Reason, Rows.Defined<EventSeverity>("events", $"{row.Number}", row.Severity), row.Actor, row.Fleet, row.Node, row.Unit,
            row.Message))
    {
        Details = new AuditDetails(row.Source, row.RequestId, row.Before, row.After),
        Hash = row.Hash ?? [],
    };

    private sealed record LifeRow(string Name, long Created, long Deleted);

    private sealed record EventRow(
        long Number, long Time, string Reason, long Severity, string Actor, string Fleet, string Node, string Unit, string Message,
        string Source, string RequestId, string Before, string After, byte[]? Hash);
}

/// <summary>What became of a resource of one name in a part of the event log.</summary>
/// <param name="WasThere">Whether there was one before that part.</param>
/// <param name="WasDeleted">Whether one was deleted in it.</param>
internal sealed record ResourceLife(bool WasThere, bool WasDeleted);
