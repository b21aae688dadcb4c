using Google.Protobuf.WellKnownTypes;
using Grpc.Core;
using Qm.Fleet.V1;

namespace Qm.Fleet.Cli.Tests.Server;

/// <summary>An AccessService over lists, for somebody who may not delete.</summary>
internal sealed class FakeAccess : AccessService.AccessServiceBase
{
    public List<AccessRole> Roles { get; } = [];

    public List<AccessBinding> Bindings { get; } = [];

    public List<AccessToken> Tokens { get; } = [];

    /// <summary>The secret that the next token gets.</summary>
    public string Secret { get; set; } = "qmf_id_secret";

    public override Task<Identity> WhoAmI(WhoAmIRequest request, ServerCallContext context) => Task.FromResult(new Identity
    {
        Name = "token:ci",
        Roles = { "operator" },
        Rules =
        {
            new AccessRule { Verbs = { "restart", "start" }, Resources = { "units" }, Scope = new() { Units = { "radio.*" } }, Within = new() { Fleets = { "cockpit" }, Selector = "zone=cockpit" } },
            new AccessRule { Deny = true, Verbs = { "*" }, Resources = { "gateway" } },
        },
    });

    public override Task<CanIResponse> CanI(CanIRequest request, ServerCallContext context) => Task.FromResult(new CanIResponse
    {
        Allowed = request.Verb != "delete",
        Reason = $"token:ci may{(request.Verb == "delete" ? " not" : "")} {request.Verb} {request.Resource}{Where(request)}.",
    });

    public override Task<ListRolesResponse> ListRoles(ListRolesRequest request, ServerCallContext context) => Task.FromResult(new ListRolesResponse { Roles = { Roles } });

    public override Task<AccessRole> ApplyRole(ApplyRoleRequest request, ServerCallContext context)
    {
        if (!request.DryRun)
        {
            Roles.RemoveAll(role => role.Name == request.Role.Name);
            Roles.Add(request.Role);
        }

        return Task.FromResult(request.Role);
    }

    public override Task<AccessRole> DeleteRole(DeleteRoleRequest request, ServerCallContext context) => Task.FromResult(Take(Roles, role => role.Name == request.Name, request.DryRun, $"There is no role \"{request.Name}\"."));

    public override Task<ListBindingsResponse> ListBindings(ListBindingsRequest request, ServerCallContext context) => Task.FromResult(new ListBindingsResponse { Bindings = { Bindings } });

    public override Task<AccessBinding> ApplyBinding(ApplyBindingRequest request, ServerCallContext context)
    {
        if (!request.DryRun)
        {
            Bindings.Add(request.Binding);
        }

        return Task.FromResult(request.Binding);
    }

    public override Task<AccessBinding> DeleteBinding(DeleteBindingRequest request, ServerCallContext context) =>
        Task.FromResult(Take(Bindings, binding => binding.Name == request.Name, request.DryRun, $"There is no binding \"{request.Name}\"."));

    public override Task<ListTokensResponse> ListTokens(ListTokensRequest request, ServerCallContext context) => Task.FromResult(new ListTokensResponse { Tokens = { Tokens } });

    public override Task<CreateTokenResponse> CreateToken(CreateTokenRequest request, ServerCallContext context)
    {
        var token = new AccessToken
        {
            Name = request.Name,
            Role = request.Role,
            Scope = request.Scope,
            CreatedAt = CliTest.Now.ToTimestamp(),
            ExpiresAt = request.ExpiresAt ?? (CliTest.Now + TimeSpan.FromDays(30)).ToTimestamp(),
            CreatedBy = "admin:ann",
        };
        if (request.DryRun)
        {
            return Task.FromResult(new CreateTokenResponse { Token = token });
        }

        Tokens.Add(token);
        return Task.FromResult(new CreateTokenResponse { Token = token, Secret = Secret });
    }

    public override Task<AccessToken> RevokeToken(RevokeTokenRequest request, ServerCallContext context) =>
        Task.FromResult(Take(Tokens, token => token.Name == request.Name, request.DryRun, $"There is no token \"{request.Name}\"."));

    private static string Where(CanIRequest request)
    {
        var named = new[] { ("fleet", request.Fleet), ("node", request.Node), ("unit", request.Unit) }.Where(static part => part.Item2.Length > 0).Select(static part => $"{part.Item1}/{part.Item2}");
        return string.Join(' ', named) is { Length: > 0 } where ? $" of {where}" : "";
    }

    private static T Take<T>(List<T> items, Predicate<T> isIt, bool isTrial, string because)
    {
        var at = items.FindIndex(isIt);
        if (at < 0)
        {
            throw new RpcException(new(StatusCode.NotFound, because));
        }

        var item = items[at];
        if (!isTrial)
        {
            items.RemoveAt(at);
        }

        return item;
    }
}
