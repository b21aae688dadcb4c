using System.Collections.Concurrent;
using System.Data;
using Microsoft.Data.Sqlite;

namespace Qm.Fleet.Controller.Storage;

/// <summary>The one thread that writes: what waits at the same moment goes to disk with one sync, and each write is all or nothing by itself.</summary>
/// <remarks>
/// A sync takes as long for many writes as for one, and no thread of the pool stands still for it. A write sees those before it, and none of them ends
/// well unless it is on disk: one that was made on top of what was lost is lost with it.
/// </remarks>
internal sealed class GroupCommit : IDisposable
{
    // Those that go together wait for each other: no more than are made in about the time of a sync.
    private const int Together = 64;
    private const string Mark = "one";

    private readonly BlockingCollection<PendingWrite> _waiting = new(Database.MaxWaitingWrites);
    private readonly Func<SqliteConnection> _connect;
    private readonly ChangeFeed _feed;
    private readonly TimeProvider _time;
    private readonly Thread _thread;
    private int _isClosed;
    private long _announcedEvent;

    /// <summary>Begins to write.</summary>
    /// <param name="connect">Opens the database.</param>
    /// <param name="feed">Hears of what is on disk.</param>
    /// <param name="time">Stamps what is written.</param>
    internal GroupCommit(Func<SqliteConnection> connect, ChangeFeed feed, TimeProvider time)
    {
        (_connect, _feed, _time) = (connect, feed, time);
        _thread = new(Work) { IsBackground = true, Name = "store" };
        _thread.Start();
    }

    /// <summary>How many writes wait for their turn.</summary>
    internal int Waiting => _waiting.Count;

    /// <inheritdoc cref="Database.AnnouncedEvent"/>
    internal long AnnouncedEvent
    {
        get => Volatile.Read(ref _announcedEvent);
        set => Volatile.Write(ref _announcedEvent, value);
    }

    /// <summary>Has something written; false when as many wait as may.</summary>
    /// <exception cref="ObjectDisposedException">Nothing is written any more.</exception>
    internal bool TryAdd(PendingWrite write)
    {
        try
        {
            return _waiting.TryAdd(write);
        }
        catch (InvalidOperationException e)
        {
            throw new ObjectDisposedException("The database is closed, and nothing is written any more.", e);
        }
    }

    /// <summary>Writes what waits, and nothing more.</summary>
    public void Dispose()
    {
        if (Interlocked.Exchange(ref _isClosed, 1) == 0)
        {
            _waiting.CompleteAdding();
            _thread.Join();
            _waiting.Dispose();
        }
    }

    private void Work()
    {
        var writes = new List<PendingWrite>(Together);
        foreach (var first in _waiting.GetConsumingEnumerable())
        {
            for (var next = first; next is not null; next = writes.Count < Together && _waiting.TryTake(out var more) ? more : null)
            {
                if (next.TryBegin())
                {
                    writes.Add(next);
                }
            }

            for (var done = 0; done < writes.Count;)
            {
                done += Write(writes[done..]);
            }

            writes.Clear();
        }
    }

    // Answers how many of them have ended, well or not; the rest is for another transaction.
#pragma warning disable CA1031 // Whatever is wrong with a write is told to whoever asked for it, and ends nobody else's.
    private int Write(List<PendingWrite> writes)
    {
        var (begun, last) = (0, AnnouncedEvent);
        try
        {
            using var connection = _connect();
            connection.Run("pragma synchronous = full");
            using var transaction = connection.BeginTransaction(IsolationLevel.Serializable, deferred: false);
            foreach (var write in writes)
            {
                begun++;
                Make(write, connection, transaction);
            }

            if (writes.Exists(static write => write.HasWritten))
            {
                last = EventLog.LastNumber(new ReadSnapshot(connection, transaction));
                transaction.Commit();
            }
        }
        catch (Exception e)
        {
            // Where not even a transaction began, none of them can be written.
            var lost = begun == 0 ? writes.Count : begun;
            writes[..lost].ForEach(write => write.Fail(e));
            return lost;
        }

        // Whoever asked hears of it last: what is answered has been announced.
        writes.ForEach(write => write.Publish(_feed));
        AnnouncedEvent = last;
        writes.ForEach(static write => write.Succeed());
        return writes.Count;
    }

    private void Make(PendingWrite write, SqliteConnection connection, SqliteTransaction transaction)
    {
        transaction.Save(Mark);
        try
        {
            if (!write.Make(new WriteTransaction(connection, transaction, _time.GetUtcNow(), write.Origin)))
            {
                transaction.Rollback(Mark);
            }
        }
        catch (Exception e)
        {
            if (!TryUndo(transaction))
            {
                throw;
            }

            write.Fail(e);
        }

        transaction.Release(Mark);
    }
#pragma warning restore CA1031

    // A disk that is full or fails may have undone the whole transaction already.
    private static bool TryUndo(SqliteTransaction transaction)
    {
        try
        {
            transaction.Rollback(Mark);
            return true;
        }
        catch (Exception e) when (e is SqliteException or InvalidOperationException)
        {
            return false;
        }
    }
}

/// <summary>A write on its way to the disk; it ends once.</summary>
internal abstract class PendingWrite
{
    private int _hasBegun;

    /// <summary>Who asked for it; null when nobody did.</summary>
    internal Origin? Origin { get; init; }

    /// <summary>Whether it changed anything that is kept.</summary>
    internal abstract bool HasWritten { get; }

    /// <summary>Takes it out of those that wait; false when it was given up.</summary>
    internal bool TryBegin() => Interlocked.Exchange(ref _hasBegun, 1) == 0;

    /// <summary>Makes it, inside a transaction; false when nothing of it is kept.</summary>
    internal abstract bool Make(WriteTransaction tx);

    /// <summary>It is on disk: whoever is interested is told what it changed.</summary>
    internal abstract void Publish(ChangeFeed feed);

    /// <summary>It is on disk, and that was told: whoever asked gets the answer.</summary>
    internal abstract void Succeed();

    /// <summary>Nothing of it is.</summary>
    internal abstract void Fail(Exception exception);
}

/// <summary>A write that answers something.</summary>
/// <param name="write">Does the reading and writing.</param>
/// <param name="commit">False to look at the outcome and keep nothing of it.</param>
internal sealed class PendingWrite<T>(Func<WriteTransaction, T> write, bool commit) : PendingWrite
{
    private readonly TaskCompletionSource<T> _ended = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private WriteTransaction? _unit;
    private T _result = default!;

    /// <summary>Its answer, once it is on disk.</summary>
    internal Task<T> Ended => _ended.Task;

    /// <inheritdoc/>
    internal override bool HasWritten => commit && _unit is { HasWritten: true };

    /// <summary>Gives it up, unless it has begun.</summary>
    internal void Cancel(CancellationToken ct)
    {
        if (TryBegin())
        {
            _ended.TrySetCanceled(ct);
        }
    }

    /// <inheritdoc/>
    internal override bool Make(WriteTransaction tx)
    {
        _result = write(tx);
        _unit = tx;
        return commit;
    }

    /// <inheritdoc/>
    internal override void Publish(ChangeFeed feed)
    {
        if (HasWritten)
        {
            foreach (var key in _unit!.Changes)
            {
                feed.Publish(key.Kind, key.Name);
            }
        }
    }

    /// <inheritdoc/>
    internal override void Succeed() => _ended.TrySetResult(_result);

    /// <inheritdoc/>
    internal override void Fail(Exception exception)
    {
        _unit = null;
        _ended.TrySetException(exception is SqliteException e ? Database.Explain(e) : exception);
    }
}
