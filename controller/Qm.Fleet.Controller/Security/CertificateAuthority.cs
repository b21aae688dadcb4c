using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Qm.Fleet.Core.Certificates;
using Qm.Fleet.Core.Secrets;

namespace Qm.Fleet.Controller.Security;

/// <summary>A certificate and its key, both as PEM text.</summary>
internal sealed record PemIdentity(string Certificate, Secret Key);

/// <summary>Whose certificate is made.</summary>
/// <param name="Name">The common name.</param>
/// <param name="Unit">The organizational unit, of <see cref="PeerCertificates"/>.</param>
/// <param name="Earliest">When it may begin at the earliest; null for any time.</param>
internal sealed record CertificateOwner(string Name, string Unit, DateTimeOffset? Earliest = null);

/// <summary>A certificate authority whose key the controller has: its own, ECDSA on P-256 and one level, so a leaf can never issue another; or one that was brought.</summary>
internal sealed class CertificateAuthority : IDisposable
{
    /// <summary>Certificates are valid from an hour ago, for nodes whose clock is behind.</summary>
    public static readonly TimeSpan ClockSkew = TimeSpan.FromHours(1);

    private const string CertificateName = "ca.crt";
    private const string KeyName = "ca.key";

    private static readonly Oid ServerAuthentication = new("1.3.6.1.5.5.7.3.1");
    private static readonly Oid ClientAuthentication = new("1.3.6.1.5.5.7.3.2");

    private readonly X509Certificate2 _withKey;
    private readonly CertificateLives _lives;

    private CertificateAuthority(X509Certificate2 withKey, X509Certificate2Collection chain, CertificateLives lives)
    {
        (_withKey, Chain, _lives) = (withKey, chain, lives);
        Pem = string.Concat(chain.Select(static certificate => certificate.ExportCertificatePem() + "\n"));
        Fingerprint = Convert.ToHexStringLower(SHA256.HashData(Certificate.RawData));
    }

    /// <summary>Its certificate, without the key.</summary>
    public X509Certificate2 Certificate => Chain[0];

    /// <summary>Its certificate, and those that lead from there to a root where it is none itself.</summary>
    public X509Certificate2Collection Chain { get; }

    /// <summary><see cref="Chain"/> as PEM text: what vouches for it.</summary>
    public string Pem { get; }

    /// <summary>SHA-256 of its certificate, 64 hexadecimal digits.</summary>
    public string Fingerprint { get; }

    /// <summary>From when until when it holds.</summary>
    public CertificateLife Life => Certificate.Life();

