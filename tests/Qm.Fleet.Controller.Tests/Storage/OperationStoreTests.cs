using Qm.Fleet.Controller.Storage;

namespace Qm.Fleet.Controller.Tests.Storage;

[Trait("Requirement", "QMF-API-023")]
public sealed class OperationStoreTests
{
    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Operation_ThatWasBegun_IsReadBackAsItWasAcrossARestart()
    {
        using var store = await StoreFixture.OpenAsync();
        var operation = Operation(store, "a") with
        {
            Properties = Operation(store, "a").Properties.Add("MemoryHigh", "1G"),
            ActiveState = "active",
            InvocationId = "abc",
            Message = "accepted",
        };
        await BeginAsync(store, operation);

        store.Reopen();

        var operations = new OperationStore(store.Database);
        var found = Assert.Single(operations.Open());
        Assert.Equal(operation.Properties, found.Properties);
        Assert.Equal(operation, found with { Properties = operation.Properties });
        await operations.EndAsync("a", "it broke", "", "cockpit", Ct);
        await operations.EndAsync("a", "", "again", "cockpit", Ct);
        Assert.Equal(("it broke", store.Time.GetUtcNow()), (operations.Find("a")!.Error, operations.Find("a")!.EndedAt));
        Assert.Equal(["OperationBegun", "OperationFailed"], store.AllEvents().Select(static entry => entry.Draft.Reason));
        Assert.Empty(operations.Open());
    }

    [Fact]
    public async Task Operations_ThatEndedLongAgo_AreForgottenAndOpenOnesAreNot()
    {
        using var store = await StoreFixture.OpenAsync();
        var operations = new OperationStore(store.Database);
        await BeginAsync(store, Operation(store, "open"));
        await BeginAsync(store, Operation(store, "old"));
        await operations.EndAsync("old", "", "done", "", Ct);

        store.Time.Advance(OperationStore.Kept - TimeSpan.FromSeconds(1));
        await BeginAsync(store, Operation(store, "b"));
        Assert.NotNull(operations.Find("old"));
        store.Time.Advance(TimeSpan.FromSeconds(1));
        await BeginAsync(store, Operation(store, "c"));

        Assert.Null(operations.Find("old"));
        Assert.Equal(["open", "b", "c"], operations.Open().Select(static operation => operation.Id));
    }

    private static StoredOperation Operation(StoreFixture store, string id) =>
        new(id, OperationKind.SetUnitProperties, "ecu1", "radio.service", "admin:test", "because", store.Time.GetUtcNow());

    private static Task<int> BeginAsync(StoreFixture store, StoredOperation operation) => store.Database.WriteAsync(
        tx =>
        {
            OperationStore.Begin(tx, operation, "cockpit");
            return 0;
        },
        commit: true, Ct);
}
