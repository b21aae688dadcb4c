using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;

namespace Qm.Fleet.Controller.Storage;

/// <summary>Roles that people made, who has which, and the tokens of automation.</summary>
internal sealed class AccessStore(Database database)
{
    /// <summary>Of each kind; more are refused.</summary>
    public const int Most = 1000;

    private const string SelectRole = "select name as Name, rules as Rules from access_roles";
    private const string SelectBinding = "select name as Name, subject as Subject, role as Role, scope as Scope from access_bindings";
    private const string SelectToken = """
        select name as Name, id as Id, hash as Hash, role as Role, scope as Scope, created_at as CreatedAt, expires_at as ExpiresAt, created_by as CreatedBy from access_tokens
        """;

    /// <summary>All there is, on one snapshot.</summary>
    public StoredAccess Load() => database.Read(static db => new StoredAccess(
        [.. db.Query<RoleRow>($"{SelectRole} order by name").Select(Role)],
        [.. db.Query<BindingRow>($"{SelectBinding} order by name").Select(Binding)],
        [.. db.Query<TokenRow>($"{SelectToken} order by name").Select(Token)]));

    /// <summary>Inside a transaction: makes or changes a role, with its event; one that is so already writes nothing.</summary>
    /// <exception cref="AccessException">There are too many.</exception>
    internal static int Apply(WriteTransaction tx, V1.AccessRole role, string actor) => Write(
        tx, "access_roles", "role", role.Name, actor, $"Role {role.Name} has {role.Rules.Count} rules.",
        "insert into access_roles (name, rules) values (@Name, @Rules) on conflict (name) do update set rules = excluded.rules where rules <> excluded.rules",
        new { role.Name, Rules = JsonFormatter.Default.Format(role) });

    /// <summary>Inside a transaction: gives an identity a role, with its event; what is so already writes nothing.</summary>
    /// <inheritdoc cref="Apply(WriteTransaction, V1.AccessRole, string)"/>
    internal static int Apply(WriteTransaction tx, V1.AccessBinding binding, string actor) => Write(
        tx, "access_bindings", "binding", binding.Name, actor, $"{binding.Subject} has the role {binding.Role} {Where(binding.Scope)}.",
        """
        insert into access_bindings (name, subject, role, scope) values (@Name, @Subject, @Role, @Scope)
        on conflict (name) do update set subject = excluded.subject, role = excluded.role, scope = excluded.scope
        where subject <> excluded.subject or role <> excluded.role or scope <> excluded.scope
        """,
        new { binding.Name, binding.Subject, binding.Role, Scope = Write(binding.Scope) });

    /// <summary>Inside a transaction: stores a token, with its event.</summary>
    /// <returns>Whether it was stored: not when there is one of the name.</returns>
    /// <inheritdoc cref="Apply(WriteTransaction, V1.AccessRole, string)"/>
    internal static bool Add(WriteTransaction tx, StoredToken token, string actor) => Write(
        tx, "access_tokens", "token", token.Name, actor,
        FormattableString.Invariant($"token:{token.Name} has the role {token.Role} {Where(token.Scope)} until {token.ExpiresAt:u}."),
        """
        insert into access_tokens (name, id, hash, role, scope, created_at, expires_at, created_by) values (@Name, @Id, @Hash, @Role, @Scope, @Now, @ExpiresAt, @CreatedBy)
        on conflict (name) do nothing
        """,
        new
        {
            token.Name,
            token.Id,
            token.Hash,
            token.Role,
            Scope = Write(token.Scope),
            Now = tx.Now.ToMicroseconds(),
            ExpiresAt = token.ExpiresAt.ToMicroseconds(),
            token.CreatedBy,
        }) > 0;

    /// <summary>Inside a transaction: removes a role that nobody has, with its event.</summary>
    /// <returns>Who has it, so that it was not removed; null when there is none of the name.</returns>
    internal static IReadOnlyList<string>? DeleteRole(WriteTransaction tx, string name, string actor)
    {
        var users = tx.Query<string>(
            "select 'binding/' || name from access_bindings where role = @name union all select 'token/' || name from access_tokens where role = @name", new { name });
        if (users.Count > 0)
        {
            return users;
        }
        return Remove(tx, "access_roles", "Role", name, actor) ? users : null;
    }

    /// <summary>Inside a transaction: takes a role away again, with its event.</summary>
    /// <returns>As the binding was; null when there is none of the name.</returns>
    internal static V1.AccessBinding? DeleteBinding(WriteTransaction tx, string name, string actor)
    {
        var before = tx.QuerySingleOrDefault<BindingRow>($"{SelectBinding} where name = @name", new { name });
        return Remove(tx, "access_bindings", "Binding", name, actor) ? Binding(before!) : null;
    }

    /// <summary>Inside a transaction: ends a token, with its event.</summary>
    /// <returns>As it was; null when there is none of the name.</returns>
    internal static StoredToken? DeleteToken(WriteTransaction tx, string name, string actor)
    {
        var before = tx.QuerySingleOrDefault<TokenRow>($"{SelectToken} where name = @name", new { name });
        return Remove(tx, "access_tokens", "Token", name, actor) ? Token(before!) : null;
    }