    /// <summary>Makes the key and the certificate of a new authority.</summary>
    public static PemIdentity Create(DateTimeOffset now, CertificateLives lives)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var subjectKey = new X509SubjectKeyIdentifierExtension(new PublicKey(key), critical: false);
        var name = new X500DistinguishedNameBuilder();
        name.AddOrganizationName("QM Fleet");
        // Two of them are told apart by people, too.
        name.AddCommonName($"QM Fleet CA {subjectKey.SubjectKeyIdentifier![..8].ToLowerInvariant()}");
        var request = new CertificateRequest(name.Build(), key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, true, 0, critical: true));
        request.CertificateExtensions.Add(new X509KeyUsageExtension(X509KeyUsageFlags.KeyCertSign | X509KeyUsageFlags.CrlSign, critical: true));
        request.CertificateExtensions.Add(subjectKey);
        var generator = X509SignatureGenerator.CreateForECDsa(key);
        using var made = request.Create(request.SubjectName, generator, now - CertificateLives.SkewOf(lives.Authority), now + lives.Authority, Serial());
        return new PemIdentity(made.ExportCertificatePem(), new(key.ExportPkcs8PrivateKeyPem()));
    }

    /// <summary>Reads <c>ca.crt</c>, the authority's certificate first, and <c>ca.key</c>.</summary>
    public static CertificateAuthority Load(string folder, CertificateLives lives) =>
        Of(new(File.ReadAllText(Path.Combine(folder, CertificateName)), new(File.ReadAllText(Path.Combine(folder, KeyName)))), lives);

    /// <summary>An authority that is written nowhere.</summary>
    public static CertificateAuthority Of(PemIdentity authority, CertificateLives lives)
    {
        var chain = new X509Certificate2Collection();
        chain.ImportFromPem(authority.Certificate);
        return new(X509Certificate2.CreateFromPem(authority.Certificate, authority.Key.Reveal()), chain, lives);
    }

    /// <summary>Writes what <see cref="Load"/> reads.</summary>
    public static void Save(string folder, PemIdentity authority, Action<string> before) =>
        DurableFolder.Write(folder, before, (CertificateName, authority.Certificate), (KeyName, authority.Key.Reveal()));

    /// <summary>A certificate for the controller's own listener.</summary>
    /// <param name="names">DNS names and IP addresses clients reach it under.</param>
    /// <param name="now">When it is made.</param>
    public PemIdentity IssueServer(IEnumerable<string> names, DateTimeOffset now)
    {
        var alternatives = new SubjectAlternativeNameBuilder();
        foreach (var name in names)
        {
            if (IPAddress.TryParse(name, out var address))
            {
                alternatives.AddIpAddress(address);
            }
            else
            {
                alternatives.AddDnsName(name);
            }
        }
        return Issue(key => Sign(new("qm-fleet-controller", "controller"), ServerAuthentication, alternatives.Build(), key, now));
    }

    /// <summary>A certificate for a client, with a key made here.</summary>
    public PemIdentity Issue(CertificateOwner owner, DateTimeOffset now) => Issue(key => Sign(owner, key, now));

    /// <summary>A certificate for a client whose key is its own, as PEM text.</summary>
    public string Sign(CertificateOwner owner, PublicKey key, DateTimeOffset now) => Sign(owner, ClientAuthentication, alternatives: null, key, now);

    /// <inheritdoc/>
    public void Dispose()
    {
        _withKey.Dispose();
        foreach (var certificate in Chain)
        {
            certificate.Dispose();
        }
    }

    private static PemIdentity Issue(Func<PublicKey, string> sign)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        return new PemIdentity(sign(new PublicKey(key)), new(key.ExportPkcs8PrivateKeyPem()));
    }

    private string Sign(CertificateOwner owner, Oid use, X509Extension? alternatives, PublicKey key, DateTimeOffset now)
    {
        var life = _lives.Leaf;
        var name = new X500DistinguishedNameBuilder();
        name.AddOrganizationalUnitName(owner.Unit);
        name.AddCommonName(owner.Name);
        var request = new CertificateRequest(name.Build(), key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(false, false, 0, critical: true));
        request.CertificateExtensions.Add(new X509KeyUsageExtension(X509KeyUsageFlags.DigitalSignature, critical: true));
        request.CertificateExtensions.Add(new X509EnhancedKeyUsageExtension([use], critical: false));
        request.CertificateExtensions.Add(new X509SubjectKeyIdentifierExtension(request.PublicKey, critical: false));
        request.CertificateExtensions.Add(X509AuthorityKeyIdentifierExtension.CreateFromCertificate(Certificate, true, false));
        if (alternatives is not null)
        {
            request.CertificateExtensions.Add(alternatives);
        }
        // A leaf stands within its CA's time, also when the clock was set back since.
        var begin = Later(Later(now - CertificateLives.SkewOf(life), owner.Earliest ?? DateTimeOffset.MinValue), Certificate.NotBefore);
        var end = Later(begin.AddSeconds(1), Earlier(now + life, Certificate.NotAfter));
        using var ec = _withKey.GetECDsaPrivateKey();
        using var rsa = _withKey.GetRSAPrivateKey();
        var generator = ec is not null ? X509SignatureGenerator.CreateForECDsa(ec) : X509SignatureGenerator.CreateForRSA(rsa!, RSASignaturePadding.Pkcs1);
        using var made = request.Create(Certificate.SubjectName, generator, begin, end, Serial());
        return made.ExportCertificatePem();
    }

    private static DateTimeOffset Later(DateTimeOffset one, DateTimeOffset other) => one > other ? one : other;

    private static DateTimeOffset Earlier(DateTimeOffset one, DateTimeOffset other) => one < other ? one : other;

    /// <summary>126 random bits; positive and of constant length, as RFC 5280 wants it.</summary>
    private static byte[] Serial()
    {
        var serial = RandomNumberGenerator.GetBytes(16);
        serial[0] = (byte)((serial[0] & 0x7F) | 0x40);
        return serial;
    }
}

/// <summary>A certificate as Core sees it.</summary>
internal static class CertificateFacts
{
    /// <summary>From when until when it holds.</summary>
    public static CertificateLife Life(this X509Certificate2 certificate) => new(certificate.NotBefore.ToUniversalTime(), certificate.NotAfter.ToUniversalTime());

    /// <summary>What tells it from others, when it is somebody's.</summary>
    public static CertificateName NameOf(this X509Certificate2 certificate, CallerIdentity caller) => new(certificate.SerialNumber.ToLowerInvariant(), caller.Actor, certificate.NotBefore.ToUniversalTime());
}
