using Microsoft.Extensions.Time.Testing;
using Qm.Fleet.Controller.Storage;

namespace Qm.Fleet.Controller.Tests.Storage;

/// <summary>Every store on one real SQLite file, which can be closed and opened again.</summary>
internal sealed class StoreFixture : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    private StoreFixture() => Database = Database.Open(File, Feed, Time);

    public FakeTimeProvider Time { get; } = new(new DateTimeOffset(2026, 3, 1, 12, 0, 0, TimeSpan.Zero));

    public ChangeFeed Feed { get; } = new();

    public string File => _folder["fleet.db"];

    public Database Database { get; private set; }

    public FleetStore Fleets => new(Database);

    public RolloutStore Rollouts => new(Database);

    public NodeStore Nodes => new(Database);

    public EventLog Events => new(Database);

    public IReconcileStore Reconcile => new ReconcileStore(Database);

    public static async Task<StoreFixture> OpenAsync()
    {
        var store = new StoreFixture();
        await store.Nodes.EnsureSiteAsync("local", "system", CancellationToken.None);
        return store;
    }

    public async Task<AppliedFleet> ApplyAsync(V1.Fleet fleet, bool dryRun = false) =>
        Assert.Single(await Fleets.ApplyAsync([Samples.Draft(fleet)], "admin:test", dryRun, CancellationToken.None));

    public IReadOnlyList<StoredEvent> AllEvents() => Events.After(0, "", "", int.MaxValue);

    public void Reopen()
    {
        Database.Dispose();
        Database = Database.Open(File, Feed, Time);
    }

    /// <summary>Everything in the database, as text.</summary>
    public string Dump() => Database.Read(static db => string.Join('\n', db
        .Query<string>("select name from sqlite_schema where type = 'table' and name not like 'sqlite%' order by name")
        .SelectMany(table => db.Query<object>($"select * from {table}").Select(row => $"{table}: {row}"))));

    public void Dispose()
    {
        Database.Dispose();
        _folder.Dispose();
    }
}
