using Qm.Fleet.Core.Enrollment;

namespace Qm.Fleet.Controller.Storage;

/// <summary>Who asks to join, who was denied, and which key each name was last issued for.</summary>
/// <remarks>What waits is forgotten after <see cref="Patience"/>, decided or not, and bounded: in all, of one name and from one address.</remarks>
internal sealed class EnrollmentStore(Database database)
{
    /// <summary>Requests that wait, in all.</summary>
    public const int Most = 1000;

    /// <summary>Keys that ask for one name.</summary>
    public const int MostOfNode = 8;

    /// <summary>Requests from one address: a bench behind one router.</summary>
    public const int MostOfAddress = 64;

    /// <summary>How long a request is kept after it was made, or decided about.</summary>
    public static readonly TimeSpan Patience = TimeSpan.FromDays(1);

    private const string SelectKey = """
        select node as Node, fingerprint as Fingerprint, previous as Before, certificate as Certificate, issued_at as IssuedAt, expires_at as ExpiresAt, let_in_by as LetInBy from enrolled_keys
        """;

    private const string SelectWaiting = """
        select node as Node, fingerprint as Fingerprint, state as State, address as Address, since as Since, expires_at as ExpiresAt, decided_by as DecidedBy, reason as Reason
        from enrollments where expires_at > @Now
        """;

    /// <summary>At most so many that come after a place, by node, fingerprint and state.</summary>
    public IReadOnlyList<StoredEnrollment> After((string Node, string Fingerprint, long State) after, int limit, DateTimeOffset now) => database.Read<IReadOnlyList<StoredEnrollment>>(db =>
    {
        var place = new { Now = now.ToMicroseconds(), after.Node, after.Fingerprint, after.State, limit };
        var waiting = db.Query<Row>($"{SelectWaiting} and (node, fingerprint, state) > (@Node, @Fingerprint, @State) order by node, fingerprint limit @limit", place).Select(Enrollment);
        var enrolled = db.Query<KeyRow>($"{SelectKey} where (node, fingerprint, 4) > (@Node, @Fingerprint, @State) order by node limit @limit", place).Select(static row => Key(row).ToEnrollment());
        return
        [
            .. waiting.Concat(enrolled).OrderBy(static one => one.Node, StringComparer.Ordinal).ThenBy(static one => one.Fingerprint, StringComparer.Ordinal).ThenBy(static one => one.State).Take(limit),
        ];
    });

    /// <summary>The requests of a name that are kept, without the key that has it.</summary>
    public IReadOnlyList<StoredEnrollment> Waiting(string node, DateTimeOffset now) => database.Read(db => Waiting(db, node, now));

    /// <summary>The key that has a name; null when none does.</summary>
    public StoredKey? Key(string node) => database.Read(db => Key(db, node));

    /// <summary>Takes up the key of a certificate that was made by hand, unless the name was issued for another one since.</summary>
    /// <param name="node">Whose.</param>
    /// <param name="fingerprint">Of its key.</param>
    /// <param name="madeAt">When it was made.</param>
    /// <param name="ct">Ends the wait for the turn.</param>
    public async Task LearnAsync(string node, string fingerprint, DateTimeOffset madeAt, CancellationToken ct)
    {
        if (Key(node) is { } known && (known.Fingerprint == fingerprint || known.Before == fingerprint || known.IssuedAt >= madeAt))
        {
            return;
        }
        await database.WriteAsync(
            tx => Key(tx, node) is { } newer && newer.IssuedAt >= madeAt ? 0 : Save(tx, new(node, fingerprint, "", "", madeAt, DateTimeOffset.UnixEpoch, "certificate")),
            commit: true, ct).ConfigureAwait(false);
    }

    /// <summary>Inside a transaction: lets a name be had by another key from now on, and ends what waits for it. For who retires a node.</summary>
    /// <returns>Whether somebody had it.</returns>
    public static bool Forget(WriteTransaction tx, string node)
    {
        tx.Execute("delete from enrollments where node = @node", new { node });
        return tx.Execute("delete from enrolled_keys where node = @node", new { node }) > 0;
    }

