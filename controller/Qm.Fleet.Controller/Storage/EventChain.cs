using Qm.Fleet.Core.Audit;

namespace Qm.Fleet.Controller.Storage;

/// <summary>Events as links of the chain.</summary>
internal static class EventChain
{
    // A start over a long log neither holds one transaction for all of it nor all of it in memory.
    private const int Step = 1000;

    /// <summary>Hashes the events of a version that did not; what has a hash keeps it.</summary>
    /// <remarks>
    /// Each step is a transaction of its own, and one that was broken off is gone on with. The last event has no hash only before this has been through once: a hash that is missing anywhere
    /// else was taken out, and is left so for <see cref="AuditChain"/> to find.
    /// </remarks>
    public static void Fill(Func<Func<WriteTransaction, int>, int> write)
    {
        for (var (after, hashed) = (0L, Step); hashed == Step;)
        {
            hashed = write(tx => FillStep(tx, ref after));
        }
    }

    /// <summary>Inside a transaction: the hash that the next event hangs on, and that event's number.</summary>
    public static (long Number, byte[] Previous) Next(ReadSnapshot db)
    {
        var last = db.QuerySingleOrDefault<LastRow>("select number as Number, hash as Hash from events order by number desc limit 1");
        // One that was taken out is told by whoever verifies, and stops nobody.
        return ((last?.Number ?? 0) + 1, last?.Hash ?? new byte[AuditRecord.HashLength]);
    }

    /// <summary>What the chain holds an event to.</summary>
    public static AuditRecord ToRecord(this StoredEvent stored)
    {
        var (seconds, rest) = Math.DivRem(stored.Time.UtcTicks - DateTimeOffset.UnixEpoch.UtcTicks, TimeSpan.TicksPerSecond);
        var draft = stored.Draft;
        return new(
            stored.Number, rest < 0 ? seconds - 1 : seconds, (int)((rest < 0 ? rest + TimeSpan.TicksPerSecond : rest) * TimeSpan.NanosecondsPerTick), (int)draft.Severity,
            draft.Reason, draft.Actor, draft.Fleet, draft.Node, draft.Unit, draft.Message, stored.Details);
    }

    private static int FillStep(WriteTransaction tx, ref long after)
    {
        if (tx.QuerySingleOrDefault<long>("select count(*) from events where number = (select max(number) from events) and hash is null") == 0)
        {
            return 0;
        }
        var events = EventLog.WithoutHash(tx, after, Step);
        var previous = tx.QuerySingleOrDefault<byte[]>("select hash from events where number = @Number", new { Number = events[0].Number - 1 }) ?? new byte[AuditRecord.HashLength];
        foreach (var stored in events)
        {
            previous = stored.ToRecord().Hash(previous);
            tx.Execute("update events set hash = @previous where number = @Number", new { previous, stored.Number });
            after = stored.Number;
        }
        return events.Count;
    }

    private sealed record LastRow(long Number, byte[]? Hash);
}
