using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;
using Qm.Fleet.Controller.Storage;
using Qm.Fleet.Core.Enrollment;
using Qm.Fleet.Core.Environments;
using Qm.Fleet.Core.Secrets;
using Qm.Fleet.Core.Selectors;

namespace Qm.Fleet.Controller.Security;

/// <summary>Join tokens: <c>qmj1.ID.SECRET</c>, of which only a hash is kept, and what follows it so that a node knows the controller.</summary>
/// <remarks>A secret has 256 random bits, so one round of SHA-256 is enough; it is compared in constant time.</remarks>
internal sealed class JoinTokens(INodeCertificates certificates)
{
    /// <summary>How events name a token that let somebody in, before its name.</summary>
    public const string Actor = "jointoken:";

    private const int IdBytes = 9;
    private const int SecretBytes = 32;

    // What no token has: the comparison takes as long where there is none.
    private static readonly byte[] Nobody = new byte[SHA256.HashSizeInBytes];

    /// <summary>Makes a token; nothing is stored.</summary>
    /// <param name="draft">What it is for; its id and hash are made here.</param>
    /// <returns>What is stored of it, and the text for the node, which nobody but the caller has.</returns>
    public (StoredJoinToken Stored, Secret Text) Make(StoredJoinToken draft)
    {
        var id = Base64Url.EncodeToString(RandomNumberGenerator.GetBytes(IdBytes));
        var presented = JoinTokenText.Present(id, Base64Url.EncodeToString(RandomNumberGenerator.GetBytes(SecretBytes)));
        // Made while the authority is exchanged, it lets nodes in until that is through, and after.
        var authorities = certificates.AuthorityFingerprints;
        return (draft with { Id = id, Hash = Hash(presented), Authorities = authorities }, new(string.Join('.', [presented.Reveal(), .. authorities])));
    }

    /// <summary>What a token is good for, on a snapshot.</summary>
    /// <param name="db">The snapshot.</param>
    /// <param name="text">As it was sent.</param>
    /// <param name="node">Who wants to join with it.</param>
    /// <param name="now">When.</param>
    public static TokenCheck Check(ReadSnapshot db, Secret text, string node, DateTimeOffset now)
    {
        var shown = JoinTokenText.Parse(text.Reveal());
        var token = shown is null ? null : JoinTokenStore.OfId(db, shown.Id);
        if (!CryptographicOperations.FixedTimeEquals(Hash(shown?.Presented ?? new(null)), token?.Hash ?? Nobody))
        {
            return new(TokenVerdict.Wrong, "", "");
        }
        var site = NodeStore.Find(db, node)?.Site ?? NodeParser.DefaultSite;
        return token switch
        {
            _ when token!.ExpiresAt <= now => new(TokenVerdict.Ended, token.Name, FormattableString.Invariant($"ended {token.ExpiresAt:u}")),
            _ when !token.Nodes.Any(pattern => Glob.Matches(pattern, node)) => new(TokenVerdict.OutOfScope, token.Name, $"it is for {string.Join(", ", token.Nodes)}"),
            { Site.Length: > 0 } when token.Site != site => new(TokenVerdict.OutOfScope, token.Name, $"it is for the site {token.Site}, and the node is of {site}"),
            _ when token.Uses >= token.MaxUses => new(TokenVerdict.UsedUp, token.Name, FormattableString.Invariant($"was used {token.Uses} of {token.MaxUses} times")),
            _ => new(TokenVerdict.Good, token.Name, ""),
        };
    }

    private static byte[] Hash(Secret presented) => SHA256.HashData(Encoding.UTF8.GetBytes(presented.Reveal()));
}
