using System.Globalization;
using System.Text.Json;
using Microsoft.Extensions.Options;
using Microsoft.IdentityModel.JsonWebTokens;
using Microsoft.IdentityModel.Tokens;
using Qm.Fleet.Controller.Options;
using Qm.Fleet.Core.Secrets;

namespace Qm.Fleet.Controller.Security.Oidc;

/// <summary>What a token of an OpenID Connect issuer comes to.</summary>
/// <param name="Caller">Who calls; null when the token is refused.</param>
/// <param name="Ends">When the caller ceases to be known by it.</param>
/// <param name="Refusal">Why it is refused, a sentence; empty when it is not.</param>
/// <param name="IsForNow">Whether the same token may be good later: it is the issuer that is in trouble.</param>
internal sealed record OidcAnswer(CallerIdentity? Caller, DateTimeOffset Ends, string Refusal = "", bool IsForNow = false);

/// <summary>Bearer tokens of an OpenID Connect issuer (RFC 7519, RFC 8725): who they are of, and which roles their claims are mapped to.</summary>
/// <remarks>A token is good for nothing that no mapping or binding gives its name. What is refused is told with why.</remarks>
internal sealed partial class OidcTokens : IDisposable
{
    private const int LongestToken = 16 * 1024;
    private const int LongestName = 200;

    private readonly JsonWebTokenHandler _handler = new() { MaximumTokenSizeInBytes = LongestToken };
    private readonly OidcOptions _options;
    private readonly TimeProvider _time;
    private readonly ILogger _logger;
    private readonly IssuerClient _client;
    private readonly IssuerKeys _keys;

    /// <summary>Asks nobody before the first token comes.</summary>
    public OidcTokens(IOptions<ControllerOptions> options, TimeProvider time, ILogger<OidcTokens> logger)
    {
        (_options, _time, _logger) = (options.Value.Oidc, time, logger);
        _client = new(_options, time);
        _keys = new(_client.FetchAsync, time);
        _keys.Failed += problem => Log.IssuerFailed(logger, _options.Issuer, problem);
    }

    /// <summary>Whether it is a token of this kind: three parts with dots between.</summary>
    public bool IsOne(Secret token) => _options.IsOn && token.Reveal().Count(static character => character == '.') == 2;

    /// <summary>Who a token is of.</summary>
    /// <param name="token">As it was sent.</param>
    /// <param name="ct">Ends the wait for the issuer's keys, which has a deadline of its own.</param>
    public async Task<OidcAnswer> IdentifyAsync(Secret token, CancellationToken ct)
    {
        if (token.Reveal().Length > LongestToken || Read(token) is not { } read)
        {
            return Refused("it does not read");
        }
        // Before anything is asked of anybody: who names no issuer of ours costs it nothing.
        if (read.Issuer != _options.Issuer)
        {
            return Refused("it is of another issuer");
        }
        if (!_options.Accepted.Contains(read.Alg))
        {
            return Refused($"it is signed in a way that is not taken; taken are {string.Join(", ", _options.Accepted)}");
        }
        if (read.Kid is not { Length: > 0 and <= LongestName } || read.TryGetHeaderValue<JsonElement>("crit", out _))
        {
            return Refused("its header names no key, or asks for what is not known here");
        }
        var found = await _keys.FindAsync(read.Kid, ct).ConfigureAwait(false);
        return found.Key is { } key ? await CheckAsync(read, key).ConfigureAwait(false) : Refused($"{_options.Issuer} {found.Problem}", found.IsForNow);
    }

    /// <inheritdoc/>
    public void Dispose() => _client.Dispose();

