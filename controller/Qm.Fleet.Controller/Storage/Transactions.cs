using Dapper;
using Microsoft.Data.Sqlite;
using Qm.Fleet.Core.Secrets;
using Qm.Fleet.Core.Text;

namespace Qm.Fleet.Controller.Storage;

/// <summary>A consistent view of the database.</summary>
internal class ReadSnapshot(SqliteConnection connection, SqliteTransaction transaction)
{
    protected SqliteConnection Connection { get; } = connection;

    protected SqliteTransaction Transaction { get; } = transaction;

    /// <summary>All rows, mapped by column name.</summary>
    public IReadOnlyList<T> Query<T>(string sql, object? parameters = null) =>
        Connection.Query<T>(sql, parameters, Transaction, buffered: true).AsList();

    /// <summary>The only row, or the default.</summary>
    public T? QuerySingleOrDefault<T>(string sql, object? parameters = null) =>
        Connection.QuerySingleOrDefault<T>(sql, parameters, Transaction);
}

/// <summary>One transaction of the single writer; remembers what to tell once it is on disk.</summary>
internal sealed class WriteTransaction(SqliteConnection connection, SqliteTransaction transaction, DateTimeOffset now, Origin? origin = null)
    : ReadSnapshot(connection, transaction)
{
    /// <summary>The most of an event's sentence that is kept, in characters: a diff of a file, and whatever a node sends.</summary>
    public const int MostOfMessage = 16 * 1024;

    private readonly HashSet<ResourceKey> _changes = [];

    /// <summary>The one time of everything this transaction writes.</summary>
    public DateTimeOffset Now { get; } = now;

    /// <summary>Whether there is anything to commit.</summary>
    public bool HasWritten { get; private set; }

    /// <summary>What subscribers hear of after the commit.</summary>
    public IReadOnlySet<ResourceKey> Changes => _changes;

    /// <summary>Changes rows.</summary>
    /// <returns>How many.</returns>
    public int Execute(string sql, object? parameters = null)
    {
        var rows = Connection.Execute(sql, parameters, Transaction);
        HasWritten |= rows > 0;
        return rows;
    }

    /// <summary>A new resource's uid: random, and sorted by time.</summary>
    public string NewUid() => Guid.CreateVersion7(Now).ToString();

    /// <summary>Has subscribers told of a resource after the commit.</summary>
    public void Announce(ResourceKind kind, string name) => _changes.Add(new ResourceKey(kind, name));

    /// <summary>Appends to the event log, behind what this transaction appended already.</summary>
    public void Append(EventDraft draft)
    {
        var (number, previous) = EventChain.Next(this);
        var call = draft.Origin ?? origin;
        // What is hashed is what is read back: SQLite ends some texts at a NUL, and keeps microseconds.
        var stored = new StoredEvent(number, Now.ToMicroseconds().ToTime(), new(draft.Reason, draft.Severity, Shown(draft.Actor), Shown(draft.Fleet), Shown(draft.Node), Shown(draft.Unit), ForeignText.FitSentence(Whole(draft.Message), MostOfMessage)))
        {
            Details = new(Whole(call?.Source), Whole(call?.RequestId), Whole(draft.Before), Whole(draft.After)),
        };
        Execute(
            """
            insert into events (number, time, reason, severity, actor, fleet, node, unit, message, source, request_id, before_json, after_json, hash)
            values (@Number, @Time, @Reason, @Severity, @Actor, @Fleet, @Node, @Unit, @Message, @Source, @RequestId, @Before, @After, @Hash)
            """,
            new
            {
                stored.Number,
                Time = stored.Time.ToMicroseconds(),
                stored.Draft.Reason,
                Severity = (int)stored.Draft.Severity,
                stored.Draft.Actor,
                stored.Draft.Fleet,
                stored.Draft.Node,
                stored.Draft.Unit,
                stored.Draft.Message,
                stored.Details.Source,
                stored.Details.RequestId,
                stored.Details.Before,
                stored.Details.After,
                Hash = stored.ToRecord().Hash(previous),
            });
        Announce(ResourceKind.Event, "");
    }

    // Nodes and strangers choose parts of it, and people read it on terminals.
    private static string Shown(string text) => ShownText.Of(Whole(text));

    private static string Whole(string? text) => text?.Replace('\0', '\uFFFD') ?? "";
}

/// <summary>How times lie in the database, and the one statement that needs no transaction.</summary>
internal static class SqliteExtensions
{
    /// <summary>Microseconds since 1970 UTC.</summary>
    public static long ToMicroseconds(this DateTimeOffset time) => (time.UtcTicks - DateTimeOffset.UnixEpoch.UtcTicks) / TimeSpan.TicksPerMicrosecond;

    /// <summary>The time of a number of microseconds since 1970 UTC.</summary>
    public static DateTimeOffset ToTime(this long microseconds) => DateTimeOffset.UnixEpoch.AddTicks(microseconds * TimeSpan.TicksPerMicrosecond);

    /// <summary>Runs a pragma.</summary>
    public static void Run(this SqliteConnection connection, string pragma)
    {
        using var command = connection.CreateCommand();
#pragma warning disable CA2100 // only literals of this assembly come here
        command.CommandText = pragma;
#pragma warning restore CA2100
        command.ExecuteNonQuery();
    }
}
