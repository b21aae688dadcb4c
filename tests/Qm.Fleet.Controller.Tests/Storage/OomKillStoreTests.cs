using Qm.Fleet.Controller.Reconcile;
using Qm.Fleet.Controller.Storage;
using Qm.Fleet.Core.OutOfMemory;

namespace Qm.Fleet.Controller.Tests.Storage;

[Trait("Requirement", "QMF-OOM-002")]
public sealed class OomKillStoreTests
{
    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Add_TheSameAgainAndAfterAReopen_IsOneEvent()
    {
        using var store = await StoreFixture.OpenAsync();
        var kills = new[] { Told("kmsg:7"), Told("kmsg:9") };
        Assert.Equal(kills, await new OomKillStore(store.Database).AddAsync(kills, Ct));
        Assert.Empty(await new OomKillStore(store.Database).AddAsync(kills, Ct));
        store.Reopen();

        Assert.Equal(["kmsg:10"], (await new OomKillStore(store.Database).AddAsync([.. kills, Told("kmsg:10")], Ct)).Select(kill => kill.Record));
        Assert.Equal(3, store.AllEvents().Count(stored => stored.Draft.Reason == "OomKilled"));
    }

    [Fact]
    public async Task Add_TheSameNameInAnotherBootOrOnAnotherNode_IsAnother()
    {
        using var store = await StoreFixture.OpenAsync();
        var added = await new OomKillStore(store.Database).AddAsync([Told("kmsg:7"), Told("kmsg:7", boot: "boot-2"), Told("kmsg:7", node: "ecu2"), Told("kmsg:7")], Ct);
        Assert.Equal(3, added.Count);
    }

    [Fact]
    public async Task Add_MoreThanIsRemembered_KeepsTheNewestAndEveryEvent()
    {
        using var store = await StoreFixture.OpenAsync();
        ToldKill[] kills = [.. Enumerable.Range(0, OomKillStore.RememberedPerNode + 100).Select(i => Told($"kmsg:{i}"))];
        await new OomKillStore(store.Database).AddAsync(kills, Ct);
        Assert.Equal(kills.Length, store.AllEvents().Count);
        Assert.Equal(OomKillStore.RememberedPerNode, store.Database.Read(static db => db.QuerySingleOrDefault<int>("select count(*) from oom_kills")));
        Assert.Empty(await new OomKillStore(store.Database).AddAsync(kills[^256..], Ct));
    }

    // QM can have its own containers killed for ever: the log that all share takes so many of them, and how many it did not.
    [Fact]
    [Trait("Requirement", "QMF-LIMIT-005")]
    public async Task Add_KillsWithoutEnd_AreLeftOutOfTheLogCountedAndNotAskedForAgain()
    {
        using var store = await StoreFixture.OpenAsync();
        var (kills, pace, now) = (new OomKillStore(store.Database), new NodeEventPace("ecu1"), new DateTimeOffset(2026, 11, 28, 12, 0, 0, TimeSpan.Zero));
        ToldKill[] many = [.. Enumerable.Range(0, (int)NodeEventPace.Most.Burst + 100).Select(i => Told($"kmsg:{i}"))];

        Assert.Equal(many[..^100], await kills.AddAsync(many, Admit, Ct));
        now += TimeSpan.FromSeconds(1);
        Assert.Equal("kmsg:more", Assert.Single(await kills.AddAsync([.. many[^100..], Told("kmsg:more")], Admit, Ct)).Record);

        var told = store.AllEvents().Select(static stored => stored.Draft).TakeLast(2).ToArray();
        Assert.Equal([NodeEventPace.Reason, "OomKilled"], told.Select(static draft => draft.Reason));
        Assert.StartsWith("100 events of ecu1 since 2026-11-28 12:00:00Z were left out", told[0].Message, StringComparison.Ordinal);

        EventDraft[] Admit(EventDraft draft) => [.. pace.Admit([draft], now)];
    }

    private static ToldKill Told(string record, string boot = "boot-1", string node = "ecu1") => new(
        boot, record, OomKillEvents.Of(new() { Record = record, Place = OomPlace.Nested, Unit = "radio.service", Comm = "radio" }, null, node, "cockpit"));
}
