using Qm.Fleet.Controller.Storage;
using Qm.Fleet.Core.Rollouts;
using Qm.Fleet.Core.Supervision;

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
        Assert.Equal((applied.Fleet.Uid, applied.Fleet.Revision, applied.Begun!.Number), (fleet.Uid, fleet.Revision, fleet.Rollout!.Number));
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
    [Trait("Requirement", "QMF-RULE-9")]
    [Trait("Requirement", "QMF-SHED-003")]
    public async Task Supervise_WhatWasDone_IsReadBackWhole()
    {
        using var store = await StoreFixture.OpenAsync();
        var now = store.Time.GetUtcNow();
        var state = NodeSupervision.New with
        {
            Revision = "11111111",
            Units = NodeSupervision.New.Units.Add("radio.service", UnitWatch.New with { Restarts = [now, now.AddSeconds(2)], Attempts = 2, Step = 1, Left = new('a', 32) }),
            QmRestarts = [now],
            Earlier = [now.AddHours(-1)],
            Frozen = ["maps.service", "navi.service"],
            Quarantine = new("nothing helped", now, "controller"),
        };

        await store.Reconcile.SuperviseAsync("ecu1", state, [], Ct);

        var read = (await store.Reconcile.LoadSupervisionAsync(Ct)).Nodes["ecu1"];
        Assert.False(state.MustBeStored(read));
        Assert.Equal((state.Revision, state.Quarantine, state.Units["radio.service"]), (read.Revision, read.Quarantine, read.Units["radio.service"]));
    }

    [Fact]
    [Trait("Requirement", "QMF-RULE-1")]
    [Trait("Requirement", "QMF-SHED-003")]
    public async Task Supervise_AfterSomebodyDecided_LeavesTheDecision()
    {
        using var store = await StoreFixture.OpenAsync();
        await store.Nodes.ApplyAsync([Samples.Spec("ecu1")], "admin:test", dryRun: false, Ct);
        var judged = NodeSupervision.New with { QmRestarts = [store.Time.GetUtcNow()], Frozen = ["maps.service"] };
        await store.Reconcile.SuperviseAsync("ecu1", judged, [], Ct);

        await store.Nodes.QuarantineAsync("ecu1", quarantine: true, "admin:test", "it smokes", Ct);
        await store.Reconcile.SuperviseAsync("ecu1", judged, [], Ct);

        Assert.Equal("admin:test put it there: it smokes", (await store.Reconcile.LoadSupervisionAsync(Ct)).Nodes["ecu1"].Quarantine?.Reason);
        await store.Nodes.QuarantineAsync("ecu1", quarantine: false, "admin:test", "it was the toaster", Ct);
        var released = (await store.Reconcile.LoadSupervisionAsync(Ct)).Nodes["ecu1"];
        // It begins anew, and what was frozen is thawed yet.
        Assert.Equal((null, 0, "maps.service"), (released.Quarantine, released.QmRestarts.Length, Assert.Single(released.Frozen)));
    }

    [Fact]
    [Trait("Requirement", "QMF-ROLL-002")]
    public async Task Advance_Moved_IsReadBackWhole()
    {
        using var store = await StoreFixture.OpenAsync();
        await store.ApplyAsync(Samples.Fleet());
        var (fleet, rollout) = await LoadAsync(store);
        store.Time.Advance(TimeSpan.FromMinutes(1));
        var now = store.Time.GetUtcNow();
        var state = rollout.State with
        {
            Phase = RolloutPhase.Paused,
            Reason = "ecu1 failed: QuadletRefused",
            Batch = 1,
            BatchSince = now,
            Stop = new("admin:test", "the bench is in use", now),
            Forgiven = ["ecu7"],
            Members = rollout.State.Members
                .Add("ecu1", new(MemberState.Returned, now, "11111111") { Batch = 0, Failure = "QuadletRefused" })
                .Add("ecu2", new(MemberState.Soaking, now, "") { Batch = 1, Mark = new(3, HealthMark.None.Restarts.Add("qm.service", 4).Add("radio.service", 0)), HealthySince = now })
                .Add("ecu3", new(MemberState.Waiting, now, "")),
        };

        Assert.True(await store.Reconcile.AdvanceAsync(fleet.Uid, rollout, state, "ecu1 failed", [Samples.Event("RolloutPaused")], Ct));

        var (after, stored) = await LoadAsync(store);
        Assert.Equal((2L, RolloutPhase.Paused, "ecu1 failed", null), (stored.Version, stored.Phase, stored.Message, stored.EndedAt));
        Assert.Equal(state.Members, stored.State.Members);
        Assert.Equal(state.Forgiven, stored.State.Forgiven);
        Assert.Equal((state.Reason, state.Batch, state.BatchSince, state.Stop), (stored.State.Reason, stored.State.Batch, stored.State.BatchSince, stored.State.Stop));
        Assert.Equal([("ecu1", "QuadletRefused")], after.Failures.Select(static failure => (failure.Key, failure.Value)));
        Assert.Single(store.AllEvents(), static entry => entry.Draft.Reason == "RolloutPaused");
    }

    [Fact]
    [Trait("Requirement", "QMF-ROLL-002")]
    public async Task Advance_ChangedMeanwhile_WritesNothing()
    {
        using var store = await StoreFixture.OpenAsync();
        await store.ApplyAsync(Samples.Fleet());
        var (fleet, seen) = await LoadAsync(store);
        await store.Rollouts.ChangeAsync("cockpit", static (state, now) => RolloutVerbs.Pause(state, "admin:test", "", now), "RolloutStopped", "admin:test", "", Ct);
        var before = store.Dump();

        Assert.False(await store.Reconcile.AdvanceAsync(fleet.Uid, seen, seen.State with { Phase = RolloutPhase.Succeeded }, "", [Samples.Event()], Ct));

        Assert.Equal(before, store.Dump());
    }

    [Fact]
    public async Task Advance_Succeeded_SaysWhen()
    {
        using var store = await StoreFixture.OpenAsync();
        await store.ApplyAsync(Samples.Fleet());
        var (fleet, rollout) = await LoadAsync(store);
        store.Time.Advance(TimeSpan.FromMinutes(1));

        await store.Reconcile.AdvanceAsync(fleet.Uid, rollout, rollout.State with { Phase = RolloutPhase.Succeeded }, "all ready", [], Ct);

        Assert.Equal(store.Time.GetUtcNow(), store.Fleets.Find("cockpit")!.Rollout!.EndedAt);
    }

    [Fact]
    [Trait("Requirement", "QMF-RULE-8")]
    public async Task Failure_OfARevision_IsKnownUntilSomebodyRetries()
    {
        using var store = await StoreFixture.OpenAsync();
        await store.ApplyAsync(Samples.Fleet());
        var (fleet, rollout) = await LoadAsync(store);
        var failed = new RolloutMember(MemberState.Returned, store.Time.GetUtcNow(), "") { Failure = "QuadletRefused" };
        await store.Reconcile.AdvanceAsync(fleet.Uid, rollout, rollout.State with { Members = rollout.State.Members.Add("ecu1", failed) }, "", [], Ct);

        await store.ApplyAsync(Samples.Fleet(memoryMax: "4G"));
        Assert.Empty((await LoadAsync(store)).Fleet.Failures);
        await store.ApplyAsync(Samples.Fleet());
        var (again, third) = await LoadAsync(store);
        Assert.Equal(["ecu1"], again.Failures.Keys);

        // The engine finds it out of the failures; here it is told.
        await store.Reconcile.AdvanceAsync(again.Uid, third, third.State with { Members = RolloutState.NoMembers.Add("ecu1", failed) }, "", [], Ct);
        var retried = await store.Rollouts.ChangeAsync("cockpit", static (state, now) => RolloutVerbs.Retry(state, [], now), "RolloutRetried", "admin:test", "", Ct);

        Assert.Equal((MemberState.Waiting, ""), (retried.Rollout!.State.Members["ecu1"].State, retried.Rollout.State.Members["ecu1"].Failure));
        Assert.Empty((await LoadAsync(store)).Fleet.Failures);
    }

    [Fact]
    [Trait("Requirement", "QMF-ROLL-004")]
    public async Task Apply_WhileARolloutRuns_CarriesItsNodesOver()
    {
        using var store = await StoreFixture.OpenAsync();
        await store.ApplyAsync(Samples.Fleet());
        var (fleet, rollout) = await LoadAsync(store);
        var now = store.Time.GetUtcNow();
        await store.Reconcile.AdvanceAsync(
            fleet.Uid, rollout,
            rollout.State with { Members = rollout.State.Members.Add("ecu1", new(MemberState.Moving, now, "")).Add("ecu2", new(MemberState.Done, now, "")) }, "", [], Ct);

        await store.ApplyAsync(Samples.Fleet(memoryMax: "4G"));

        var (after, next) = await LoadAsync(store);
        Assert.Equal((2, MemberState.Moving), (next.Number, next.State.Members["ecu1"].State));
        Assert.Equal((MemberState.Waiting, fleet.Revision), (next.State.Members["ecu2"].State, next.State.Members["ecu2"].Base));
        Assert.Equal("3G", after.Environments[fleet.Revision].Resources[Core.Resources.ResourceProperty.MemoryMax].ToString());
    }

    private static async Task<(DesiredFleet Fleet, StoredRollout Rollout)> LoadAsync(StoreFixture store)
    {
        var fleet = Assert.Single((await store.Reconcile.LoadDesiredAsync(Ct)).Fleets);
        return (fleet, fleet.Rollout!);
    }

    [Fact]
    public void StoredNumbers_OfEnumerations_NeverChange()
    {
        Assert.Equal(Enumerable.Range(1, 7), Enum.GetValues<RolloutPhase>().Select(static value => (int)value));
        Assert.Equal(["Progressing", "Paused", "Succeeded", "Superseded", "RollingBack", "RolledBack", "Aborted"], Enum.GetNames<RolloutPhase>());
        Assert.Equal(Enumerable.Range(1, 8), Enum.GetValues<MemberState>().Select(static value => (int)value));
        Assert.All(
            Enum.GetValues<MemberState>(), static state => Assert.Equal(state.ToString(), ((V1.RolloutMember.Types.State)state).ToString()));
        Assert.Equal([1, 2, 3, 4], Enum.GetValues<EventSeverity>().Select(static value => (int)value));
        Assert.Equal(["Info", "Warning", "Error", "Critical"], Enum.GetNames<EventSeverity>());
        Assert.All(
            Enum.GetValues<RolloutPhase>(), static phase => Assert.Equal(phase.ToString(), ((V1.Rollout.Types.Phase)phase).ToString()));
        Assert.All(
            Enum.GetValues<EventSeverity>(),
            static severity => Assert.Equal(severity.ToString(), ((V1.Event.Types.Severity)severity).ToString()));
    }
}
