namespace Qm.Fleet.Controller.Storage;

/// <summary>The event log; only ever appended to.</summary>
internal sealed class EventStore(Database database)
{
    private const string Columns = "number as Number, time as Time, reason as Reason, severity as Severity, actor as Actor, fleet as Fleet, node as Node, unit as Unit, message as Message";

    /// <summary>One event; null when there is none of the number.</summary>
    public StoredEvent? Find(long number) => database.Read(read =>
        read.QuerySingleOrDefault<Row>($"select {Columns} from events where number = @number", new { number }))?.ToStored();

    /// <summary>Events after a number, oldest first.</summary>
    public IReadOnlyList<StoredEvent> List(long after, string node, string fleet, int limit) => database.Read(read => read.Query<Row>(
        $"""
        select {Columns} from events
        where number > @after and (@node = '' or node = @node) and (@fleet = '' or fleet = @fleet)
        order by number limit @limit
        """,
        new { after, node, fleet, limit })).Select(row => row.ToStored()).ToList();

    /// <summary>The newest number; 0 for an empty log.</summary>
    public long Last() => database.Read(read => read.QuerySingleOrDefault<long>("select coalesce(max(number), 0) from events"));

    private sealed record Row(long Number, long Time, string Reason, long Severity, string Actor, string Fleet, string Node, string Unit, string Message)
    {
        internal StoredEvent ToStored() =>
            new(Number, Time.ToTime(), new(Reason, (EventSeverity)Severity, Actor, Fleet, Node, Unit, Message));
    }
}
