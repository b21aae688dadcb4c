using System.Globalization;
using Google.Protobuf.WellKnownTypes;
using Google.Rpc;
using Grpc.Core;
using Qm.Fleet.Controller.Security;
using Qm.Fleet.Controller.Storage;
using Qm.Fleet.Core.Access;
using Qm.Fleet.Core.Environments;
using Qm.Fleet.Core.Selectors;

namespace Qm.Fleet.Controller.Api;

/// <inheritdoc/>
internal sealed class AccessApi(AccessStore store, AccessDesk desk, BearerTokens tokens, Mutations mutations, TimeProvider time) : V1.AccessService.AccessServiceBase
{
    private const int LongestSubject = 255;

    private static readonly TimeSpan DefaultLife = TimeSpan.FromDays(30);
    private static readonly TimeSpan ShortestLife = TimeSpan.FromMinutes(1);
    private static readonly TimeSpan LongestLife = TimeSpan.FromDays(366);

    /// <inheritdoc/>
    public override Task<V1.Identity> WhoAmI(V1.WhoAmIRequest request, ServerCallContext context)
    {
        var (caller, book) = (context.Caller(), desk.Book);
        return Task.FromResult(new V1.Identity
        {
            Name = caller.Actor,
            Roles = { book.RolesOf(caller) },
            Rules = { book.RulesOf(caller).Select(static rule => rule.ToWire()) },
        });
    }

    /// <inheritdoc/>
    public override Task<V1.CanIResponse> CanI(V1.CanIRequest request, ServerCallContext context)
    {
        if (!AccessResource.All.Contains(request.Resource))
        {
            throw Failures.Invalid("resource", $"there is no resource \"{request.Resource}\"; expected one of {string.Join(", ", AccessResource.All)}");
        }
        if (request.Verb.Length == 0)
        {
            throw Failures.Invalid("verb", "a verb is required, such as get, apply or restart");
        }
        var target = new AccessTarget(Fleet: request.Fleet, Node: request.Node, Unit: request.Unit);
        // Where nothing is named, a list may be within a scope.
        var isWithinScope = AccessRules.ByMethod.Values.Any(rule => rule.IsWithinScope && rule.Verb == request.Verb && rule.Resource == request.Resource);
        var refusal = desk.Refusal(context.Caller(), request.Verb, request.Resource, target == new AccessTarget() ? null : [target], isWithinScope);
        return Task.FromResult(new V1.CanIResponse { Allowed = refusal is null, Reason = refusal ?? $"{context.Caller().Actor} may {request.Verb} {request.Resource}." });
    }

    /// <inheritdoc/>
    public override Task<V1.ListRolesResponse> ListRoles(V1.ListRolesRequest request, ServerCallContext context) => Task.FromResult(new V1.ListRolesResponse
    {
        Roles = { desk.Book.Roles.Values.OrderBy(static role => role.Name, StringComparer.Ordinal).Select(static role => role.ToWire()) },
    });

    /// <inheritdoc/>
    public override Task<V1.AccessRole> ApplyRole(V1.ApplyRoleRequest request, ServerCallContext context) => mutations.RunAsync(request, context, () =>
    {
        var parsed = AccessParser.Role(request.Role ?? new V1.AccessRole());
        if (!parsed.IsValid(out var role))
        {
            throw Failures.Invalid(parsed.Problems);
        }
        RefuseBuiltIn(role.Name);
        var wire = role.ToWire();
        return Changing(tx =>
        {
            AccessStore.Apply(tx, wire, context.Caller().Actor);
            return wire;
        });
    });

    /// <inheritdoc/>
    public override Task<V1.AccessRole> DeleteRole(V1.DeleteRoleRequest request, ServerCallContext context) => mutations.RunAsync(request, context, () =>
    {
        RefuseBuiltIn(request.Name);
        var before = desk.Book.Roles.GetValueOrDefault(request.Name);
        return Changing(tx => AccessStore.DeleteRole(tx, request.Name, context.Caller().Actor) switch
        {
            null => throw Failures.NotFound("role", request.Name),
            { Count: > 0 } users => throw Failures.Precondition($"Role {request.Name} is still had by {string.Join(", ", users.Take(10))}{(users.Count > 10 ? " and others" : "")}."),
            _ => before?.ToWire() ?? throw Failures.NotFound("role", request.Name),
        });
    });

    /// <inheritdoc/>
    public override Task<V1.ListBindingsResponse> ListBindings(V1.ListBindingsRequest request, ServerCallContext context) =>
        Task.FromResult(new V1.ListBindingsResponse { Bindings = { store.Load().Bindings } });

    /// <inheritdoc/>
    public override Task<V1.AccessBinding> ApplyBinding(V1.ApplyBindingRequest request, ServerCallContext context) => mutations.RunAsync(request, context, () =>
    {
        var binding = request.Binding ?? new V1.AccessBinding();
        List<Problem> problems = [.. Named("binding.name", binding.Name), .. HasRole("binding.role", binding.Role), .. AccessParser.Scope(binding.Scope, "binding.scope").Problems];
        if (binding.Subject.Length is 0 or > LongestSubject || !binding.Subject.Contains(':', StringComparison.Ordinal) || binding.Subject.Any(char.IsControl))
        {
            problems.Add(new("binding.subject", $"\"{PlainName(binding.Subject)}\" is no identity; expected one as events name it, such as admin:alice or token:ci"));
        }
        RefuseProblems(problems);
        return Changing(tx =>
        {
            AccessStore.Apply(tx, binding, context.Caller().Actor);
            return binding;
        });
    });

