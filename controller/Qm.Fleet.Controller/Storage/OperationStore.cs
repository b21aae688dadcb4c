using Qm.Fleet.Core.Secrets;

namespace Qm.Fleet.Controller.Storage;

/// <summary>What was asked of units. Those that ended are kept a week, at most <see cref="MostEnded"/> of them.</summary>
internal sealed class OperationStore(Database database)
{
    /// <summary>How many that ended are kept.</summary>
    public const int MostEnded = 10_000;

    /// <summary>How many may go on at once.</summary>
    public const int MostOpen = 1_000;

    /// <summary>The most of what systemd or BlueChi said that is kept, in characters.</summary>
    public const int MostOfMessage = 2000;

    private const string Select = """
        select id as Id, kind as Kind, node as Node, unit as Unit, actor as Actor, reason as Reason, properties as Properties, active_state as ActiveState,
               invocation_id as InvocationId, message as Message, error as Error, cancelled_by as CancelledBy, on_host as OnHost, started_at as StartedAt, ended_at as EndedAt
        from operations
        """;

    /// <summary>How long one that ended is kept.</summary>
    public static readonly TimeSpan Kept = TimeSpan.FromDays(7);

    /// <summary>One operation; null when there is none of the id.</summary>
    public StoredOperation? Find(string id) => database.Read(db => Find(db, id));

    /// <summary>Those that have not ended, oldest first.</summary>
    public IReadOnlyList<StoredOperation> Open() => database.Read<IReadOnlyList<StoredOperation>>(static db =>
        [.. db.Query<OperationRow>($"{Select} where ended_at is null order by started_at, id").Select(Operation)]);

    /// <summary>Says what an operation waits for.</summary>
    public Task NoteAsync(string id, string message, CancellationToken ct) => database.WriteAsync(
        tx =>
        {
            message = ForeignText.FitSentence(message, MostOfMessage);
            var noted = tx.Execute("update operations set message = @message where id = @id and ended_at is null and message <> @message", new { id, message });
            if (noted > 0)
            {
                tx.Announce(ResourceKind.Operation, id);
            }
            return noted;
        },
        commit: true, ct);

    /// <summary>Ends an operation, with its event; one that has ended stays as it is.</summary>
    /// <param name="id">The operation.</param>
    /// <param name="error">Why it did not end well; empty when it did.</param>
    /// <param name="message">What came of it.</param>
    /// <param name="fleet">The fleet of its node; empty for none.</param>
    /// <param name="ct">Ends the wait for the turn.</param>
    public Task EndAsync(string id, string error, string message, string fleet, CancellationToken ct) => database.WriteAsync(
        tx =>
        {
            if (Find(tx, id) is not { EndedAt: null } operation)
            {
                return false;
            }
            (error, message) = (ForeignText.FitSentence(error, MostOfMessage), ForeignText.FitSentence(message, MostOfMessage));
            tx.Execute("update operations set ended_at = @Now, error = @error, message = @message where id = @id", new { id, error, message, Now = tx.Now.ToMicroseconds() });
            tx.Append(new EventDraft(
                error.Length == 0 ? "OperationEnded" : "OperationFailed", error.Length == 0 ? EventSeverity.Info : EventSeverity.Error, operation.Actor, fleet, operation.Node, operation.Unit,
                $"{operation.Name}, {operation.Kind}: {(error.Length == 0 ? message : error)}"));
            Announce(tx, operation);
            return true;
        },
        commit: true, ct);

    /// <summary>One operation; null when there is none of the id.</summary>
    internal static StoredOperation? Find(ReadSnapshot db, string id) => db.QuerySingleOrDefault<OperationRow>($"{Select} where id = @id", new { id }) is { } row ? Operation(row) : null;

    /// <summary>Inside a transaction: how many go on.</summary>
    internal static long CountOpen(ReadSnapshot db) => db.QuerySingleOrDefault<long>("select count(*) from operations where ended_at is null");

    /// <summary>Inside a transaction: notes that something was asked for, with its event, before anything is done; and forgets what ended long ago.</summary>
    internal static void Begin(WriteTransaction tx, StoredOperation operation, string fleet)
    {
        tx.Execute(
            """
            delete from operations where ended_at is not null
              and (ended_at <= @Oldest or id in (select id from operations where ended_at is not null order by started_at desc, id desc limit -1 offset @Rest))
            """,
            new { Oldest = (tx.Now - Kept).ToMicroseconds(), Rest = MostEnded - 1 });
        tx.Execute(
            """
            insert into operations (id, kind, node, unit, actor, reason, properties, active_state, invocation_id, message, error, cancelled_by, on_host, started_at)
            values (@Id, @Kind, @Node, @Unit, @Actor, @Reason, @Properties, @ActiveState, @InvocationId, @Message, '', '', @OnHost, @StartedAt)
            """,
            new
            {
                operation.Id,
                Kind = (int)operation.Kind,
                operation.Node,
                operation.Unit,
                operation.Actor,
                operation.Reason,
                Properties = Rows.Write(operation.Properties),
                operation.ActiveState,
                operation.InvocationId,
                operation.Message,
                OnHost = operation.OnHost ? 1 : 0,
                StartedAt = operation.StartedAt.ToMicroseconds(),
            });
        tx.Append(new EventDraft(
            "OperationBegun", EventSeverity.Info, operation.Actor, fleet, operation.Node, operation.Unit,
            $"{operation.Name}, {operation.Kind}{(operation.OnHost ? " on the host" : "")}{Set(operation)}{(operation.Reason.Length == 0 ? "" : $": {operation.Reason}")}"));
        Announce(tx, operation);
    }

    /// <summary>Inside a transaction: notes that the end of an operation was asked for, with its event.</summary>
    internal static StoredOperation Cancel(WriteTransaction tx, StoredOperation operation, string actor, string reason)
    {
        tx.Execute("update operations set cancelled_by = @actor where id = @Id", new { operation.Id, actor });
        tx.Append(new EventDraft(
            "OperationCancelAsked", EventSeverity.Info, actor, "", operation.Node, operation.Unit, $"{operation.Name}, {operation.Kind}{(reason.Length == 0 ? "" : $": {reason}")}"));
        Announce(tx, operation);
        return operation with { CancelledBy = actor };
    }

    private static string Set(StoredOperation operation) =>
        operation.Properties.IsEmpty ? "" : $" ({string.Join(", ", operation.Properties.Select(static property => $"{property.Key}={property.Value}"))})";

    private static void Announce(WriteTransaction tx, StoredOperation operation) => tx.Announce(ResourceKind.Operation, operation.Id);

    private static StoredOperation Operation(OperationRow row) => new(
        row.Id, Rows.Defined<OperationKind>("operations", row.Id, row.Kind), row.Node, row.Unit, row.Actor, row.Reason, row.StartedAt.ToTime())
    {
        Properties = Rows.Labels("operations", row.Id, row.Properties),
        OnHost = row.OnHost != 0,
        ActiveState = row.ActiveState,
        InvocationId = row.InvocationId,
        Message = row.Message,
        Error = row.Error,
        CancelledBy = row.CancelledBy,
        EndedAt = row.EndedAt?.ToTime(),
    };

    private sealed record OperationRow(
        string Id, long Kind, string Node, string Unit, string Actor, string Reason, string Properties, string ActiveState, string InvocationId, string Message, string Error,
        string CancelledBy, long OnHost, long StartedAt, long? EndedAt);
}