    /// <summary>Inside a transaction: the requests of a name that are kept.</summary>
    internal static IReadOnlyList<StoredEnrollment> Waiting(ReadSnapshot db, string node, DateTimeOffset now) =>
        [.. db.Query<Row>($"{SelectWaiting} and node = @node order by fingerprint", new { Now = now.ToMicroseconds(), node }).Select(Enrollment)];

    /// <summary>Inside a transaction: the key that has a name; null when none does.</summary>
    internal static StoredKey? Key(ReadSnapshot db, string node) => db.QuerySingleOrDefault<KeyRow>($"{SelectKey} where node = @node", new { node }) is { } row ? Key(row) : null;

    /// <summary>Inside a transaction: why no further request can wait; null when there is room. What somebody denied takes none: there are no more of those than people had patience for.</summary>
    internal static string? Room(ReadSnapshot db, string node, string address, DateTimeOffset now)
    {
        long Count(string where) => db.QuerySingleOrDefault<long>($"select count(*) from enrollments where expires_at > @Now and state <> 3{where}", new { Now = now.ToMicroseconds(), node, address });
        return Count(" and node = @node") >= MostOfNode ? $"{MostOfNode} keys ask for the name {node} already; somebody has to look at them."
            : Count(" and address = @address") >= MostOfAddress ? $"{MostOfAddress} requests from {address} wait already; somebody has to look at them."
            : Count("") >= Most ? $"{Most} requests wait already; somebody has to look at them."
            : null;
    }

    /// <summary>Inside a transaction: approves or denies a request, with its event; one that is so already stays as it is.</summary>
    /// <returns>As it is now; null when the key asks for the name no more.</returns>
    internal static StoredEnrollment? Decide(WriteTransaction tx, string node, string fingerprint, EnrollmentState state, string reason, string actor)
    {
        var before = Waiting(tx, node, tx.Now).FirstOrDefault(waiting => waiting.Fingerprint == fingerprint);
        if (before is null || before.State == state)
        {
            return before;
        }
        tx.Execute(
            "update enrollments set state = @State, decided_by = @actor, reason = @reason, expires_at = @ExpiresAt where node = @node and fingerprint = @fingerprint",
            new { node, fingerprint, State = (int)state, actor, reason, ExpiresAt = (tx.Now + Patience).ToMicroseconds() });
        var after = Waiting(tx, node, tx.Now).First(waiting => waiting.Fingerprint == fingerprint);
        var (word, what) = state == EnrollmentState.Approved ? ("EnrollmentApproved", "may join") : ("EnrollmentDenied", "may not join");
        tx.Append(new EventDraft(word, EventSeverity.Warning, actor, "", node, "", $"{node} at {before.Address} {what} with the key {fingerprint}{(reason.Length == 0 ? "" : $": {reason}")}.")
        {
            Before = Text(before),
            After = Text(after),
        });
        return after;
    }

    /// <summary>Inside a transaction: lets a request wait.</summary>
    internal static void Wait(WriteTransaction tx, string node, string fingerprint, string address, Origin by, string because)
    {
        tx.Execute("delete from enrollments where expires_at <= @Now", new { Now = tx.Now.ToMicroseconds() });
        tx.Execute(
            "insert into enrollments (node, fingerprint, state, address, since, expires_at) values (@node, @fingerprint, 1, @address, @Now, @ExpiresAt)",
            new { node, fingerprint, address, Now = tx.Now.ToMicroseconds(), ExpiresAt = (tx.Now + Patience).ToMicroseconds() });
        tx.Append(new EventDraft("EnrollmentRequested", EventSeverity.Warning, by.Actor, "", node, "", $"{node} asks to join with the key {fingerprint}. {because}"));
    }

