using System.Globalization;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Qm.Fleet.Core.Environments;

namespace Qm.Fleet.Controller.Security;

/// <summary>Reads a certificate authority that somebody brings, and says everything that is wrong with it at once; nothing is written.</summary>
internal static class AuthorityImport
{
    private const int MostChain = 64 * 1024;
    private const int MostKey = 16 * 1024;
    private const int MostCertificates = 10;
    private const int LeastRsa = 3072;
    private const int MostRsa = 8192;
    private const string P256 = "1.2.840.10045.3.1.7";
    private const string P384 = "1.3.132.0.34";
    private const string Path = "chain";
    private const string KeyPath = "key";
    private const string ClientAuthentication = "1.3.6.1.5.5.7.3.2";
    private const string ServerAuthentication = "1.3.6.1.5.5.7.3.1";

    /// <summary>Reads an authority.</summary>
    /// <param name="chain">Its certificate, and those that lead from there to a root, PEM text.</param>
    /// <param name="key">Its private key, PEM text without a passphrase.</param>
    /// <param name="now">The time.</param>
    /// <returns>Both as they are to be kept.</returns>
    public static Parsed<PemIdentity> Read(string chain, string key, DateTimeOffset now)
    {
        List<Problem> problems = [];
        var certificates = Certificates(chain, problems);
        var owned = Key(key, problems);
        if (certificates.Count > 0)
        {
            CheckAuthority(certificates[0], now, problems);
            CheckWay(certificates, now, problems);
            if (owned is not null && !Fits(certificates[0], owned))
            {
                problems.Add(new(KeyPath, "it is not the key of the first certificate of the chain"));
            }
        }
        var pem = new PemIdentity(string.Concat(certificates.Select(static certificate => certificate.ExportCertificatePem() + "\n")), new(owned?.ExportPkcs8PrivateKeyPem()));
        if (problems.Count == 0)
        {
            CheckWork(pem, now, problems);
        }
        owned?.Dispose();
        return new Parsed<PemIdentity>(pem, problems);
    }

    private static X509Certificate2Collection Certificates(string chain, List<Problem> problems)
    {
        X509Certificate2Collection certificates = [];
        if (chain.Length is 0 or > MostChain)
        {
            problems.Add(new(Path, string.Create(CultureInfo.InvariantCulture, $"it has {chain.Length} characters; expected certificates as PEM text, 1 to {MostChain}")));
            return certificates;
        }
        try
        {
            certificates.ImportFromPem(chain);
        }
        catch (CryptographicException e)
        {
            problems.Add(new(Path, $"a certificate in it does not read: {e.Message}"));
            return [];
        }
        if (certificates.Count is 0 or > MostCertificates)
        {
            problems.Add(new(Path, string.Create(CultureInfo.InvariantCulture, $"it has {certificates.Count} certificates; expected 1 to {MostCertificates}")));
            return [];
        }
        return certificates;
    }

    private static AsymmetricAlgorithm? Key(string key, List<Problem> problems)
    {
        if (key.Length is 0 or > MostKey)
        {
            problems.Add(new(KeyPath, string.Create(CultureInfo.InvariantCulture, $"it has {key.Length} characters; expected a private key as PEM text, 1 to {MostKey}")));
            return null;
        }
        if (key.Contains("ENCRYPTED", StringComparison.Ordinal))
        {
            problems.Add(new(KeyPath, "it has a passphrase; expected one without"));
            return null;
        }
        return Read(ECDsa.Create(), key) ?? Read(RSA.Create(), key) ?? Unreadable();

        AsymmetricAlgorithm? Unreadable()
        {
            problems.Add(new(KeyPath, "it does not read; expected the private key of an authority, ECDSA or RSA, as PEM text"));
            return null;
        }
    }

    private static AsymmetricAlgorithm? Read(AsymmetricAlgorithm kind, string key)
    {
        try
        {
            kind.ImportFromPem(key);
            return kind;
        }
        catch (Exception e) when (e is CryptographicException or ArgumentException)
        {
            // Of another kind, or none; whoever asks tells that.
            kind.Dispose();
            return null;
        }
    }

