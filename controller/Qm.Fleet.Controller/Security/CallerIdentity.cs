using System.Collections.Immutable;
using System.Net;
using Qm.Fleet.Controller.Security.Limits;
using Qm.Fleet.Core.Access;

namespace Qm.Fleet.Controller.Security;

/// <summary>Who calls. Set once for each connection before its first request, or for each request where a bearer token says it.</summary>
/// <param name="Name">Within its kind; for a node, BlueChi's node name.</param>
/// <param name="Actor">How the audit trail and bindings name it, such as admin:alice.</param>
/// <param name="Role">The role it has without any binding.</param>
internal sealed record CallerIdentity(string Name, string Actor, string Role)
{
    /// <summary>The administrator whose certificate the controller makes itself.</summary>
    public const string LocalAdmin = "local-admin";

    /// <summary>Where the role of the certificate or token holds; everywhere but for tokens that say otherwise.</summary>
    public AccessScope Within { get; init; } = AccessScope.Everything;

    /// <summary>More roles that it has without any binding.</summary>
    public ImmutableArray<string> FurtherRoles { get; init; } = [];

    /// <summary>Somebody with a certificate.</summary>
    /// <param name="name">Their name.</param>
    /// <param name="role">viewer, operator, admin, or one that people made.</param>
    public static CallerIdentity Person(string name, string role) => new(name, $"{role}:{name}", role);

    /// <summary>An administrator with a certificate.</summary>
    public static CallerIdentity Admin(string name) => Person(name, AccessRole.Admin.Name);

    /// <summary>A node's agent extension.</summary>
    public static CallerIdentity Node(string name) => new(name, $"node:{name}", AccessRole.Agent.Name);

    /// <summary>Automation with a bearer token.</summary>
    public static CallerIdentity Token(string name, string role, AccessScope within) => new(name, $"token:{name}", role) { Within = within };

    /// <summary>Somebody with a token of an OpenID Connect issuer.</summary>
    /// <param name="name">As the claim says that names them.</param>
    /// <param name="roles">Those their claims are mapped to; none gives no rights but by bindings.</param>
    public static CallerIdentity Oidc(string name, ImmutableArray<string> roles) => new(name, $"oidc:{name}", roles.FirstOrDefault() ?? "") { FurtherRoles = [.. roles.Skip(1)] };

    /// <summary>A process of this machine on the Unix socket.</summary>
    public static CallerIdentity Local(uint uid) => uid == 0 ? new("root", "local:root", AccessRole.Admin.Name) { IsLocal = true } : new($"uid{uid}", $"local:uid{uid}", AccessRole.Admin.Name) { IsLocal = true };

    /// <summary>Somebody at an address who has not said yet who they are: each request has to, with a bearer token.</summary>
    public static CallerIdentity Nobody(EndPoint? address) => new("", $"address:{ClientAddress.Of(address)}", "") { IsNobody = true };

    /// <summary>Whether it is a process of this machine on the Unix socket.</summary>
    public bool IsLocal { get; private init; }

    /// <summary>Whether nobody knows who it is.</summary>
    public bool IsNobody { get; private init; }

    /// <summary>Whoever reads the metrics on loopback.</summary>
    public static CallerIdentity Scraper { get; } = new("metrics", "local:metrics", AccessRole.Scraper.Name);
}
