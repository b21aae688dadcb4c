using Microsoft.Data.Sqlite;
using Qm.Fleet.Controller.Storage;

namespace Qm.Fleet.Controller.Tests.Storage;

public sealed class DatabaseTests
{
    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact, Trait("Requirement", "QMF-STORE-001")]
    public async Task Write_Throws_UndoesEverythingAndTellsNobody()
    {
        using var store = await StoreFixture.OpenAsync();
        var before = store.Dump();
        using var changes = store.Feed.Subscribe(ResourceKind.Event);

        await Assert.ThrowsAsync<FormatException>(() => store.Database.WriteAsync<int>(
            static tx =>
            {
                tx.Append(Samples.Event());
                throw new FormatException();
            },
            commit: true, Ct));

        Assert.Equal(before, store.Dump());
        Assert.False(changes.WaitAsync(Ct).IsCompleted);
    }

    [Fact]
    public async Task Events_ManyWritersAtOnce_AreNumberedWithoutGaps()
    {
        using var store = await StoreFixture.OpenAsync();

        await Task.WhenAll(Enumerable.Range(0, 40).Select(index => Task.Run(
            () => store.Reconcile.AppendEventsAsync([Samples.Event($"A{index}"), Samples.Event($"B{index}")], Ct), Ct)));

        var events = store.AllEvents();
        Assert.Equal(Enumerable.Range(1, 80).Select(static number => (long)number), events.Select(static entry => entry.Number));
        Assert.All(events.Chunk(2), static pair => Assert.Equal(pair[0].Draft.Reason[1..], pair[1].Draft.Reason[1..]));
    }

    [Theory]
    [InlineData("update events set reason = 'Other'", "append-only")]
    [InlineData("delete from events", "append-only")]
    [InlineData("update events set hash = zeroblob(32)", "append-only")]
    [InlineData("insert into events (number, time, reason, severity, actor, fleet, node, unit, message) select 2, time, reason, severity, actor, fleet, node, unit, message from events", "hash")]
    [InlineData("insert into events (number, time, reason, severity, actor, fleet, node, unit, message, hash) select 7, time, reason, severity, actor, fleet, node, unit, message, hash from events", "gap")]
    [InlineData("update revisions set environment = '{}'", "immutable")]
    [InlineData("delete from revisions", "FOREIGN KEY")]
    public async Task History_Rewritten_IsRefusedByTheDatabaseItself(string sql, string why)
    {
        using var store = await StoreFixture.OpenAsync();
        await store.ApplyAsync(Samples.Fleet());

        var error = await Assert.ThrowsAsync<StoreException>(() => store.Database.WriteAsync(tx => tx.Execute(sql), commit: true, Ct));

        Assert.Contains(why, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Open_MadeByANewerVersion_SaysSo()
    {
        using var store = await StoreFixture.OpenAsync();
        await store.Database.WriteAsync(
            static tx => tx.Execute("insert into SchemaVersions (ScriptName, Applied) values ('9999-future.sql', '2030-01-01')"), commit: true, Ct);

        var error = Assert.Throws<StoreException>(store.Reopen);

        Assert.Contains("9999-future.sql", error.Message, StringComparison.Ordinal);
        Assert.False(error.IsTransient);
    }

    [Fact]
    public void Open_NotADatabase_SaysWhatToDo()
    {
        using var folder = new TemporaryFolder();
        File.WriteAllText(folder["fleet.db"], new string('x', 4096));

        var error = Assert.Throws<StoreException>(() => Database.Open(folder["fleet.db"], new ChangeFeed(), TimeProvider.System));

        Assert.Contains(folder["fleet.db"], error.Message, StringComparison.Ordinal);
        Assert.IsType<SqliteException>(error.InnerException);
    }

    [Fact]
    public async Task Open_NewFile_IsPrivateAndSyncsEveryCommit()
    {
        using var store = await StoreFixture.OpenAsync();

        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(store.File));
        var pragmas = await store.Database.WriteAsync(
            static tx => (
                tx.QuerySingleOrDefault<long>("pragma synchronous"), tx.QuerySingleOrDefault<long>("pragma foreign_keys"),
                tx.QuerySingleOrDefault<string>("pragma journal_mode")),
            commit: true, Ct);
        Assert.Equal((2L, 1L, "wal"), pragmas);
    }

    [Fact]
    public async Task Write_TooManyWait_IsRefusedAsTransient()
    {
        using var store = await StoreFixture.OpenAsync();
        using var entered = new ManualResetEventSlim();
        using var release = new ManualResetEventSlim();
        var holder = Task.Run(
            () => store.Database.WriteAsync(
                _ =>
                {
                    entered.Set();
                    return release.Wait(RunningController.Deadline, Ct);
                },
                commit: true, Ct),
            Ct);
        Assert.True(entered.Wait(RunningController.Deadline, Ct));
        var waiting = Enumerable.Range(0, Database.MaxWaitingWrites).Select(_ => store.Database.WriteAsync(static _ => 1, commit: true, Ct)).ToList();

        var error = await Assert.ThrowsAsync<StoreException>(() => store.Database.WriteAsync(static _ => 1, commit: true, Ct));

        Assert.True(error.IsTransient);
        release.Set();
        Assert.True(await holder);
        Assert.Equal(Database.MaxWaitingWrites, (await Task.WhenAll(waiting)).Sum());
    }

    [Fact, Trait("Requirement", "QMF-STORE-002")]
    public async Task Write_ManyWaitTogether_EachEndsForItself()
    {
        using var store = await StoreFixture.OpenAsync();
        using var given = new CancellationTokenSource();
        using var release = new ManualResetEventSlim();
        var holder = store.Database.WriteAsync(_ => release.Wait(RunningController.Deadline, Ct), commit: true, Ct);

        var first = WriteAsync("First");
        var failed = store.Database.WriteAsync<int>(
            static tx =>
            {
                tx.Append(Samples.Event("Failed"));
                throw new FormatException();
            },
            commit: true, Ct);
        var refused = store.Database.WriteAsync(static tx => tx.Execute("delete from events"), commit: true, Ct);
        var looked = WriteAsync("Looked", commit: false);
        var cancelled = WriteAsync("Cancelled", ct: given.Token);
        var last = WriteAsync("Last");
        await given.CancelAsync();
        release.Set();

        Assert.True(await holder);
        Assert.Equal(1, await first);
        await Assert.ThrowsAsync<FormatException>(() => failed);
        Assert.Contains("append-only", (await Assert.ThrowsAsync<StoreException>(() => refused)).Message, StringComparison.Ordinal);
        // Each sees what those before it wrote.
        Assert.Equal(2, await looked);
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => cancelled);
        Assert.Equal(2, await last);
        Assert.Equal([(1, "First"), (2, "Last")], store.AllEvents().Select(static entry => (entry.Number, entry.Draft.Reason)));

        Task<int> WriteAsync(string reason, bool commit = true, CancellationToken? ct = null) => store.Database.WriteAsync(
            tx =>
            {
                tx.Append(Samples.Event(reason));
                return (int)tx.QuerySingleOrDefault<long>("select max(number) from events");
            },
            commit, ct ?? Ct);
    }

    [Fact, Trait("Requirement", "QMF-STORE-002")]
    public async Task Write_TheDatabaseIsClosed_SaysSo()
    {
        using var store = await StoreFixture.OpenAsync();
        store.Database.Dispose();

        await Assert.ThrowsAsync<ObjectDisposedException>(() => store.Database.WriteAsync(static _ => 1, commit: true, Ct));
    }

    [Fact]
    public void StateLock_HeldAlready_SaysByWhom()
    {
        using var folder = new TemporaryFolder();
        using (StateLock.Take(folder.Path))
        {
            var error = Assert.Throws<StoreException>(() => StateLock.Take(folder.Path));
            Assert.Contains($"process {Environment.ProcessId}.", error.Message, StringComparison.Ordinal);
        }
        using var again = StateLock.Take(folder.Path);
        Assert.NotNull(again);
    }
}