    private async Task<OidcAnswer> CheckAsync(JsonWebToken token, SecurityKey key)
    {
        var result = await _handler.ValidateTokenAsync(token, new TokenValidationParameters
        {
            ValidIssuer = _options.Issuer,
            ValidAudience = _options.Audience,
            ValidAlgorithms = _options.Accepted,
            IssuerSigningKey = key,
            RequireSignedTokens = true,
            RequireExpirationTime = true,
            ClockSkew = _options.ClockSkew,
            LifetimeValidator = (from, until, _, _) => IsNow(from, until),
        }).ConfigureAwait(false);
        if (!result.IsValid)
        {
            return Refused(result.Exception switch
            {
                SecurityTokenInvalidLifetimeException or SecurityTokenExpiredException or SecurityTokenNotYetValidException or SecurityTokenNoExpirationException =>
                    string.Create(CultureInfo.InvariantCulture, $"it is good from {token.ValidFrom:u} until {token.ValidTo:u}, and now it is {_time.GetUtcNow():u}"),
                SecurityTokenInvalidAudienceException => $"it is not for {_options.Audience}",
                SecurityTokenInvalidIssuerException => "it is of another issuer",
                _ => "its signature is not that of the key it names",
            });
        }
        using var claims = JsonDocument.Parse(Base64UrlEncoder.DecodeBytes(token.EncodedPayload));
        if (Values(claims.RootElement, _options.NameClaim) is not [var name] || !IsName(name))
        {
            return Refused($"its claim {_options.NameClaim} is no name: expected one text of 1 to {LongestName} printable ASCII characters without spaces");
        }
        var roles = _options.Mapped.Where(mapped => Values(claims.RootElement, mapped.Claim).Contains(mapped.Value, StringComparer.Ordinal)).Select(static mapped => mapped.Role).Distinct(StringComparer.Ordinal);
        return new(CallerIdentity.Oidc(name, [.. roles]), new DateTimeOffset(token.ValidTo, TimeSpan.Zero) + _options.ClockSkew);
    }

    private bool IsNow(DateTime? from, DateTime? until)
    {
        var now = _time.GetUtcNow().UtcDateTime;
        return until is { } end && end + _options.ClockSkew > now && (from is not { } begin || begin - _options.ClockSkew <= now);
    }

    private OidcAnswer Refused(string why, bool isForNow = false)
    {
        Log.Refused(_logger, why);
        return new(null, default, $"The token is refused: {why}.", isForNow);
    }

    private static JsonWebToken? Read(Secret token)
    {
        try
        {
            return new JsonWebToken(token.Reveal());
        }
        catch (Exception e) when (e is ArgumentException or SecurityTokenException or JsonException)
        {
            // What was sent is no token, and nothing of it is to be told.
            return null;
        }
    }

    // A claim by its name; with dots, one within another, as some providers have their roles.
    private static string[] Values(JsonElement claims, string name)
    {
        if (claims.ValueKind != JsonValueKind.Object)
        {
            return [];
        }
        if (claims.TryGetProperty(name, out var value))
        {
            return value.ValueKind switch
            {
                JsonValueKind.String => [value.GetString()!],
                JsonValueKind.Array => [.. value.EnumerateArray().Where(static one => one.ValueKind == JsonValueKind.String).Select(static one => one.GetString()!)],
                _ => [],
            };
        }
        return name.IndexOf('.', StringComparison.Ordinal) is > 0 and var dot && claims.TryGetProperty(name[..dot], out var within) ? Values(within, name[(dot + 1)..]) : [];
    }

    private static bool IsName(string name) => name.Length is > 0 and <= LongestName && name.All(static character => character is > ' ' and < '\x7f');

    private static partial class Log
    {
        [LoggerMessage(1270, LogLevel.Warning, "The issuer {Issuer} cannot be asked for its keys: {Problem}; its callers are refused when none that are known fit", EventName = nameof(IssuerFailed))]
        public static partial void IssuerFailed(ILogger logger, string issuer, string problem);

        [LoggerMessage(1271, LogLevel.Information, "A token of an issuer was refused: {Why}", EventName = nameof(Refused))]
        public static partial void Refused(ILogger logger, string why);
    }
}
