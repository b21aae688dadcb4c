using Qm.Fleet.Core.Secrets;

namespace Qm.Fleet.Core.Enrollment;

/// <summary>A join token as it is handed to a node: <c>qmj1.ID.SECRET.CA</c>, and <c>.CA</c> once more where it was made while the authority is exchanged.</summary>
/// <param name="Id">What it is looked up by; not secret.</param>
/// <param name="Presented">What is shown to the controller: <c>qmj1.ID.SECRET</c>.</param>
/// <param name="Authorities">SHA-256 of the authorities' public keys (SubjectPublicKeyInfo), each 64 lower-case hexadecimal digits, by one of which the node knows the controller; empty when they were left out.</param>
public sealed record JoinTokenText(string Id, Secret Presented, IReadOnlyList<string> Authorities)
{
    /// <summary>Longest text that is looked at.</summary>
    public const int Longest = 256;

    private const string Version = "qmj1";
    private const int AuthorityDigits = 64;
    private const int MostAuthorities = 2;

    /// <summary>Reads one.</summary>
    /// <returns>Null for anything else; what it was is a secret, and not repeated.</returns>
    public static JoinTokenText? Parse(string text) =>
        text.Length <= Longest && text.Split('.') is [Version, { Length: > 0 } id, { Length: > 0 } secret, .. var rest] && IsPart(id) && IsPart(secret)
            ? rest switch
            {
                { Length: <= MostAuthorities } when rest.All(static authority => authority.Length == AuthorityDigits && authority.All(char.IsAsciiHexDigitLower)) => new(id, Present(id, secret), rest),
                _ => null,
            }
            : null;

    /// <summary>What is shown to the controller.</summary>
    public static Secret Present(string id, string secret) => new($"{Version}.{id}.{secret}");

    private static bool IsPart(string part) => part.All(static character => char.IsAsciiLetterOrDigit(character) || character is '-' or '_');
}
