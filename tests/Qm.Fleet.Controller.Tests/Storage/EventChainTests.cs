using Microsoft.Data.Sqlite;
using Qm.Fleet.Controller.Storage;
using Qm.Fleet.Core.Audit;

namespace Qm.Fleet.Controller.Tests.Storage;

[Trait("Requirement", "QMF-AUDIT-002")]
public sealed class EventChainTests
{
    private const string NoGuards = "drop trigger events_are_not_changed; drop trigger event_hashes_are_not_changed; drop trigger events_are_not_deleted; drop trigger events_have_a_hash;";

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Append_ManyInATransactionAndManyTransactionsAtOnce_IsOneChain()
    {
        using var store = await StoreFixture.OpenAsync();

        await Task.WhenAll(Enumerable.Range(0, 30).Select(index => Task.Run(
            () => store.Reconcile.AppendEventsAsync([Samples.Event($"A{index}"), Samples.Event($"B{index}"), Samples.Event($"C{index}")], Ct), Ct)));

        Assert.Equal((null, 90), Walk(store));
    }

    [Fact]
    public async Task Append_BesideWhatIsUndone_HangsOnWhatIsKept()
    {
        using var store = await StoreFixture.OpenAsync();
        using var release = new ManualResetEventSlim();
        var holder = store.Database.WriteAsync(_ => release.Wait(RunningController.Deadline, Ct), commit: true, Ct);
        var first = store.Reconcile.AppendEventsAsync([Samples.Event("First")], Ct);
        var undone = store.Database.WriteAsync<int>(
            static tx =>
            {
                tx.Append(Samples.Event("Undone"));
                throw new FormatException();
            },
            commit: true, Ct);
        var looked = store.ApplyAsync(Samples.Fleet(), dryRun: true);
        var last = store.Reconcile.AppendEventsAsync([Samples.Event("Last")], Ct);
        release.Set();

        await Assert.ThrowsAsync<FormatException>(() => undone);
        await Task.WhenAll(holder, first, looked, last);
        Assert.Equal((null, 2), Walk(store));
    }

    [Fact]
    public async Task Append_TextsOfAnyKind_AreReadBackAsTheyWereHashed()
    {
        using var store = await StoreFixture.OpenAsync();
        store.Time.Advance(TimeSpan.FromTicks(7));

        await store.Reconcile.AppendEventsAsync([Samples.Event() with { Message = "a\0b \ud800 \ufeff \r\n jörg \U0001F697", Unit = "\0" }], Ct);

        Assert.Equal((null, 1), Walk(store));
    }

    [Fact]
    public async Task Open_Again_GoesOnWithTheChain()
    {
        using var store = await StoreFixture.OpenAsync();
        await store.ApplyAsync(Samples.Fleet());
        var remembered = Link(store.AllEvents()[^1]);

        store.Reopen();
        await store.ApplyAsync(Samples.Fleet(memoryMax: "2G"));

        Assert.Equal((null, 2), Walk(store, remembered));
    }

    [Fact]
    public async Task Open_EventsOfAVersionWithoutHashes_AreHashedInSteps()
    {
        using var store = await StoreFixture.OpenAsync();
        await store.Reconcile.AppendEventsAsync([.. Enumerable.Range(0, 2500).Select(static index => Samples.Event($"E{index}"))], Ct);
        var before = store.AllEvents().Select(static stored => Convert.ToHexString(stored.Hash)).ToList();
        // Broken off after the first step.
        Tamper(store, "update events set hash = null where number > 1000");

        store.Reopen();

        Assert.Equal((null, 2500), Walk(store));
        Assert.Equal(before, store.AllEvents().Select(static stored => Convert.ToHexString(stored.Hash)));
    }

    [Theory]
    [InlineData("update events set message = 'Nothing happened.' where number = 3", AuditFault.Altered, 3)]
    [InlineData("update events set after_json = '{}' where number = 5", AuditFault.Altered, 5)]
    [InlineData("update events set hash = null where number = 2", AuditFault.Altered, 2)]
    [InlineData("delete from events where number = 3", AuditFault.Missing, 3)]
    [InlineData("delete from events where number = 1", AuditFault.Missing, 1)]
    [InlineData("update events set number = 99 where number = 2; update events set number = 2 where number = 3; update events set number = 3 where number = 99", AuditFault.Altered, 2)]
    [InlineData("delete from events where number >= 4", AuditFault.EndGone, 4)]
    [InlineData("delete from events", AuditFault.EndGone, 1)]
    public async Task Log_TamperedWith_IsFoundAlsoAfterARestart(string sql, AuditFault fault, long number)
    {
        using var store = await StoreFixture.OpenAsync();
        await store.Reconcile.AppendEventsAsync([.. Enumerable.Range(0, 5).Select(static index => Samples.Event($"E{index}"))], Ct);
        var remembered = Link(store.AllEvents()[^1]);

        Tamper(store, sql);
        var atOnce = Walk(store, remembered).Wrong;
        store.Reopen();
        var later = Walk(store, remembered).Wrong;

        Assert.Equal((fault, number), (atOnce!.Fault, atOnce.Number));
        Assert.Equal(atOnce, later);
    }

    [Fact]
    public async Task Log_TailRemovedAndGoneOn_IsToldToWhoRemembersTheEnd()
    {
        using var store = await StoreFixture.OpenAsync();
        await store.Reconcile.AppendEventsAsync([Samples.Event("A"), Samples.Event("B"), Samples.Event("C")], Ct);
        var remembered = Link(store.AllEvents()[^1]);

        Tamper(store, "delete from events where number > 1");
        await store.Reconcile.AppendEventsAsync([Samples.Event("D"), Samples.Event("E"), Samples.Event("F")], Ct);

        Assert.Equal((null, 4), Walk(store));
        var wrong = Walk(store, remembered).Wrong;
        Assert.Equal((AuditFault.EndGone, 3), (wrong!.Fault, wrong.Number));
    }

    private static AuditLink Link(StoredEvent stored) => new(stored.Number, [.. stored.Hash]);

    private static (AuditBreak? Wrong, long End) Walk(StoreFixture store, AuditLink? remembered = null)
    {
        var chain = new AuditChain(remembered);
        foreach (var stored in store.AllEvents())
        {
            if (chain.Take(stored.ToRecord(), stored.Hash) is { } wrong)
            {
                return (wrong, chain.End.Number);
            }
        }
        return (chain.Finish(), chain.End.Number);
    }

    // As somebody does who can write the file.
    private static void Tamper(StoreFixture store, string sql)
    {
        using var connection = new SqliteConnection($"Data Source={store.File};Pooling=false");
        connection.Open();
        using var command = connection.CreateCommand();
#pragma warning disable CA2100 // only literals of this class come here
        command.CommandText = NoGuards + sql;
#pragma warning restore CA2100
        command.ExecuteNonQuery();
    }
}
