namespace Qm.Fleet.Controller.Storage;

/// <summary>Sites, as people ask for them.</summary>
internal sealed class SiteStore(Database database)
{
    private const string SelectSite = "select name as Name, address as Address, uid as Uid, created_at as CreatedAt from sites";

    /// <summary>One site; null when there is none of the name.</summary>
    public StoredSite? Find(string name) => database.Read(
        db => db.QuerySingleOrDefault<SiteRow>($"{SelectSite} where name = @name", new { name }) is { } row ? Site(row) : null);

    /// <summary>At most so many sites whose names come after another, by name.</summary>
    public IReadOnlyList<StoredSite> After(string after, int limit) => database.Read<IReadOnlyList<StoredSite>>(
        db => [.. db.Query<SiteRow>($"{SelectSite} where name > @after order by name limit @limit", new { after, limit }).Select(Site)]);

    private static StoredSite Site(SiteRow row) => new(row.Name, row.Address, row.Uid, row.CreatedAt.ToTime());

    private sealed record SiteRow(string Name, string Address, string Uid, long CreatedAt);
}

/// <summary>A site as stored.</summary>
/// <param name="Name">Unique among sites.</param>
/// <param name="Address">The D-Bus address of its BlueChi, or "system".</param>
/// <param name="Uid">Unique for ever.</param>
/// <param name="CreatedAt">When it was made.</param>
internal sealed record StoredSite(string Name, string Address, string Uid, DateTimeOffset CreatedAt);
