using Qm.Fleet.Controller.Storage;
using Qm.Fleet.Core.Environments;
using Qm.Fleet.Core.Rollouts;

namespace Qm.Fleet.Controller.Tests.Storage;

public sealed class FleetStoreTests
{
    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact, Trait("Requirement", "QMF-STORE-001")]
    public async Task Apply_NewFleet_StoresRevisionRolloutAndEventTogether()
    {
        using var store = await StoreFixture.OpenAsync();

        var applied = await store.ApplyAsync(Samples.Fleet());

        Assert.Equal(V1.ApplyResult.Created, applied.Result);
        Assert.Equal(1, applied.Fleet.Generation);
        var revision = Assert.Single(store.Fleets.Revisions("", "", 0, 10));
        Assert.Equal(Canonical.Hash(applied.Fleet.Spec.Environment), revision.Uid);
        Assert.Equal(revision.Uid[..8], revision.Name);
        Assert.Equal(revision.Name, applied.Fleet.Revision);
        var begun = applied.Begun!;
        Assert.Equal(("cockpit", 1, 1L, "", revision.Name), (begun.Fleet, begun.Number, begun.Version, begun.FromRevision, begun.ToRevision));
        Assert.Equal((RolloutPhase.Progressing, store.Time.GetUtcNow(), null, "accepted; the reconciler has not looked yet"), (begun.Phase, begun.StartedAt, begun.EndedAt, begun.Message));
        var entry = Assert.Single(store.AllEvents());
        Assert.Equal(("FleetCreated", "admin:test", "cockpit"), (entry.Draft.Reason, entry.Draft.Actor, entry.Draft.Fleet));
    }

    [Fact, Trait("Requirement", "QMF-STORE-001")]
    public async Task Apply_SecondOfTwoBreaks_NothingOfTheFirstIsStored()
    {
        using var store = await StoreFixture.OpenAsync();
        await store.ApplyAsync(Samples.Fleet());
        await store.Database.WriteAsync(
            static tx => tx.Execute("create trigger broken before insert on fleets when new.name = 'b' begin select raise(abort, 'no'); end") >= 0
                && tx.Execute("update sites set address = 'unix:path=/x'") > 0,
            commit: true, Ct);
        var before = store.Dump();

        await Assert.ThrowsAsync<StoreException>(() => store.Fleets.ApplyAsync(
            [Samples.Draft(Samples.Fleet("a")), Samples.Draft(Samples.Fleet("b"))], "admin:test", dryRun: false, Ct));

        Assert.Equal(before, store.Dump());
    }

    [Fact, Trait("Requirement", "QMF-API-002")]
    public async Task Apply_Unchanged_WritesNothingAndTellsNobody()
    {
        using var store = await StoreFixture.OpenAsync();
        await store.ApplyAsync(Samples.Fleet());
        var before = store.Dump();
        using var changes = store.Feed.Subscribe(ResourceKind.Fleet, ResourceKind.Event, ResourceKind.Desired);

        var applied = await store.ApplyAsync(Samples.Fleet());

        Assert.Equal((V1.ApplyResult.Unchanged, null), (applied.Result, applied.Begun));
        Assert.Equal(before, store.Dump());
        Assert.False(changes.WaitAsync(Ct).IsCompleted);
    }

    [Fact]
    public async Task Apply_DryRun_AnswersAsUsualAndKeepsNothing()
    {
        using var store = await StoreFixture.OpenAsync();
        await store.ApplyAsync(Samples.Fleet());
        var before = store.Dump();

        var applied = await store.ApplyAsync(Samples.Fleet(memoryMax: "4G"), dryRun: true);

        Assert.Equal((V1.ApplyResult.Configured, 2L), (applied.Result, applied.Fleet.Generation));
        Assert.Equal(before, store.Dump());
    }

    [Fact]
    public async Task Apply_OtherEnvironment_SupersedesTheRunningRollout()
    {
        using var store = await StoreFixture.OpenAsync();
        var first = await store.ApplyAsync(Samples.Fleet());

        var second = await store.ApplyAsync(Samples.Fleet(memoryMax: "4G"));

        Assert.Equal((2, first.Fleet.Revision, second.Fleet.Revision), (second.Begun!.Number, second.Begun.FromRevision, second.Begun.ToRevision));
        Assert.Equal(first.Fleet.Uid, second.Fleet.Uid);
        var old = Assert.Single(store.Database.Read(static db => db.Query<(long Phase, long? EndedAt, string Message)>(
            "select phase, ended_at, message from rollouts where number = 1")));
        Assert.Equal(((long)RolloutPhase.Superseded, store.Time.GetUtcNow().ToMicroseconds(), "cockpit/2 took its place"), old);
    }

    [Fact]
    public async Task Apply_BackToAnEarlierEnvironment_UsesItsRevisionAgain()
    {
        using var store = await StoreFixture.OpenAsync();
        var first = await store.ApplyAsync(Samples.Fleet());
        await store.ApplyAsync(Samples.Fleet(memoryMax: "4G"));

        var third = await store.ApplyAsync(Samples.Fleet());

        Assert.Equal(first.Fleet.Revision, third.Fleet.Revision);
        Assert.Equal((3, 3L), (third.Begun!.Number, third.Fleet.Generation));
        Assert.Equal([2L, 1L], store.Fleets.Revisions("cockpit", "", 0, 10).Select(static revision => revision.Number));
    }

    [Fact]
    public async Task Apply_OnlySelectorOrWording_CountsAGenerationAndBeginsNoRollout()
    {
        using var store = await StoreFixture.OpenAsync();
        var first = await store.ApplyAsync(Samples.Fleet());
        var other = Samples.Fleet(memoryMax: "3072M");
        other.Spec.Selector = "zone=rear";

        var second = await store.ApplyAsync(other);

        Assert.Equal((V1.ApplyResult.Configured, 2L, first.Fleet.Revision), (second.Result, second.Fleet.Generation, second.Fleet.Revision));
        Assert.Null(second.Begun);
        Assert.Equal(1, second.Fleet.Rollout!.Number);
        Assert.Equal("3072M", store.Fleets.Find("cockpit")!.Wire.Environment.Resources.MemoryMax);
    }

    [Fact]
    public async Task Delete_ThenApplyAgain_KeepsHistoryAndNumbersOn()
    {
        using var store = await StoreFixture.OpenAsync();
        var first = await store.ApplyAsync(Samples.Fleet());
        await store.Fleets.DeleteAsync("cockpit", null, "admin:test", Ct);
        Assert.Null(store.Fleets.Find("cockpit"));

        var again = await store.ApplyAsync(Samples.Fleet());

        Assert.NotEqual(first.Fleet.Uid, again.Fleet.Uid);
        Assert.Equal((2, ""), (again.Begun!.Number, again.Begun.FromRevision));
        Assert.Single(store.Fleets.Revisions("cockpit", "", 0, 10));
        Assert.Equal(["FleetCreated", "FleetDeleted", "FleetCreated"], store.AllEvents().Select(static entry => entry.Draft.Reason));
        Assert.Null(await store.Fleets.DeleteAsync("nobody", null, "admin:test", Ct));
    }

    [Fact, Trait("Requirement", "QMF-RULE-1")]
    public async Task Reopen_AfterAcknowledgedApplies_SeesEachOfThem()
    {
        using var store = await StoreFixture.OpenAsync();
        var applied = new List<StoredFleet>();
        for (var index = 0; index < 20; index++)
        {
            applied.Add((await store.ApplyAsync(Samples.Fleet($"fleet{index % 5}", $"{index + 1}G"))).Fleet);
        }
        var before = store.Dump();

        store.Reopen();

        Assert.Equal(before, store.Dump());
        Assert.Equal(20, store.AllEvents().Count);
        Assert.All(applied.TakeLast(5), fleet => Assert.Equal(fleet.Revision, store.Fleets.Find(fleet.Name)!.Revision));
    }

    [Fact]
    public async Task Find_RowThatDoesNotValidate_NamesTheRow()
    {
        using var store = await StoreFixture.OpenAsync();
        await store.ApplyAsync(Samples.Fleet());
        await store.Database.WriteAsync(
            static tx => tx.Execute("update fleets set spec = json_set(spec, '$.environment.resources.MemoryMax', '3Q')"), commit: true, Ct);

        var error = Assert.Throws<CorruptRowException>(() => store.Fleets.Find("cockpit"));

        Assert.Equal(("fleets", "cockpit"), (error.Table, error.Key));
        Assert.Contains("MemoryMax", error.Message, StringComparison.Ordinal);
        await Assert.ThrowsAsync<CorruptRowException>(() => store.Reconcile.LoadDesiredAsync(Ct));
    }

    [Fact]
    public async Task Apply_RevisionNameTaken_TakesMoreDigits()
    {
        using var store = await StoreFixture.OpenAsync();
        var uid = Canonical.Hash(Samples.Draft(Samples.Fleet()).Spec.Environment);
        await store.Database.WriteAsync(
            tx => tx.Execute(
                "insert into revisions values ('other', @Name, 1, @Uid, '{}', 0)", new { Name = uid[..8], Uid = uid[..8] + new string('0', 56) }),
            commit: true, Ct);

        Assert.Equal(uid[..9], (await store.ApplyAsync(Samples.Fleet())).Fleet.Revision);
    }
}