    /// <inheritdoc/>
    public override Task<V1.AccessBinding> DeleteBinding(V1.DeleteBindingRequest request, ServerCallContext context) => mutations.RunAsync(
        request, context, () => Changing(tx => AccessStore.DeleteBinding(tx, request.Name, context.Caller().Actor) ?? throw Failures.NotFound("binding", request.Name)));

    /// <inheritdoc/>
    public override Task<V1.ListTokensResponse> ListTokens(V1.ListTokensRequest request, ServerCallContext context) =>
        Task.FromResult(new V1.ListTokensResponse { Tokens = { store.Load().Tokens.Select(ToWire) } });

    /// <inheritdoc/>
    public override Task<V1.CreateTokenResponse> CreateToken(V1.CreateTokenRequest request, ServerCallContext context) => mutations.RunAsync(request, context, () =>
    {
        var now = time.GetUtcNow();
        List<Problem> problems = [.. Named("name", request.Name), .. HasRole("role", request.Role), .. AccessParser.Scope(request.Scope, "scope").Problems];
        var ends = request.ExpiresAt is null ? now + DefaultLife : Time(request.ExpiresAt);
        if (ends is null || ends - now < ShortestLife || ends - now > LongestLife)
        {
            problems.Add(new("expires_at", $"it is not between {ShortestLife.TotalMinutes.ToString(CultureInfo.InvariantCulture)} minute and {LongestLife.TotalDays.ToString(CultureInfo.InvariantCulture)} days from now"));
        }
        if (request.Role == AccessRole.Agent.Name)
        {
            problems.Add(new("role", "an agent extension has a certificate of its own; a token cannot speak for a node"));
        }
        RefuseProblems(problems);
        var (stored, secret) = BearerTokens.Make(request.Name, request.Role, request.Scope ?? new V1.AccessScope(), now, ends!.Value, context.Caller().Actor);
        return Changing(tx => AccessStore.Add(tx, stored, context.Caller().Actor)
            ? new V1.CreateTokenResponse { Token = ToWire(stored), Secret = request.DryRun ? "" : secret.Reveal() }
            : throw Failures.Make(Code.AlreadyExists, "ALREADY_EXISTS", $"There is a token {request.Name} already; revoke it first.", new ResourceInfo { ResourceType = "qm.fleet/v1/token", ResourceName = request.Name }));
    });

    /// <inheritdoc/>
    public override Task<V1.AccessToken> RevokeToken(V1.RevokeTokenRequest request, ServerCallContext context) => mutations.RunAsync(request, context, () =>
    {
        var id = "";
        return Changing(
            tx =>
            {
                var before = AccessStore.DeleteToken(tx, request.Name, context.Caller().Actor) ?? throw Failures.NotFound("token", request.Name);
                id = before.Id;
                return ToWire(before);
            },
            () => tokens.End(id));
    });

    // Once it is on disk it holds for whoever calls next, and the answer comes after that.
    private Task<Mutation<T>> Changing<T>(Func<WriteTransaction, T> write, Action? alsoStored = null)
        where T : Google.Protobuf.IMessage<T>, new() => Task.FromResult(new Mutation<T>(tx =>
        {
            try
            {
                return write(tx);
            }
            catch (AccessException e)
            {
                throw Failures.Precondition(e.Message);
            }
        })
        {
            Stored = () =>
            {
                desk.Refresh();
                alsoStored?.Invoke();
            },
        });

    private static void RefuseBuiltIn(string role)
    {
        if (AccessRole.BuiltIn.Any(known => known.Name == role))
        {
            throw Failures.Precondition($"Role {role} is built in and stays as it is; make one of another name.");
        }
    }

    private static void RefuseProblems(List<Problem> problems)
    {
        if (problems.Count > 0)
        {
            throw Failures.Invalid(problems);
        }
    }

    private static IEnumerable<Problem> Named(string path, string name) => Labels.IsName(name, out var problem) ? [] : [new Problem(path, problem)];

    private IEnumerable<Problem> HasRole(string path, string role) => desk.Book.Roles.ContainsKey(role)
        ? []
        : [new Problem(path, $"there is no role \"{PlainName(role)}\"; known are {string.Join(", ", desk.Book.Roles.Keys.Order(StringComparer.Ordinal))}")];

    private static string PlainName(string name) => new([.. name.Take(LongestSubject).Where(static character => !char.IsControl(character))]);

    private static DateTimeOffset? Time(Timestamp asked)
    {
        try
        {
            return asked.ToDateTimeOffset();
        }
        catch (InvalidOperationException)
        {
            return null;
        }
    }

    private static V1.AccessToken ToWire(StoredToken token) => new()
    {
        Name = token.Name,
        Role = token.Role,
        Scope = token.Scope,
        CreatedAt = Timestamp.FromDateTimeOffset(token.CreatedAt),
        ExpiresAt = Timestamp.FromDateTimeOffset(token.ExpiresAt),
        CreatedBy = token.CreatedBy,
    };
}
