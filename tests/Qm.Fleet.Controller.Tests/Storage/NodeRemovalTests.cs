using Qm.Fleet.Controller.Storage;
using Qm.Fleet.Core.Revisions;
using Qm.Fleet.Core.Rollouts;

namespace Qm.Fleet.Controller.Tests.Storage;

[Trait("Requirement", "QMF-RETIRE-003")]
public sealed class NodeRemovalTests
{
    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Begin_NodeOfAFleet_LeavesItAsItsFleetWouldHaveItGo()
    {
        using var store = await OpenAsync(fleet => fleet.Spec.Rollout = new() { Windows = { "Mon-Fri 01:00-04:00 UTC" }, Batches = { new V1.RolloutBatch { Limit = "10%" }, new V1.RolloutBatch { Limit = "100%" } } });

        await BeginAsync(store);

        var desired = await store.Reconcile.LoadDesiredAsync(Ct);
        var leaving = Assert.Single(desired.Fleets, static fleet => fleet.Leaving is not null);
        Assert.Equal(("retire@ecu1", "ecu1", "cockpit", "", Removal.Revision), (leaving.Name, leaving.Leaving, leaving.Home, leaving.Shown, leaving.Revision));
        Assert.Same(Removal.Environment, leaving.Environment);
        Assert.Equal((1, RolloutPolicy.Default.Batches), (leaving.Policy.Windows.Length, leaving.Policy.Batches));
        Assert.Equal(["retire@ecu1"], desired.ClaimsOf(desired.Nodes[0]).Select(static fleet => fleet.Name));
        Assert.Equal(["cockpit"], desired.ClaimsOf(desired.Nodes[1]).Select(static fleet => fleet.Name));
    }

    [Fact]
    public async Task Advance_NothingIsLeftOnIt_RetiresItInTheSameTransaction()
    {
        using var store = await OpenAsync();
        await BeginAsync(store);
        var leaving = await LeavingAsync(store);
        store.Time.Advance(TimeSpan.FromMinutes(1));

        Assert.True(await store.Reconcile.AdvanceAsync(leaving.Uid, leaving.Rollout!, leaving.Rollout!.State with { Phase = RolloutPhase.Succeeded, Reason = "every value was read back as wanted" }, "done", [], Ct));

        var node = store.Nodes.Find("ecu1")!;
        Assert.Equal((true, null, "sold", "admin:ann"), (node.IsRetired, node.Removal, node.Decision!.Reason, node.Decision.Actor));
        Assert.True(store.Database.Read(db => NodeRemoval.WasClean(db, node)));
        Assert.Equal("node:ecu1", Assert.Single(new CertificateStore(store.Database).Revocations()).Subject);
        Assert.Equal(["ecu2"], (await store.Reconcile.LoadDesiredAsync(Ct)).Nodes.Select(static known => known.Name));
        var told = store.AllEvents().Where(static told => told.Draft.Node == "ecu1" && told.Draft.Reason.StartsWith("NodeRetir", StringComparison.Ordinal)).ToList();
        Assert.Equal(["NodeRetiring", "NodeRetired"], told.Select(static one => one.Draft.Reason));
        Assert.Contains("was taken off it first", told[1].Draft.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Cancel_BeforeItsEnd_GivesTheNodeBackAndEndsNothingLater()
    {
        using var store = await OpenAsync();
        await BeginAsync(store);
        var leaving = await LeavingAsync(store);

        await store.Database.WriteAsync(
            tx =>
            {
                NodeRemoval.Cancel(tx, RolloutRows.WithMembers(tx, RolloutRows.Find(tx, "retire@ecu1", 0)!), "admin:bob", "the wrong node");
                return 0;
            },
            commit: true, Ct);

        // What was decided before it was called off is not stored any more.
        Assert.False(await store.Reconcile.AdvanceAsync(leaving.Uid, leaving.Rollout!, leaving.Rollout!.State with { Phase = RolloutPhase.Succeeded }, "done", [], Ct));
        var desired = await store.Reconcile.LoadDesiredAsync(Ct);
        Assert.Equal(["cockpit"], desired.ClaimsOf(desired.Nodes[0]).Select(static fleet => fleet.Name));
        Assert.False(store.Nodes.Find("ecu1")!.IsRetired);
        Assert.Equal("NodeRetirementCancelled", store.AllEvents()[^1].Draft.Reason);
    }

    [Fact]
    public async Task Begin_Again_ChangesNothingUnlessItFailed()
    {
        using var store = await OpenAsync();
        await BeginAsync(store);
        var before = store.Dump();
        await BeginAsync(store);
        Assert.Equal(before, store.Dump());
        var leaving = await LeavingAsync(store);
        var failed = new RolloutMember(MemberState.Stuck, store.Time.GetUtcNow(), "") { Failure = "its disk is read-only" };
        await store.Reconcile.AdvanceAsync(leaving.Uid, leaving.Rollout!, leaving.Rollout!.State with { Phase = RolloutPhase.Paused, Reason = "ecu1 failed", Members = RolloutState.NoMembers.Add("ecu1", failed) }, "failed", [], Ct);
        Assert.NotEmpty((await LeavingAsync(store)).Failures);

        await BeginAsync(store);

        leaving = await LeavingAsync(store);
        Assert.Equal((RolloutPhase.Progressing, MemberState.Waiting, 0), (leaving.Rollout!.Phase, leaving.Rollout.State.Members["ecu1"].State, leaving.Failures.Count));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task RetireOrDelete_Meanwhile_EndsIt(bool isRetired)
    {
        using var store = await OpenAsync();
        await BeginAsync(store);

        await store.Database.WriteAsync(
            tx =>
            {
                var node = NodeStore.Find(tx, "ecu1")!;
                if (isRetired)
                {
                    Assert.False(NodeRemoval.WasClean(tx, NodeStore.Retire(tx, node, "admin:bob", "it burnt")));
                }
                else
                {
                    NodeStore.Delete(tx, node, "admin:bob");
                }
                return 0;
            },
            commit: true, Ct);

        Assert.DoesNotContain((await store.Reconcile.LoadDesiredAsync(Ct)).Fleets, static fleet => fleet.Leaving is not null);
        Assert.Equal(RolloutPhase.Superseded, store.Database.Read(static db => RolloutRows.Find(db, "retire@ecu1", 0))!.Phase);
        Assert.Empty(store.Database.Read(NodeRemoval.All));
        Assert.DoesNotContain(store.Rollouts.After("", "", 0, 10), static rollout => rollout.Fleet != "cockpit");
    }

    private static Task<int> BeginAsync(StoreFixture store) => store.Database.WriteAsync(
        static tx =>
        {
            NodeRemoval.Begin(tx, NodeStore.Find(tx, "ecu1")!, "admin:ann", "sold");
            return 0;
        },
        commit: true, Ct);

    private static async Task<DesiredFleet> LeavingAsync(StoreFixture store) =>
        Assert.Single((await store.Reconcile.LoadDesiredAsync(Ct)).Fleets, static fleet => fleet.Leaving is not null);

    private static async Task<StoreFixture> OpenAsync(Action<V1.Fleet>? change = null)
    {
        var store = await StoreFixture.OpenAsync();
        await store.Nodes.ApplyAsync([Samples.Spec("ecu1", ("zone", "cockpit")), Samples.Spec("ecu2", ("zone", "cockpit"))], "admin:test", dryRun: false, CancellationToken.None);
        var fleet = Samples.Fleet();
        change?.Invoke(fleet);
        await store.ApplyAsync(fleet);
        return store;
    }
}
