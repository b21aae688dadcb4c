using System.Data;
using Microsoft.Data.Sqlite;

namespace Qm.Fleet.Controller.Storage;

/// <summary>The controller's SQLite file: many readers, each on one snapshot, and a single writer.</summary>
/// <remarks>
/// A write that returned is on disk (WAL with synchronous=FULL); those that wait at the same moment get there together. Nothing is published to <see cref="ChangeFeed"/> before that. Readers never
/// wait for the writer. At most <see cref="MaxWaitingWrites"/> writes wait; the next one is refused, so that a client cannot fill memory.
/// </remarks>
internal sealed class Database : IDisposable
{
    /// <summary>How many writes may wait for their turn.</summary>
    public const int MaxWaitingWrites = 256;

    private const int BusyTimeoutSeconds = 5;

    private readonly string _connectionString;
    private readonly GroupCommit _writer;

    private Database(string connectionString, ChangeFeed feed, TimeProvider time)
    {
        _connectionString = connectionString;
        _writer = new(Connect, feed, time);
    }

    /// <summary>How many writes wait for their turn.</summary>
    public int WaitingWrites => _writer.Waiting;

    /// <summary>The newest event of which, and of all before it, subscribers of <see cref="ChangeFeed"/> have been told; later ones may be on disk already.</summary>
    public long AnnouncedEvent => _writer.AnnouncedEvent;

    /// <summary>Opens the file, creating and migrating it as needed.</summary>
    /// <param name="file">Path of the database; its folder exists.</param>
    /// <param name="feed">Hears of every committed change.</param>
    /// <param name="time">Stamps what is written.</param>
    /// <exception cref="StoreException">The file cannot be opened, is damaged, or was made by a newer version.</exception>
    public static Database Open(string file, ChangeFeed feed, TimeProvider time)
    {
        var connectionString = new SqliteConnectionStringBuilder
        {
            DataSource = file,
            Mode = SqliteOpenMode.ReadWriteCreate,
            ForeignKeys = true,
            DefaultTimeout = BusyTimeoutSeconds,
            Pooling = true,
        }.ToString();
        var database = new Database(connectionString, feed, time);
        try
        {
            CreatePrivate(file);
            using var connection = database.Connect();
            connection.Run("pragma journal_mode = wal");
            Migrations.Apply(connection, file);
            EventChain.Fill(step => Write(connection, step, time));
            database._writer.AnnouncedEvent = database.Read(EventLog.LastNumber);
            return database;
        }
        catch (Exception e) when (e is SqliteException or IOException or UnauthorizedAccessException)
        {
            database.Dispose();
            throw new StoreException(
                $"The database {file} cannot be opened: {e.Message} Check the folder's permissions and free space, or restore a backup.",
                isTransient: false, e);
        }
    }

    /// <summary>Reads on one consistent snapshot.</summary>
    /// <exception cref="StoreException">The file cannot be read.</exception>
    public T Read<T>(Func<ReadSnapshot, T> read)
    {
        try
        {
            using var connection = Connect();
            using var transaction = connection.BeginTransaction(IsolationLevel.Serializable, deferred: true);
            return read(new ReadSnapshot(connection, transaction));
        }
        catch (SqliteException e)
        {
            throw Explain(e);
        }
    }

    /// <summary>Writes in one transaction, all or nothing, and returns when it is on disk.</summary>
    /// <param name="write">Does the reading and writing; throwing undoes everything.</param>
    /// <param name="commit">False to look at the outcome and keep nothing of it.</param>
    /// <param name="ct">Ends the wait for the turn; a write that has begun is finished.</param>
    /// <param name="origin">Who asks, and from where: the events it appends say so; null when nobody does.</param>
    /// <exception cref="StoreException">Too many writes wait, or the disk refused.</exception>
    public async Task<T> WriteAsync<T>(Func<WriteTransaction, T> write, bool commit, CancellationToken ct, Origin? origin = null)
    {
        var pending = new PendingWrite<T>(write, commit) { Origin = origin };
        if (!_writer.TryAdd(pending))
        {
            throw new StoreException($"{MaxWaitingWrites} writes already wait for the disk. Try again in a moment.", isTransient: true);
        }
        using var registration = ct.UnsafeRegister(static (state, token) => ((PendingWrite<T>)state!).Cancel(token), pending);
        return await pending.Ended.ConfigureAwait(false);
    }

    /// <summary>Closes every connection.</summary>
    public void Dispose()
    {
        _writer.Dispose();
        using var connection = new SqliteConnection(_connectionString);
        SqliteConnection.ClearPool(connection);
    }

    /// <summary>Mode 0600, which SQLite gives its -wal and -shm files too.</summary>
    private static void CreatePrivate(string file) => new FileStream(file, new FileStreamOptions
    {
        Mode = FileMode.OpenOrCreate,
        Access = FileAccess.ReadWrite,
        Share = FileShare.ReadWrite,
        UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite,
    }).Dispose();

    // Before anybody else writes.
    private static int Write(SqliteConnection connection, Func<WriteTransaction, int> write, TimeProvider time)
    {
        using var transaction = connection.BeginTransaction(IsolationLevel.Serializable, deferred: false);
        var written = write(new WriteTransaction(connection, transaction, time.GetUtcNow()));
        transaction.Commit();
        return written;
    }

    private SqliteConnection Connect()
    {
        var connection = new SqliteConnection(_connectionString);
        connection.Open();
        return connection;
    }

    /// <summary>What an error of SQLite means to whoever asked.</summary>
    internal static StoreException Explain(SqliteException e) => e.SqliteErrorCode switch
    {
        5 or 6 => new StoreException($"The database is locked by another process: {e.Message} Try again.", isTransient: true, e),
        13 => new StoreException($"The disk is full: {e.Message} Free space in the state folder.", isTransient: true, e),
        10 => new StoreException($"The disk failed: {e.Message} Check the kernel's log.", isTransient: true, e),
        _ => new StoreException($"The database refused: {e.Message}", isTransient: false, e),
    };
}
