using System.Security.Cryptography;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.IdentityModel.JsonWebTokens;
using Microsoft.IdentityModel.Tokens;
using Qm.Fleet.Controller.Options;

namespace Qm.Fleet.Controller.Tests.Security.Oidc;

/// <summary>An OpenID Connect issuer on loopback: what it signs with, what it publishes, and how it fails, is the test's to say.</summary>
internal sealed class TestIssuer : IAsyncDisposable
{
    public const string Audience = "qm-fleet";

    private readonly WebApplication _app;
    private readonly List<JsonWebKey> _published = [];
    private int _asked;

    private TestIssuer(WebApplication app)
    {
        _app = app;
        app.MapGet("/.well-known/openid-configuration", (HttpContext context) => AnswerAsync(context, () => Results.Json(new { issuer = Named ?? Address, jwks_uri = $"{Address}/keys" })));
        app.MapGet("/keys", (HttpContext context) => AnswerAsync(context, () =>
        {
            Interlocked.Increment(ref _asked);
            return Results.Json(new { keys = _published.Select(static key => new { kty = key.Kty, use = "sig", kid = key.Kid, n = key.N, e = key.E, crv = key.Crv, x = key.X, y = key.Y, k = key.K }) });
        }));
    }

    public string Address { get; private set; } = "";

    /// <summary>The issuer that its metadata name; null for itself.</summary>
    public string? Named { get; set; }

    /// <summary>How often its keys were asked for.</summary>
    public int Asked => Volatile.Read(ref _asked);

    /// <summary>Whether it answers 503.</summary>
    public bool IsDown { get; set; }

    public SigningCredentials Key { get; private set; } = null!;

    public static async Task<TestIssuer> StartAsync(CancellationToken ct)
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        var issuer = new TestIssuer(builder.Build());
        await issuer._app.StartAsync(ct);
        issuer.Address = issuer._app.Services.GetRequiredService<IServer>().Features.GetRequiredFeature().Addresses.Single();
        issuer.Rotate();
        return issuer;
    }

    /// <summary>Signs with a new key from now on; the old one is published no more unless it is kept.</summary>
    public void Rotate(bool keeps = false)
    {
        var key = new ECDsaSecurityKey(ECDsa.Create(ECCurve.NamedCurves.nistP256)) { KeyId = $"k{Guid.NewGuid():N}" };
        Key = new(key, SecurityAlgorithms.EcdsaSha256);
        if (!keeps)
        {
            _published.Clear();
        }
        Publish(key);
    }

    /// <summary>Publishes a key without signing with it.</summary>
    public void Publish(SecurityKey key)
    {
        var published = JsonWebKeyConverter.ConvertFromSecurityKey(key);
        published.Kid = key.KeyId;
        _published.Add(published);
    }

    /// <summary>How a controller takes its tokens.</summary>
    public OidcOptions Options => new()
    {
        Issuer = Address,
        Audience = Audience,
        Roles = ["groups=fleet-viewers:viewer", "realm.roles=fleet-operators:operator"],
        AllowsHttpOnLoopback = true,
    };

    /// <summary>A good token, but for what is changed.</summary>
    public string Token(string name = "ann", DateTimeOffset? now = null, Action<SecurityTokenDescriptor>? change = null, params string[] groups)
    {
        var at = (now ?? DateTimeOffset.UtcNow).UtcDateTime;
        var descriptor = new SecurityTokenDescriptor
        {
            Issuer = Address,
            Audience = Audience,
            IssuedAt = at,
            NotBefore = at,
            Expires = at.AddMinutes(5),
            Claims = new Dictionary<string, object> { ["sub"] = name, ["groups"] = groups, ["realm"] = new Dictionary<string, object> { ["roles"] = groups } },
            SigningCredentials = Key,
        };
        change?.Invoke(descriptor);
        return new JsonWebTokenHandler { SetDefaultTimesOnTokenCreation = false }.CreateToken(descriptor);
    }

    /// <summary>A token whose header and signature are made by hand.</summary>
    public string Forged(string header, Func<byte[], byte[]> sign, string name = "ann")
    {
        var now = DateTimeOffset.UtcNow.ToUnixTimeSeconds();
        var payload = $$"""{"iss":"{{Address}}","aud":"{{Audience}}","sub":"{{name}}","groups":["fleet-viewers"],"nbf":{{now}},"exp":{{now + 300}}}""";
        var signed = $"{Base64UrlEncoder.Encode(header)}.{Base64UrlEncoder.Encode(payload)}";
        return $"{signed}.{Base64UrlEncoder.Encode(sign(System.Text.Encoding.ASCII.GetBytes(signed)))}";
    }

    public ValueTask DisposeAsync() => _app.DisposeAsync();

    private Task AnswerAsync(HttpContext context, Func<IResult> answer) => (IsDown ? Results.StatusCode(503) : answer()).ExecuteAsync(context);
}

file static class Features
{
    public static IServerAddressesFeature GetRequiredFeature(this Microsoft.AspNetCore.Http.Features.IFeatureCollection features) => features.Get<IServerAddressesFeature>()!;
}
