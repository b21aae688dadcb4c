using System.Text.Json;
using Microsoft.IdentityModel.Tokens;
using Qm.Fleet.Controller.Options;

namespace Qm.Fleet.Controller.Security.Oidc;

/// <summary>Asks an issuer for its keys: first where they lie, then for them. Follows no redirect, and reads no more than a megabyte.</summary>
internal sealed class IssuerClient(OidcOptions options, TimeProvider time) : IDisposable
{
    /// <summary>How long both requests may take together.</summary>
    public static readonly TimeSpan Deadline = TimeSpan.FromSeconds(5);

    private const int MostBytes = 1 << 20;
    private const int MostKeys = 64;
    private const int FewestRsaBits = 2048;

    private readonly HttpClient _http = new(new SocketsHttpHandler { AllowAutoRedirect = false, UseCookies = false, ConnectTimeout = Deadline, PooledConnectionLifetime = TimeSpan.FromMinutes(1) })
    {
        // The deadline is of our own clock.
        Timeout = Timeout.InfiniteTimeSpan,
        MaxResponseContentBufferSize = MostBytes,
    };

    /// <summary>The keys that can check a signature.</summary>
    /// <exception cref="OidcException">The issuer did not answer in time, or with something else.</exception>
    public async Task<IReadOnlyCollection<SecurityKey>> FetchAsync(CancellationToken ct)
    {
        using var deadline = new CancellationTokenSource(Deadline, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(deadline.Token, ct);
        try
        {
            var configuration = new Uri($"{options.Issuer.TrimEnd('/')}/.well-known/openid-configuration");
            using var metadata = JsonDocument.Parse(await GetAsync(configuration, either.Token).ConfigureAwait(false));
            if (Text(metadata, "issuer") is var named && named != options.Issuer)
            {
                throw new OidcException($"{configuration} is of the issuer \"{named}\", and that is another");
            }
            if (!Uri.TryCreate(Text(metadata, "jwks_uri"), UriKind.Absolute, out var address) || !options.Admits(address))
            {
                throw new OidcException($"{configuration} names no https address of its keys (jwks_uri)");
            }
            return Usable(new JsonWebKeySet(await GetAsync(address, either.Token).ConfigureAwait(false)));
        }
        catch (OperationCanceledException) when (!ct.IsCancellationRequested)
        {
            throw new OidcException($"it did not answer within {Deadline.TotalSeconds:0} s");
        }
        catch (HttpRequestException e)
        {
            throw new OidcException(e.InnerException?.Message ?? e.Message);
        }
        catch (Exception e) when (e is JsonException or ArgumentException)
        {
            throw new OidcException($"what it answered does not read: {e.Message}");
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _http.Dispose();

    private async Task<string> GetAsync(Uri address, CancellationToken ct)
    {
        using var answer = await _http.GetAsync(address, ct).ConfigureAwait(false);
        return answer.IsSuccessStatusCode
            ? await answer.Content.ReadAsStringAsync(ct).ConfigureAwait(false)
            : throw new OidcException($"{address.GetLeftPart(UriPartial.Path)} answered {(int)answer.StatusCode}");
    }

    // A key that is known to both sides signs nothing here, and one without a name is found by nobody.
    private static List<SecurityKey> Usable(JsonWebKeySet set) =>
    [
        .. set.Keys.Where(static key => key.Use is null or "" or "sig" && key.KeyId is { Length: > 0 }
            && (key.Kty == JsonWebAlgorithmsKeyTypes.EllipticCurve || (key.Kty == JsonWebAlgorithmsKeyTypes.RSA && key.KeySize >= FewestRsaBits))).Take(MostKeys),
    ];

    private static string Text(JsonDocument document, string name) =>
        document.RootElement.ValueKind == JsonValueKind.Object && document.RootElement.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.String ? value.GetString()! : "";
}

/// <summary>An issuer cannot be used as things are.</summary>
internal sealed class OidcException(string message) : Exception(message);
