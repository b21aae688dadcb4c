using Google.Protobuf.WellKnownTypes;

namespace Qm.Fleet.Controller.Storage;

/// <summary>Join tokens, and how often each was used.</summary>
internal sealed class JoinTokenStore(Database database)
{
    /// <summary>More are refused.</summary>
    public const int Most = 1000;

    private const string Select = """
        select name as Name, id as Id, hash as Hash, nodes as Nodes, site as Site, uses as Uses, max_uses as MaxUses, created_at as CreatedAt, expires_at as ExpiresAt, created_by as CreatedBy, authorities as Authorities
        from join_tokens
        """;

    /// <summary>All of them, by name.</summary>
    public IReadOnlyList<StoredJoinToken> All() => database.Read<IReadOnlyList<StoredJoinToken>>(static db => [.. db.Query<Row>($"{Select} order by name").Select(Token)]);

    /// <summary>Names of those that could be used yet, by nodes that do not know the controller by the key of an authority.</summary>
    public IReadOnlyList<string> LostWithout(string authority, DateTimeOffset now) => [.. All().Where(token => token.IsLostWithout(authority, now)).Select(static token => token.Name)];

    /// <summary>Inside a transaction: the token of an id; null when there is none.</summary>
    internal static StoredJoinToken? OfId(ReadSnapshot db, string id) => db.QuerySingleOrDefault<Row>($"{Select} where id = @id", new { id }) is { } row ? Token(row) : null;

    /// <summary>Inside the transaction that issues for it: counts one use. The table itself lets no token be used too often.</summary>
    internal static void Use(WriteTransaction tx, string name) => tx.Execute("update join_tokens set uses = uses + 1 where name = @name", new { name });

    /// <summary>Inside a transaction: stores a token that nobody used yet, with its event.</summary>
    /// <returns>Whether it was stored: not when there is one of the name.</returns>
    /// <exception cref="AccessException">There are too many.</exception>
    internal static bool Add(WriteTransaction tx, StoredJoinToken token, string actor)
    {
        if (tx.QuerySingleOrDefault<long>("select count(*) from join_tokens") >= Most)
        {
            throw new AccessException($"There are {Most} join tokens already; revoke one that nobody needs.");
        }
        var added = tx.Execute(
            """
            insert into join_tokens (name, id, hash, nodes, site, uses, max_uses, created_at, expires_at, created_by, authorities)
            values (@Name, @Id, @Hash, @Nodes, @Site, 0, @MaxUses, @Now, @ExpiresAt, @CreatedBy, @Authorities) on conflict (name) do nothing
            """,
            new
            {
                token.Name,
                token.Id,
                token.Hash,
                Nodes = string.Join('\n', token.Nodes),
                token.Site,
                token.MaxUses,
                Now = tx.Now.ToMicroseconds(),
                ExpiresAt = token.ExpiresAt.ToMicroseconds(),
                token.CreatedBy,
                Authorities = string.Join('\n', token.Authorities),
            }) > 0;
        if (added)
        {
            Append(tx, "JoinTokenCreated", actor, FormattableString.Invariant($"{token.MaxUses} of {string.Join(", ", token.Nodes)} may join with {token.Name} until {token.ExpiresAt:u}."), "", Text(token));
        }
        return added;
    }

    /// <summary>Inside a transaction: ends a token, with its event.</summary>
    /// <returns>As it last was; null when there is none of the name.</returns>
    internal static StoredJoinToken? Delete(WriteTransaction tx, string name, string actor)
    {
        if (tx.QuerySingleOrDefault<Row>($"{Select} where name = @name", new { name }) is not { } row)
        {
            return null;
        }
        var token = Token(row);
        tx.Execute("delete from join_tokens where name = @name", new { name });
        Append(tx, "JoinTokenRevoked", actor, FormattableString.Invariant($"Nobody joins with {name} any more; {token.Uses} did."), Text(token), "");
        return token;
    }

    private static void Append(WriteTransaction tx, string reason, string actor, string message, string before, string after) =>
        tx.Append(new EventDraft(reason, EventSeverity.Warning, actor, "", "", "", message) { Before = before, After = after });

    // Of a token neither its id nor its hash: both are parts of a secret.
    private static string Text(StoredJoinToken token) => AuditText.Of(new V1.JoinToken
    {
        Name = token.Name,
        Nodes = { token.Nodes },
        Site = token.Site,
        MaxUses = token.MaxUses,
        Uses = token.Uses,
        ExpiresAt = Timestamp.FromDateTimeOffset(token.ExpiresAt),
        CreatedBy = token.CreatedBy,
    });

    private static StoredJoinToken Token(Row row) => new(
        row.Name, row.Id, row.Hash, row.Nodes.Split('\n'), row.Site, (int)row.Uses, (int)row.MaxUses, row.CreatedAt.ToTime(), row.ExpiresAt.ToTime(), row.CreatedBy)
    {
        Authorities = row.Authorities.Split('\n', StringSplitOptions.RemoveEmptyEntries),
    };

    private sealed record Row(string Name, string Id, byte[] Hash, string Nodes, string Site, long Uses, long MaxUses, long CreatedAt, long ExpiresAt, string CreatedBy, string Authorities);
}

/// <summary>A join token as stored.</summary>
/// <param name="Name">Unique among join tokens.</param>
/// <param name="Id">The part of the secret that is looked up; not secret.</param>
/// <param name="Hash">SHA-256 of what a node shows.</param>
/// <param name="Nodes">Names of the nodes it is for, with * and ?.</param>
/// <param name="Site">The site it is for; empty for every one.</param>
/// <param name="Uses">How many nodes joined with it.</param>
/// <param name="MaxUses">How many may.</param>
/// <param name="CreatedAt">When it was made.</param>
/// <param name="ExpiresAt">When it ends.</param>
/// <param name="CreatedBy">Who made it.</param>
internal sealed record StoredJoinToken(
    string Name, string Id, byte[] Hash, IReadOnlyList<string> Nodes, string Site, int Uses, int MaxUses, DateTimeOffset CreatedAt, DateTimeOffset ExpiresAt, string CreatedBy)
{
    /// <summary>SHA-256 of the keys of authorities by one of which a node that has it knows the controller, each 64 hexadecimal digits; empty when that is not known.</summary>
    public IReadOnlyList<string> Authorities { get; init; } = [];

    /// <summary>Whether somebody could come with it yet who does not know the controller by the key of an authority.</summary>
    /// <param name="authority">SHA-256 of the key.</param>
    /// <param name="now">When.</param>
    public bool IsLostWithout(string authority, DateTimeOffset now) => Uses < MaxUses && ExpiresAt > now && !Authorities.Contains(authority);
}