    private static int Write(WriteTransaction tx, string table, string kind, string name, string actor, string message, string sql, object parameters)
    {
        var there = tx.Query<string>($"select name from {table}");
        if (there.Count >= Most && !there.Contains(name))
        {
            throw new AccessException($"There are {Most} {kind}s already; delete one that nobody needs.");
        }
        var before = Text(tx, table, name);
        var written = tx.Execute(sql, parameters);
        if (written > 0)
        {
            Append(tx, actor, message, before, Text(tx, table, name));
        }
        return written;
    }

    private static bool Remove(WriteTransaction tx, string table, string kind, string name, string actor)
    {
        var before = Text(tx, table, name);
        if (tx.Execute($"delete from {table} where name = @name", new { name }) == 0)
        {
            return false;
        }
        Append(tx, actor, $"{kind} {name} was removed.", before, "");
        return true;
    }

    private static void Append(WriteTransaction tx, string actor, string message, string before, string after) =>
        tx.Append(new EventDraft("AccessChanged", EventSeverity.Warning, actor, "", "", "", message) { Before = before, After = after });

    // Of a token neither its id nor its hash: both are parts of a secret.
    private static string Text(ReadSnapshot db, string table, string name) => table switch
    {
        "access_roles" => db.QuerySingleOrDefault<RoleRow>($"{SelectRole} where name = @name", new { name }) is { } row ? AuditText.Of(Role(row)) : "",
        "access_bindings" => db.QuerySingleOrDefault<BindingRow>($"{SelectBinding} where name = @name", new { name }) is { } row ? AuditText.Of(Binding(row)) : "",
        _ => db.QuerySingleOrDefault<TokenRow>($"{SelectToken} where name = @name", new { name }) is { } row
            ? AuditText.Of(new V1.AccessToken
            {
                Name = row.Name,
                Role = row.Role,
                Scope = Token(row).Scope,
                CreatedAt = Timestamp.FromDateTimeOffset(row.CreatedAt.ToTime()),
                ExpiresAt = Timestamp.FromDateTimeOffset(row.ExpiresAt.ToTime()),
                CreatedBy = row.CreatedBy,
            })
            : "",
    };

    private static string Where(V1.AccessScope? scope) => scope is null || scope.Equals(new V1.AccessScope()) ? "everywhere" : $"within {Write(scope)}";

    private static string Write(V1.AccessScope? scope) => JsonFormatter.Default.Format(scope ?? new V1.AccessScope());

    private static V1.AccessRole Role(RoleRow row) => Read(V1.AccessRole.Parser, "access_roles", row.Name, row.Rules);

    private static V1.AccessBinding Binding(BindingRow row) => new()
    {
        Name = row.Name,
        Subject = row.Subject,
        Role = row.Role,
        Scope = Read(V1.AccessScope.Parser, "access_bindings", row.Name, row.Scope),
    };

    private static StoredToken Token(TokenRow row) => new(
        row.Name, row.Id, row.Hash, row.Role, Read(V1.AccessScope.Parser, "access_tokens", row.Name, row.Scope), row.CreatedAt.ToTime(), row.ExpiresAt.ToTime(), row.CreatedBy);

    private static T Read<T>(MessageParser<T> parser, string table, string key, string json)
        where T : IMessage<T>
    {
        try
        {
            return parser.ParseJson(json);
        }
        catch (Exception e) when (e is InvalidProtocolBufferException or InvalidJsonException)
        {
            throw new CorruptRowException(table, key, $"its JSON does not read: {e.Message}", e);
        }
    }

    private sealed record RoleRow(string Name, string Rules);

    private sealed record BindingRow(string Name, string Subject, string Role, string Scope);

    private sealed record TokenRow(string Name, string Id, byte[] Hash, string Role, string Scope, long CreatedAt, long ExpiresAt, string CreatedBy);
}

/// <summary>Who may do what, as stored.</summary>
/// <param name="Roles">Those that people made.</param>
/// <param name="Bindings">Who has which.</param>
/// <param name="Tokens">Those of automation.</param>
internal sealed record StoredAccess(IReadOnlyList<V1.AccessRole> Roles, IReadOnlyList<V1.AccessBinding> Bindings, IReadOnlyList<StoredToken> Tokens);

/// <summary>A bearer token as stored.</summary>
/// <param name="Name">Unique among tokens.</param>
/// <param name="Id">The part of the secret that is looked up; not secret.</param>
/// <param name="Hash">SHA-256 of the whole secret.</param>
/// <param name="Role">The role's name.</param>
/// <param name="Scope">Where it holds.</param>
/// <param name="CreatedAt">When it was made.</param>
/// <param name="ExpiresAt">When it ends.</param>
/// <param name="CreatedBy">Who made it.</param>
internal sealed record StoredToken(string Name, string Id, byte[] Hash, string Role, V1.AccessScope Scope, DateTimeOffset CreatedAt, DateTimeOffset ExpiresAt, string CreatedBy);

/// <summary>It cannot be stored as things are.</summary>
internal sealed class AccessException(string message) : Exception(message);
