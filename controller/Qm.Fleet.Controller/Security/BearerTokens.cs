using System.Buffers.Text;
using System.Collections.Concurrent;
using System.Security.Cryptography;
using System.Text;
using Qm.Fleet.Controller.Storage;
using Qm.Fleet.Core.Secrets;

namespace Qm.Fleet.Controller.Security;

/// <summary>The bearer tokens of automation: <c>qmf_ID_SECRET</c>, of which only a hash is kept, and the requests that go on because of each.</summary>
/// <remarks>A secret has 256 random bits, so one round of SHA-256 is enough; it is compared in constant time.</remarks>
internal sealed class BearerTokens(AccessDesk desk, TimeProvider time)
{
    private const string Prefix = "qmf_";
    private const int IdBytes = 9;
    private const int SecretBytes = 32;

    /// <summary>A header longer than this is not looked at.</summary>
    private const int Longest = 128;

    private readonly ConcurrentDictionary<string, CancellationTokenSource> _lives = new(StringComparer.Ordinal);

    /// <summary>Makes a token; nothing is stored.</summary>
    /// <returns>What is stored of it, and the secret, which nobody but the caller has.</returns>
    public static (StoredToken Stored, Secret Secret) Make(string name, string role, V1.AccessScope scope, DateTimeOffset now, DateTimeOffset expires, string actor)
    {
        var id = Base64Url.EncodeToString(RandomNumberGenerator.GetBytes(IdBytes)).Replace('_', '-');
        var secret = new Secret($"{Prefix}{id}_{Base64Url.EncodeToString(RandomNumberGenerator.GetBytes(SecretBytes))}");
        return (new StoredToken(name, id, Hash(secret), role, scope, now, expires, actor), secret);
    }

    /// <summary>Who a secret belongs to.</summary>
    /// <param name="token">As it was sent.</param>
    /// <returns>The identity, what is cancelled when the token is revoked, and when it ends by itself; null for a secret of no token, or of one that has ended.</returns>
    public (CallerIdentity Caller, CancellationToken Revoked, DateTimeOffset Ends)? Identify(Secret token)
    {
        var secret = token.Reveal();
        if (secret.Length > Longest || !secret.StartsWith(Prefix, StringComparison.Ordinal) || secret.IndexOf('_', Prefix.Length) is var end && end < 0)
        {
            return null;
        }
        // The id is looked up as it stands: it is no secret, and tells nothing of the rest.
        if (!desk.Book.Tokens.TryGetValue(secret[Prefix.Length..end], out var stored) || !CryptographicOperations.FixedTimeEquals(stored.Hash, Hash(token))
            || stored.ExpiresAt <= time.GetUtcNow() || AccessParser.Scope(stored.Scope, "scope").Value is not { } scope)
        {
            return null;
        }
        return (CallerIdentity.Token(stored.Name, stored.Role, scope), _lives.GetOrAdd(stored.Id, static _ => new CancellationTokenSource()).Token, stored.ExpiresAt);
    }

    /// <summary>Ends every request that goes on because of a token.</summary>
    public void End(string id)
    {
        if (_lives.TryRemove(id, out var life))
        {
            // Not disposed of: a request that just began may still take its token, and a source without a timer holds nothing.
            life.Cancel();
        }
    }

    private static byte[] Hash(Secret secret) => SHA256.HashData(Encoding.UTF8.GetBytes(secret.Reveal()));
}