    /// <summary>Inside a transaction: notes what was issued. Nothing of the request waits any more.</summary>
    internal static int Save(WriteTransaction tx, StoredKey key)
    {
        tx.Execute("delete from enrollments where node = @Node and fingerprint = @Fingerprint", new { key.Node, key.Fingerprint });
        return tx.Execute(
            """
            insert into enrolled_keys (node, fingerprint, previous, certificate, issued_at, expires_at, let_in_by)
            values (@Node, @Fingerprint, @Before, @Certificate, @IssuedAt, @ExpiresAt, @LetInBy)
            on conflict (node) do update set fingerprint = excluded.fingerprint, previous = excluded.previous, certificate = excluded.certificate, issued_at = excluded.issued_at,
              expires_at = excluded.expires_at, let_in_by = excluded.let_in_by
            """,
            new { key.Node, key.Fingerprint, key.Before, key.Certificate, IssuedAt = key.IssuedAt.ToMicroseconds(), ExpiresAt = key.ExpiresAt.ToMicroseconds(), key.LetInBy });
    }

    private static string Text(StoredEnrollment enrollment) => AuditText.Of(AuditText.Fields(
        ("node", enrollment.Node), ("fingerprint", enrollment.Fingerprint), ("state", $"{enrollment.State}"), ("address", enrollment.Address), ("decidedBy", enrollment.DecidedBy), ("reason", enrollment.Reason)));

    private static StoredKey Key(KeyRow row) => new(row.Node, row.Fingerprint, row.Before, row.Certificate, row.IssuedAt.ToTime(), row.ExpiresAt.ToTime(), row.LetInBy);

    private static StoredEnrollment Enrollment(Row row) => new(
        row.Node, row.Fingerprint, Rows.Defined<EnrollmentState>("enrollments", $"{row.Node}/{row.Fingerprint}", row.State), row.Address, row.Since.ToTime(), row.ExpiresAt.ToTime(), row.DecidedBy, row.Reason);

    private sealed record Row(string Node, string Fingerprint, long State, string Address, long Since, long ExpiresAt, string DecidedBy, string Reason);

    private sealed record KeyRow(string Node, string Fingerprint, string Before, string Certificate, long IssuedAt, long ExpiresAt, string LetInBy);
}

/// <summary>A name and a key that asks for it, or has it.</summary>
/// <param name="Node">BlueChi's node name of the host.</param>
/// <param name="Fingerprint">The key's.</param>
/// <param name="State">How far it is.</param>
/// <param name="Address">Where the request came from; empty for what did not come over the network.</param>
/// <param name="Since">When it was asked for first, or issued last.</param>
/// <param name="ExpiresAt">When it is forgotten, or the certificate ends; 1970 when that is not known.</param>
/// <param name="DecidedBy">Who decided; empty while nobody did.</param>
/// <param name="Reason">Why, in their words.</param>
internal sealed record StoredEnrollment(
    string Node, string Fingerprint, EnrollmentState State, string Address, DateTimeOffset Since, DateTimeOffset ExpiresAt, string DecidedBy, string Reason);

/// <summary>The key that has a name.</summary>
/// <param name="Node">BlueChi's node name of the host.</param>
/// <param name="Fingerprint">The key's.</param>
/// <param name="Before">That of the certificate that asked for this one; empty for the first.</param>
/// <param name="Certificate">What was issued, PEM; empty for one that was made by hand.</param>
/// <param name="IssuedAt">When.</param>
/// <param name="ExpiresAt">When it ends; 1970 for one that was made by hand.</param>
/// <param name="LetInBy">Who let the node in, such as admin:ann, jointoken:bench, rule:bluechi-peer-match or certificate.</param>
internal sealed record StoredKey(string Node, string Fingerprint, string Before, string Certificate, DateTimeOffset IssuedAt, DateTimeOffset ExpiresAt, string LetInBy)
{
    /// <summary>As it stands among those that wait.</summary>
    public StoredEnrollment ToEnrollment() => new(Node, Fingerprint, EnrollmentState.Enrolled, "", IssuedAt, ExpiresAt, LetInBy, "");
}
