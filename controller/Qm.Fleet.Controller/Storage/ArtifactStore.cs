using Google.Protobuf;

namespace Qm.Fleet.Controller.Storage;

/// <summary>Which archives the controller keeps, and which revisions need them. The files lie in <see cref="Artifacts.ArtifactFolder"/>.</summary>
internal sealed class ArtifactStore(Database database)
{
    private const string SelectArtifact = "select sha256 as Sha256, name as Name, bytes as Bytes, pushed_at as PushedAt, pushed_by as PushedBy from artifacts";

    /// <summary>One archive; null when there is none of the digest.</summary>
    public StoredArtifact? Find(string sha256) => database.Read(db => Find(db, sha256) is { } row ? Artifact(row, Users(db)) : null);

    /// <summary>All of them, by digest.</summary>
    public IReadOnlyList<StoredArtifact> All() => database.Read<IReadOnlyList<StoredArtifact>>(static db =>
    {
        var users = Users(db);
        return [.. db.Query<ArtifactRow>($"{SelectArtifact} order by sha256").Select(row => Artifact(row, users))];
    });

    /// <summary>Stores that an archive is whole; one that is there already stays as it is.</summary>
    /// <param name="sha256">Its digest; the file is on disk.</param>
    /// <param name="name">What whoever pushed it calls it.</param>
    /// <param name="bytes">Its size.</param>
    /// <param name="by">Who pushed it.</param>
    /// <param name="ct">Ends the wait for the turn.</param>
    public Task<StoredArtifact> AddAsync(string sha256, string name, long bytes, Origin by, CancellationToken ct) => database.WriteAsync(
        tx =>
        {
            var added = tx.Execute(
                "insert into artifacts (sha256, name, bytes, pushed_at, pushed_by) values (@sha256, @name, @bytes, @Now, @Actor) on conflict (sha256) do nothing",
                new { sha256, name, bytes, Now = tx.Now.ToMicroseconds(), by.Actor });
            var artifact = Artifact(Find(tx, sha256)!, Users(tx));
            if (added > 0)
            {
                Append(tx, "ArtifactPushed", EventSeverity.Info, by.Actor, FormattableString.Invariant($"{name} with {bytes} bytes, sha256 {sha256}."), after: artifact);
            }
            return artifact;
        },
        commit: true, ct, by);

    /// <summary>Inside a transaction: forgets an archive, with its event, unless a revision needs it.</summary>
    /// <returns>As it last was, with the revisions that kept it from being forgotten; null when there is none of the digest.</returns>
    internal static StoredArtifact? Delete(WriteTransaction tx, string sha256, string actor)
    {
        if (Find(tx, sha256) is not { } row)
        {
            return null;
        }
        var artifact = Artifact(row, Users(tx));
        if (artifact.UsedBy.Count == 0)
        {
            tx.Execute("delete from artifacts where sha256 = @sha256", new { sha256 });
            Append(tx, "ArtifactDeleted", EventSeverity.Info, actor, FormattableString.Invariant($"{artifact.Name} with {artifact.Bytes} bytes, sha256 {sha256}."), artifact);
        }
        return artifact;
    }

    /// <summary>Forgets an archive whose file is gone or damaged, whoever needs it.</summary>
    public Task<int> LoseAsync(StoredArtifact artifact, string why, CancellationToken ct) => database.WriteAsync(
        tx =>
        {
            var needed = artifact.UsedBy.Count == 0 ? "No revision needs it." : $"It is needed by {string.Join(", ", artifact.UsedBy)}: push it again.";
            Append(tx, "ArtifactLost", EventSeverity.Error, EventDraft.Controller, $"{artifact.Name}, sha256 {artifact.Sha256}: {why}. {needed}", artifact);
            return tx.Execute("delete from artifacts where sha256 = @Sha256", new { artifact.Sha256 });
        },
        commit: true, ct);

    /// <summary>Whether an archive is there.</summary>
    public bool Has(string sha256) => database.Read(db => Has(db, sha256));

