namespace Qm.Fleet.Controller.Storage;

/// <summary>What the first call with a request id was, and how it was answered.</summary>
/// <param name="Method">Names the call.</param>
/// <param name="Actor">Who made it.</param>
/// <param name="Hash">SHA-256 of the request without its id.</param>
/// <param name="Answer">The response message, as on the wire.</param>
internal sealed record StoredAnswer(string Method, string Actor, byte[] Hash, byte[] Answer);

/// <summary>Answers to calls that named a request id; written only in the transaction that holds their effect.</summary>
internal static class RequestRows
{
    /// <summary>How many are kept; then the oldest go before their time.</summary>
    public const int Most = 100_000;

    /// <summary>How much all of them may hold; then the oldest go before their time.</summary>
    public const long MostBytes = 64L * 1024 * 1024;

    /// <summary>How much one may hold.</summary>
    public const int LargestBytes = 8 * 1024 * 1024;

    private const int Swept = 100;

    /// <summary>How long a call may be repeated.</summary>
    public static readonly TimeSpan Kept = TimeSpan.FromHours(24);

    /// <summary>The answer to a call; null when there was none with this id within the last day.</summary>
    public static StoredAnswer? Find(ReadSnapshot db, string id, DateTimeOffset now) => db.QuerySingleOrDefault<StoredAnswer>(
        "select method as Method, actor as Actor, hash as Hash, answer as Answer from requests where id = @id and answered_at > @Oldest",
        new { id, Oldest = (now - Kept).ToMicroseconds() });

    /// <summary>Keeps an answer, and forgets what is too old or too much.</summary>
    public static void Add(WriteTransaction tx, string id, StoredAnswer answer)
    {
        tx.Execute("delete from requests where answered_at <= @Oldest", new { Oldest = (tx.Now - Kept).ToMicroseconds() });
        tx.Execute(
            "insert into requests (id, method, actor, hash, answer, answered_at) values (@id, @Method, @Actor, @Hash, @Answer, @Now)",
            new { id, answer.Method, answer.Actor, answer.Hash, answer.Answer, Now = tx.Now.ToMicroseconds() });
        while (tx.QuerySingleOrDefault<long>("select count(*) from request_totals where number > @Most or bytes > @MostBytes", new { Most, MostBytes }) > 0)
        {
            // Never the one that was just written.
            tx.Execute("delete from requests where id in (select id from requests where id <> @id order by answered_at limit @Swept)", new { id, Swept });
        }
    }
}
