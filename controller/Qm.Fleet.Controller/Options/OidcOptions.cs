using System.CommandLine;
using System.Globalization;
using System.Net;
using Qm.Fleet.Core.Access;

namespace Qm.Fleet.Controller.Options;

/// <summary>Whose tokens are taken beside the controller's own, and what they are good for. Without an issuer none are.</summary>
internal sealed class OidcOptions
{
    /// <summary>Signatures that can be taken: whoever can check one cannot make one.</summary>
    public static readonly IReadOnlyList<string> Algorithms = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512"];

    /// <summary>The longest clock skew.</summary>
    public static readonly TimeSpan MostSkew = TimeSpan.FromMinutes(5);

    private const int MostRoles = 100;
    private const int LongestText = 255;

    /// <summary>The issuer, an https address as its tokens name it; empty for none.</summary>
    public string Issuer { get; init; } = "";

    /// <summary>Whom tokens have to be for.</summary>
    public string Audience { get; init; } = "";

    /// <summary>The claim whose text names the caller: events and bindings say oidc:NAME.</summary>
    public string NameClaim { get; init; } = "sub";

    /// <summary>Which value of which claim gives which role, each CLAIM=VALUE:ROLE; what is mapped to nothing has no rights.</summary>
    public IReadOnlyList<string> Roles { get; init; } = [];

    /// <summary>By how much the issuer's clock may be off.</summary>
    public TimeSpan ClockSkew { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>The signatures that are taken, of <see cref="Algorithms"/>.</summary>
    public IReadOnlyList<string> Accepted { get; init; } = Algorithms;

    /// <summary>Whether an issuer on loopback may speak http; for tests, and no option sets it.</summary>
    public bool AllowsHttpOnLoopback { get; init; }

    /// <summary>Whether tokens of an issuer are taken.</summary>
    public bool IsOn => Issuer.Length > 0;

    /// <summary>The roles of claims, once validated.</summary>
    public IEnumerable<OidcRole> Mapped => Roles.Select(OidcRole.TryParse).OfType<OidcRole>();

    /// <summary>Whether keys may be asked for at an address.</summary>
    public bool Admits(Uri address) => address.Scheme == Uri.UriSchemeHttps
        || (AllowsHttpOnLoopback && address.Scheme == Uri.UriSchemeHttp && IPAddress.TryParse(address.Host, out var host) && IPAddress.IsLoopback(host));

    /// <summary>Everything that is wrong.</summary>
    public IEnumerable<string> Problems()
    {
        if (!IsOn)
        {
            return Audience.Length > 0 || Roles.Count > 0 ? ["--oidc-issuer: whose tokens? Without it --oidc-audience and --oidc-role say nothing"] : [];
        }
        var problems = new List<string>();
        if (!Uri.TryCreate(Issuer, UriKind.Absolute, out var issuer) || !Admits(issuer) || issuer.UserInfo.Length > 0 || issuer.Query.Length > 0 || issuer.Fragment.Length > 0)
        {
            problems.Add($"--oidc-issuer: \"{Issuer}\" is not an https address without a query, such as https://login.example/realms/fleet");
        }
        if (Audience.Length is 0 or > LongestText)
        {
            problems.Add("--oidc-audience: whom are tokens for? A token for another service must not be good here");
        }
        if (NameClaim.Length is 0 or > LongestText)
        {
            problems.Add("--oidc-name-claim: which claim names the caller? Such as sub, email or preferred_username");
        }
        if (Roles.Count > MostRoles)
        {
            problems.Add(string.Create(CultureInfo.InvariantCulture, $"--oidc-role: {Roles.Count} of them; at most {MostRoles} are read"));
        }
        problems.AddRange(Roles.Where(static role => OidcRole.TryParse(role) is null).Select(static role => $"--oidc-role: \"{role}\" is not CLAIM=VALUE:ROLE, such as groups=fleet-operators:operator"));
        problems.AddRange(Roles.Select(OidcRole.TryParse).OfType<OidcRole>().Where(static role => role.Role == AccessRole.Agent.Name)
            .Select(static role => $"--oidc-role: {role.Claim}={role.Value} cannot have the role {role.Role}: an agent extension has a certificate of its own, and a token cannot speak for a node"));
        if (ClockSkew < TimeSpan.Zero || ClockSkew > MostSkew)
        {
            problems.Add(string.Create(CultureInfo.InvariantCulture, $"--oidc-clock-skew: {ClockSkew.TotalSeconds} s is not within 0 and {MostSkew.TotalSeconds}"));
        }
        problems.AddRange(Accepted.Where(static name => !Algorithms.Contains(name)).Select(static name =>
            $"--oidc-algorithm: \"{name}\" is none that is taken; expected one of {string.Join(", ", Algorithms)}. With none or HS256 everybody could make tokens"));
        if (Accepted.Count == 0)
        {
            problems.Add("--oidc-algorithm: without one no token could be taken");
        }
        return problems;
    }
}

/// <summary>A role that whoever has a value of a claim has.</summary>
/// <param name="Claim">The claim's name; with dots, one within another.</param>
/// <param name="Value">The value, or one of a list.</param>
/// <param name="Role">The role's name.</param>
internal sealed record OidcRole(string Claim, string Value, string Role)
{
    /// <summary>Reads <c>CLAIM=VALUE:ROLE</c>; the value may have = and : itself. Null when it is not so.</summary>
    public static OidcRole? TryParse(string text) =>
        text.IndexOf('=', StringComparison.Ordinal) is > 0 and var equals && text.LastIndexOf(':') is var colon && colon > equals + 1
            && Core.Selectors.Labels.IsName(text[(colon + 1)..], out _)
            ? new(text[..equals], text[(equals + 1)..colon], text[(colon + 1)..])
            : null;
}

/// <summary>The options of the command line for it.</summary>
internal sealed class OidcArguments
{
    private static readonly OidcOptions Defaults = new();