    /// <summary>Whether a node shall have a revision that needs an archive, or comes from one and may have to go back to it.</summary>
    /// <param name="node">The node.</param>
    /// <param name="sha256">The archive's digest.</param>
    public bool IsNeededBy(string node, string sha256) => database.Read(db => db
        .Query<UserRow>(
            """
            select r.fleet as Fleet, r.name as Name, r.environment as Environment
            from rollout_members m
            join rollouts o on o.fleet = m.fleet and o.number = m.number
            join revisions r on r.fleet = m.fleet and r.name in (o.to_revision, m.base)
            where m.node = @node and m.number = (select max(number) from rollouts where fleet = m.fleet) and m.fleet in (select name from fleets)
            """,
            new { node })
        .Any(row => NeedsFromHere(row)?.Sha256 == sha256));

    /// <summary>Inside a transaction: whether an archive is there.</summary>
    internal static bool Has(ReadSnapshot db, string sha256) => Find(db, sha256) is not null;

    /// <summary>What to say of an archive that is not there.</summary>
    internal static string Missing(string sha256) =>
        $"the controller has no archive {sha256}; push it with qmfleet artifact push FILE, or say with url where it lies";

    private static ArtifactRow? Find(ReadSnapshot db, string sha256) => db.QuerySingleOrDefault<ArtifactRow>($"{SelectArtifact} where sha256 = @sha256", new { sha256 });

    // A fleet's own spec is always one of its revisions; those of a fleet that is gone need nothing any more.
    private static ILookup<string, string> Users(ReadSnapshot db) => db
        .Query<UserRow>("select fleet as Fleet, name as Name, environment as Environment from revisions where environment like '%sha256%' and fleet in (select name from fleets) order by fleet, number")
        .Select(static row => (Revision: $"{row.Fleet}/{row.Name}", Archive: NeedsFromHere(row)))
        .Where(static user => user.Archive is not null)
        .ToLookup(static user => user.Archive!.Sha256, static user => user.Revision, StringComparer.Ordinal);

    // One that lies elsewhere is fetched there.
    private static V1.RootfsArchive? NeedsFromHere(UserRow row) => Environment(row).Rootfs?.Archive is { Url.Length: 0 } archive ? archive : null;

    private static V1.Environment Environment(UserRow row)
    {
        try
        {
            return JsonParser.Default.Parse<V1.Environment>(row.Environment);
        }
        catch (Exception e) when (e is InvalidProtocolBufferException or InvalidJsonException)
        {
            throw new CorruptRowException("revisions", $"{row.Fleet}/{row.Name}", $"its JSON does not read: {e.Message}", e);
        }
    }

    private static void Append(WriteTransaction tx, string reason, EventSeverity severity, string actor, string message, StoredArtifact? before = null, StoredArtifact? after = null) =>
        tx.Append(new EventDraft(reason, severity, actor, "", "", "", message) { Before = Text(before), After = Text(after) });

    private static string Text(StoredArtifact? artifact) => artifact is null ? "" : AuditText.Of(new V1.Artifact { Sha256 = artifact.Sha256, Name = artifact.Name, SizeBytes = artifact.Bytes, PushedBy = artifact.PushedBy });

    private static StoredArtifact Artifact(ArtifactRow row, ILookup<string, string> users) =>
        new(row.Sha256, row.Name, row.Bytes, row.PushedAt.ToTime(), row.PushedBy, [.. users[row.Sha256]]);

    private sealed record ArtifactRow(string Sha256, string Name, long Bytes, long PushedAt, string PushedBy);

    private sealed record UserRow(string Fleet, string Name, string Environment);
}

/// <summary>An archive that the controller keeps.</summary>
/// <param name="Sha256">Its digest.</param>
/// <param name="Name">What whoever pushed it calls it.</param>
/// <param name="Bytes">Its size.</param>
/// <param name="PushedAt">When it was whole.</param>
/// <param name="PushedBy">Who pushed it.</param>
/// <param name="UsedBy">The revisions that need it, as FLEET/REVISION.</param>
internal sealed record StoredArtifact(string Sha256, string Name, long Bytes, DateTimeOffset PushedAt, string PushedBy, IReadOnlyList<string> UsedBy);

/// <summary>A fleet names an archive that is not there any more; nothing was stored.</summary>
internal sealed class MissingArtifactException(string fleet, string sha256) : Exception($"Fleet {fleet}: {ArtifactStore.Missing(sha256)}.");