    private static void CheckAuthority(X509Certificate2 authority, DateTimeOffset now, List<Problem> problems)
    {
        if (authority.Extensions.OfType<X509BasicConstraintsExtension>().FirstOrDefault() is not { CertificateAuthority: true })
        {
            problems.Add(new(Path, $"{authority.Subject} is no certificate authority (basicConstraints CA:TRUE)"));
        }
        if (authority.Extensions.OfType<X509KeyUsageExtension>().FirstOrDefault()?.KeyUsages.HasFlag(X509KeyUsageFlags.KeyCertSign) is not true)
        {
            problems.Add(new(Path, $"{authority.Subject} may sign no certificates (keyUsage keyCertSign)"));
        }
        if (!authority.Extensions.OfType<X509SubjectKeyIdentifierExtension>().Any())
        {
            problems.Add(new(Path, $"{authority.Subject} has no subjectKeyIdentifier, by which its certificates would name it"));
        }
        using var ec = authority.GetECDsaPublicKey();
        using var rsa = authority.GetRSAPublicKey();
        if (!(ec is not null && ec.ExportParameters(false).Curve.Oid?.Value is P256 or P384) && rsa?.KeySize is not (>= LeastRsa and <= MostRsa))
        {
            problems.Add(new(Path, $"{authority.Subject} has a key that is neither on P-256 or P-384 nor RSA of {LeastRsa} to {MostRsa} bits"));
        }
        if (now >= authority.NotAfter)
        {
            problems.Add(new(Path, FormattableString.Invariant($"{authority.Subject} has ended at {authority.NotAfter.ToUniversalTime():u}")));
        }
        if (now < authority.NotBefore)
        {
            problems.Add(new(Path, FormattableString.Invariant($"{authority.Subject} holds from {authority.NotBefore.ToUniversalTime():u} on only")));
        }
    }

    /// <summary>Whether the rest of the chain is the way from the authority to a root, in whatever order, and nothing beside it.</summary>
    private static void CheckWay(X509Certificate2Collection certificates, DateTimeOffset now, List<Problem> problems)
    {
        using var way = new X509Chain();
        way.ChainPolicy.TrustMode = X509ChainTrustMode.CustomRootTrust;
        way.ChainPolicy.CustomTrustStore.AddRange(certificates);
        way.ChainPolicy.RevocationMode = X509RevocationMode.NoCheck;
        way.ChainPolicy.DisableCertificateDownloads = true;
        way.ChainPolicy.VerificationTime = now.UtcDateTime;
        // What is wrong with the time of the authority itself is told already.
        if (!way.Build(certificates[0]) && way.ChainStatus.Where(static status => status.Status != X509ChainStatusFlags.NotTimeValid).ToList() is { Count: > 0 } wrong)
        {
            problems.Add(new(Path, $"it does not lead from {certificates[0].Subject} to a root: {string.Join(", ", wrong.Select(static status => status.Status))}. Add the certificates of who signed it, up to one that signed itself"));
        }
        else if (certificates.Any(certificate => way.ChainElements.All(element => !element.Certificate.RawData.AsSpan().SequenceEqual(certificate.RawData))))
        {
            problems.Add(new(Path, "it has certificates beside the way to the root; everybody would trust them, too"));
        }
    }

    private static bool Fits(X509Certificate2 certificate, AsymmetricAlgorithm key) => certificate.PublicKey.ExportSubjectPublicKeyInfo().AsSpan().SequenceEqual(key.ExportSubjectPublicKeyInfo());

    /// <summary>Whether certificates of it would be taken: what it may not sign, by the names or the uses it is bound to, shows here.</summary>
    private static void CheckWork(PemIdentity pem, DateTimeOffset now, List<Problem> problems)
    {
        using var authority = CertificateAuthority.Of(pem, CertificateLives.Default);
        using var server = X509Certificate2.CreateFromPem(authority.IssueServer(["localhost", "127.0.0.1"], now).Certificate);
        using var client = X509Certificate2.CreateFromPem(authority.Issue(new("trial", PeerCertificates.NodeUnit), now).Certificate);
        if (!PeerCertificates.IsOf(authority, server, now, ServerAuthentication))
        {
            problems.Add(new(Path, $"{authority.Certificate.Subject} may not vouch for a server named localhost; look at its nameConstraints and extendedKeyUsage"));
        }
        if (!PeerCertificates.IsOf(authority, client, now, ClientAuthentication))
        {
            problems.Add(new(Path, $"{authority.Certificate.Subject} may not vouch for clients; look at its nameConstraints and extendedKeyUsage"));
        }
    }
}