    private readonly Option<string> _issuer = new("--oidc-issuer") { Description = "Take bearer tokens of this OpenID Connect issuer, an https address", DefaultValueFactory = static _ => "" };
    private readonly Option<string> _audience = new("--oidc-audience") { Description = "Whom its tokens have to be for (aud)", DefaultValueFactory = static _ => "" };
    private readonly Option<string> _name = new("--oidc-name-claim") { Description = "The claim that names the caller", DefaultValueFactory = static _ => Defaults.NameClaim };
    private readonly Option<string[]> _roles = new("--oidc-role") { Description = "CLAIM=VALUE:ROLE gives a role, such as groups=fleet-operators:operator; may repeat", DefaultValueFactory = static _ => [] };
    private readonly Option<int> _skew = new("--oidc-clock-skew") { Description = "By how many seconds its clock may be off", DefaultValueFactory = static _ => (int)Defaults.ClockSkew.TotalSeconds };
    private readonly Option<string[]> _algorithms = new("--oidc-algorithm") { Description = "A signature that is taken; may repeat", DefaultValueFactory = static _ => [.. Defaults.Accepted] };

    /// <summary>Adds them.</summary>
    public void AddTo(Command command)
    {
        foreach (var option in new Option[] { _issuer, _audience, _name, _roles, _skew, _algorithms })
        {
            command.Add(option);
        }
    }

    /// <summary>What the line says.</summary>
    public OidcOptions Read(ParseResult parsed) => new()
    {
        Issuer = parsed.GetRequiredValue(_issuer),
        Audience = parsed.GetRequiredValue(_audience),
        NameClaim = parsed.GetRequiredValue(_name),
        Roles = parsed.GetRequiredValue(_roles),
        ClockSkew = TimeSpan.FromSeconds(parsed.GetRequiredValue(_skew)),
        Accepted = parsed.GetRequiredValue(_algorithms),
    };
}
