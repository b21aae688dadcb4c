using Qm.Fleet.Controller.Storage;
using Qm.Fleet.Core.Rollouts;

namespace Qm.Fleet.Controller.Tests.Storage;

public sealed class ReconcileStoreTests
{
    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task LoadDesired_FleetAndNodes_AreReadBackWhole()
    {
        using var store = await StoreFixture.OpenAsync();
        var applied = await store.ApplyAsync(Samples.Fleet());
        await store.Nodes.ApplyAsync([Samples.Spec("ecu2", ("zone", "cockpit")), Samples.Spec("ecu1")], "admin:test", dryRun: false, Ct);

        var desired = await store.Reconcile.LoadDesiredAsync(Ct);

        var fleet = Assert.Single(desired.Fleets);
        Assert.Equal((applied.Fleet.Uid, applied.Fleet.Revision, applied.Begun), (fleet.Uid, fleet.Revision, fleet.Rollout));
        Assert.True(fleet.Selector.Matches(desired.Nodes[1].Labels));
        Assert.Equal("3G", fleet.Environment.Resources[Core.Resources.ResourceProperty.MemoryMax].ToString());
        Assert.Equal(["ecu1", "ecu2"], desired.Nodes.Select(static node => node.Name));
    }

    [Fact]
    public async Task EnsureNodes_SomeKnown_AddsTheOthersOnce()
    {
        using var store = await StoreFixture.OpenAsync();
        await store.Nodes.ApplyAsync([Samples.Spec("ecu1", ("zone", "cockpit"))], "admin:test", dryRun: false, Ct);

        await store.Reconcile.EnsureNodesAsync("local", ["ecu1", "ecu2"], Ct);
        await store.Reconcile.EnsureNodesAsync("local", ["ecu1", "ecu2"], Ct);

        Assert.Equal("cockpit", store.Nodes.Find("ecu1")!.Labels["zone"]);
        Assert.Equal(
            [("NodeCreated", "ecu1"), ("NodeDiscovered", "ecu2")], store.AllEvents().Select(static entry => (entry.Draft.Reason, entry.Draft.Node)));
    }

    [Fact]
    public async Task UpdateRollout_Moved_IsStoredWithItsEventOnce()
    {
        using var store = await StoreFixture.OpenAsync();
        await store.ApplyAsync(Samples.Fleet());
        store.Time.Advance(TimeSpan.FromMinutes(1));

        await store.Reconcile.UpdateRolloutAsync("cockpit", 1, RolloutPhase.Paused, "ecu1 failed", Samples.Event("RolloutPaused"), Ct);
        await store.Reconcile.UpdateRolloutAsync("cockpit", 1, RolloutPhase.Paused, "ecu1 failed", Samples.Event("RolloutPaused"), Ct);

        var rollout = store.Fleets.Find("cockpit")!.Rollout!;
        Assert.Equal((RolloutPhase.Paused, "ecu1 failed", null), (rollout.Phase, rollout.Message, rollout.EndedAt));
        Assert.Single(store.AllEvents(), static entry => entry.Draft.Reason == "RolloutPaused");
    }

    [Fact]
    public async Task UpdateRollout_EndedMeanwhile_ChangesNothing()
    {
        using var store = await StoreFixture.OpenAsync();
        await store.ApplyAsync(Samples.Fleet());
        await store.ApplyAsync(Samples.Fleet(memoryMax: "4G"));
        var before = store.Dump();

        await store.Reconcile.UpdateRolloutAsync("cockpit", 1, RolloutPhase.Succeeded, "", Samples.Event("RolloutSucceeded"), Ct);

        Assert.Equal(before, store.Dump());
    }

    [Fact]
    public async Task UpdateRollout_Succeeded_SaysWhen()
    {
        using var store = await StoreFixture.OpenAsync();
        await store.ApplyAsync(Samples.Fleet());
        store.Time.Advance(TimeSpan.FromMinutes(1));

        await store.Reconcile.UpdateRolloutAsync("cockpit", 1, RolloutPhase.Succeeded, "all ready", Samples.Event(), Ct);

        Assert.Equal(store.Time.GetUtcNow(), store.Fleets.Find("cockpit")!.Rollout!.EndedAt);
    }

    [Fact]
    public async Task RememberFailure_Twice_IsKnownForThatRevisionAndOneEvent()
    {
        using var store = await StoreFixture.OpenAsync();
        var fleet = (await store.ApplyAsync(Samples.Fleet())).Fleet;

        await store.Reconcile.RememberFailureAsync(fleet.Uid, "ecu1", fleet.Revision, "QuadletRefused", Samples.Event("RevisionFailed"), Ct);
        await store.Reconcile.RememberFailureAsync(fleet.Uid, "ecu1", fleet.Revision, "QuadletRefused", Samples.Event("RevisionFailed"), Ct);

        Assert.Equal(["ecu1"], Assert.Single((await store.Reconcile.LoadDesiredAsync(Ct)).Fleets).Failures.Keys);
        Assert.Single(store.AllEvents(), static entry => entry.Draft.Reason == "RevisionFailed");
        await store.ApplyAsync(Samples.Fleet(memoryMax: "4G"));
        Assert.Empty(Assert.Single((await store.Reconcile.LoadDesiredAsync(Ct)).Fleets).Failures.Keys);
        await store.ApplyAsync(Samples.Fleet());
        Assert.Equal(["ecu1"], Assert.Single((await store.Reconcile.LoadDesiredAsync(Ct)).Fleets).Failures.Keys);
    }

    [Fact]
    public void StoredNumbers_OfEnumerations_NeverChange()
    {
        Assert.Equal([1, 2, 3, 4], Enum.GetValues<RolloutPhase>().Select(static value => (int)value));
        Assert.Equal(["Progressing", "Paused", "Succeeded", "Superseded"], Enum.GetNames<RolloutPhase>());
        Assert.Equal([1, 2, 3, 4], Enum.GetValues<EventSeverity>().Select(static value => (int)value));
        Assert.Equal(["Info", "Warning", "Error", "Critical"], Enum.GetNames<EventSeverity>());
        Assert.All(
            Enum.GetValues<RolloutPhase>(), static phase => Assert.Equal(phase.ToString(), ((V1.Rollout.Types.Phase)phase).ToString()));
        Assert.All(
            Enum.GetValues<EventSeverity>(),
            static severity => Assert.Equal(severity.ToString(), ((V1.Event.Types.Severity)severity).ToString()));
    }
}
