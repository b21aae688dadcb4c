using Qm.Fleet.Core.Environments;
using Qm.Fleet.Core.Revisions;
using Qm.Fleet.Core.Rollouts;

namespace Qm.Fleet.Controller.Tests.Storage;

[Trait("Requirement", "QMF-ROLL-008")]
public sealed class FleetRemovalTests
{
    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Delete_WithNodes_GoesToNothingAndIsForgottenWhenSeenSo()
    {
        using var store = await OpenAsync();
        var applied = await store.ApplyAsync(Samples.Fleet());

        var deleting = (await store.Fleets.DeleteAsync("cockpit", null, "admin:test", Ct))!;
        Assert.Equal((store.Time.GetUtcNow(), Removal.Revision, 2), (deleting.DeletingSince, deleting.Revision, deleting.Rollout!.Number));
        var before = store.Dump();
        Assert.Equal(2, (await store.Fleets.DeleteAsync("cockpit", null, "admin:test", Ct))!.Rollout!.Number);
        Assert.Equal(before, store.Dump());

        var desired = Assert.Single((await store.Reconcile.LoadDesiredAsync(Ct)).Fleets);
        Assert.True(desired.IsDeleting);
        Assert.Same(Removal.Environment, desired.Environment);
        Assert.Equal(applied.Fleet.Revision, desired.Rollout!.FromRevision);

        await store.Reconcile.ForgetAsync(desired, Ct);
        Assert.Null(store.Fleets.Find("cockpit"));
        Assert.Equal(["FleetCreated", "FleetDeleting", "FleetDeleted"], store.AllEvents().Select(entry => entry.Draft.Reason).Where(reason => reason.StartsWith("Fleet", StringComparison.Ordinal)));
    }

    [Fact]
    public async Task Apply_WhileItIsDeleted_WantsItAgainAndIsNotForgotten()
    {
        using var store = await OpenAsync();
        var first = await store.ApplyAsync(Samples.Fleet());
        await store.Fleets.DeleteAsync("cockpit", null, "admin:test", Ct);
        var seen = Assert.Single((await store.Reconcile.LoadDesiredAsync(Ct)).Fleets);

        var again = await store.ApplyAsync(Samples.Fleet());
        await store.Reconcile.ForgetAsync(seen, Ct);

        var fleet = store.Fleets.Find("cockpit")!;
        Assert.Equal((first.Fleet.Revision, null, 3, Removal.Revision), (fleet.Revision, fleet.DeletingSince, fleet.Rollout!.Number, fleet.Rollout.FromRevision));
        Assert.Equal(V1.ApplyResult.Configured, again.Result);
    }

    [Theory]
    [InlineData("orphan", null)]
    [InlineData("", OnDelete.Orphan)]
    public async Task Delete_Orphan_ForgetsAtOnce(string spec, OnDelete? asked)
    {
        using var store = await OpenAsync();
        var fleet = Samples.Fleet();
        fleet.Spec.OnDelete = spec;
        await store.ApplyAsync(fleet);

        Assert.Null((await store.Fleets.DeleteAsync("cockpit", asked, "admin:test", Ct))!.DeletingSince);
        Assert.Null(store.Fleets.Find("cockpit"));
    }

    [Fact]
    public async Task Delete_AskedAgainAfterItWasEnded_BeginsAnew()
    {
        using var store = await OpenAsync();
        await store.ApplyAsync(Samples.Fleet());
        await store.Fleets.DeleteAsync("cockpit", null, "admin:test", Ct);
        await store.Rollouts.ChangeAsync("cockpit", (state, _) => RolloutVerbs.Abort(state, "admin:test", ""), "RolloutAborted", "admin:test", "", Ct);

        Assert.Equal(3, (await store.Fleets.DeleteAsync("cockpit", null, "admin:test", Ct))!.Rollout!.Number);
    }

    [Fact]
    [Trait("Requirement", "QMF-ROLL-009")]
    public async Task Apply_MoreRevisionsThanTheLimit_ForgetsTheOldestAndNumbersOn()
    {
        using var store = await OpenAsync();
        for (var size = 1; size <= 6; size++)
        {
            var fleet = Samples.Fleet(memoryMax: $"{size}G");
            fleet.Spec.RevisionHistoryLimit = 3;
            await store.ApplyAsync(fleet);
        }

        Assert.Equal([6, 5, 4], store.Fleets.Revisions("cockpit", "", 0, 10).Select(revision => revision.Number));
        Assert.Equal(6, store.Fleets.Find("cockpit")!.Rollout!.Number);
    }

    [Fact]
    [Trait("Requirement", "QMF-ROLL-009")]
    public async Task Apply_OldRevisionThatNodesGoBackTo_IsKept()
    {
        using var store = await OpenAsync();
        var first = (await store.ApplyAsync(Limited("1G"))).Fleet.Revision;
        await store.ApplyAsync(Limited("2G"));
        var fleet = Assert.Single((await store.Reconcile.LoadDesiredAsync(Ct)).Fleets);
        var state = fleet.Rollout!.State with { Members = RolloutState.NoMembers.Add("ecu1", new(MemberState.Waiting, store.Time.GetUtcNow(), first)) };
        Assert.True(await store.Reconcile.AdvanceAsync(fleet.Uid, fleet.Rollout, state, "", [], Ct));

        // The member goes on with what it has, from rollout to rollout.
        await store.ApplyAsync(Limited("3G"));
        Assert.Contains(first, store.Fleets.Revisions("cockpit", "", 0, 10).Select(revision => revision.Name));
        Assert.Contains(first, Assert.Single((await store.Reconcile.LoadDesiredAsync(Ct)).Fleets).Environments.Keys);

        static V1.Fleet Limited(string memoryMax)
        {
            var fleet = Samples.Fleet(memoryMax: memoryMax);
            fleet.Spec.RevisionHistoryLimit = 1;
            return fleet;
        }
    }

    private static async Task<StoreFixture> OpenAsync()
    {
        var store = await StoreFixture.OpenAsync();
        await store.Nodes.ApplyAsync([Samples.Spec("ecu1", ("zone", "cockpit"))], "admin:test", dryRun: false, CancellationToken.None);
        return store;
    }
}
