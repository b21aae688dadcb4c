using System.Security.Cryptography;
using System.Text.Json;

namespace Qm.Fleet.Controller.Security;

/// <summary>Which authorities there are: what stands in <c>pki/authorities</c>, a file that is replaced at one stroke by each step of a rotation.</summary>
/// <param name="Number">Counts the steps from 1; 0 before the first rotation, when there is no such file.</param>
/// <param name="Issuing">The folder of the one that new certificates are of.</param>
/// <param name="Retiring">The folder of the one that is on its way out; null for none.</param>
/// <param name="Since">When the step was made.</param>
/// <param name="Actor">Who asked for it.</param>
/// <param name="Message">What was done, a sentence.</param>
internal sealed record AuthorityStep(int Number, string Issuing, string? Retiring, DateTimeOffset Since, string Actor, string Message)
{
    /// <summary>The folder of the authority that the first start makes.</summary>
    public const string FirstFolder = "ca";

    /// <summary>What the folders of later ones begin with.</summary>
    public const string LaterFolders = "ca-";

    private const string FileName = "authorities";

    /// <summary>Before any rotation.</summary>
    public static AuthorityStep First { get; } = new(0, FirstFolder, null, DateTimeOffset.UnixEpoch, "", "");

    /// <summary>Reads the file; null where there is none.</summary>
    /// <exception cref="PkiException">It does not read.</exception>
    public static AuthorityStep? Read(string root)
    {
        var path = Path.Combine(root, FileName);
        try
        {
            return File.Exists(path)
                ? JsonSerializer.Deserialize<AuthorityStep>(File.ReadAllText(path)) is { Issuing.Length: > 0 } step ? step : throw new JsonException("it names no authority")
                : null;
        }
        catch (JsonException e)
        {
            throw new PkiException($"{path} cannot be read: {e.Message} Restore it from a backup; it says which certificate authority is in force.", e);
        }
    }

    /// <summary>Puts it in place of the step before.</summary>
    public void Write(string root, Action<string> before) => DurableFolder.WriteFile(Path.Combine(root, FileName), JsonSerializer.Serialize(this), before);
}

/// <summary>The certificate authorities in force at one moment: one, or two while it is exchanged.</summary>
/// <remarks>
/// While there are two, certificates of both are taken, and what is made for nodes and people is of the new one. The server's own stays one of the old one to the end of that: whoever
/// knows the old one alone still finds the controller by it, and gets the new one with its next certificate. (A new authority that the old one has signed would do without that, but the
/// authorities that we make may sign no other.) When the old one retires, the server's certificate changes with it.
/// </remarks>
internal sealed class Authorities
{
    /// <summary>Takes them as they are.</summary>
    public Authorities(AuthorityStep step, CertificateAuthority issuing, CertificateAuthority? retiring)
    {
        (Step, Issuing, Retiring) = (step, issuing, retiring);
        All = retiring is null ? [issuing] : [issuing, retiring];
        KeyFingerprints = [.. All.Reverse().Select(static authority => CertificateRequests.Fingerprint(authority.Certificate.PublicKey)).Distinct(StringComparer.Ordinal)];
        Pem = string.Concat(All.Select(static authority => authority.Pem));
        Digest = Convert.ToHexStringLower(SHA256.HashData([.. All.SelectMany(static authority => authority.Chain).SelectMany(static certificate => certificate.RawData)]));
    }

    /// <summary>How it came to be so.</summary>
    public AuthorityStep Step { get; }

    /// <summary>The one that new certificates of nodes and people are of.</summary>
    public CertificateAuthority Issuing { get; }

    /// <summary>The one on its way out; null for none.</summary>
    public CertificateAuthority? Retiring { get; }

    /// <summary>The one that the server's certificate is of.</summary>
    public CertificateAuthority OfServer => Retiring ?? Issuing;

    /// <summary>Those whose certificates are taken.</summary>
    public IReadOnlyList<CertificateAuthority> All { get; }

    /// <summary>SHA-256 of their public keys, that of <see cref="OfServer"/> first; each 64 hexadecimal digits. A join token names them.</summary>
    public IReadOnlyList<string> KeyFingerprints { get; }

    /// <summary>What a client has to trust, PEM text: every <c>ca.crt</c> holds it.</summary>
    public string Pem { get; }

    /// <summary>SHA-256 over the certificates of <see cref="Pem"/> (DER, one after the other), 64 hexadecimal digits: what tells an agent extension that it trusts others than it should.</summary>
    public string Digest { get; }
}
