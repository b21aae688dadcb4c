using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Qm.Fleet.Controller.Security;

/// <summary>A certificate and its key, both as PEM text.</summary>
internal sealed record PemIdentity(string Certificate, string Key);

/// <summary>The controller's own certificate authority: ECDSA on P-256, one level, so a leaf can never issue another.</summary>
/// <param name="certificate">The CA's certificate with its key.</param>
internal sealed partial class CertificateAuthority(X509Certificate2 certificate) : IDisposable
{
    /// <summary>How long a CA lasts: ten years.</summary>
    public static readonly TimeSpan AuthorityLifetime = TimeSpan.FromDays(3650);

    /// <summary>How long every other certificate lasts: one year.</summary>
    public static readonly TimeSpan LeafLifetime = TimeSpan.FromDays(365);

    /// <summary>Certificates are valid from an hour ago, for nodes whose clock is behind.</summary>
    public static readonly TimeSpan ClockSkew = TimeSpan.FromHours(1);

    private static readonly Oid ServerAuthentication = new("1.3.6.1.5.5.7.3.1");
    private static readonly Oid ClientAuthentication = new("1.3.6.1.5.5.7.3.2");

    /// <summary>The CA's certificate, without its key, as PEM text.</summary>
    public string Certificate { get; } = certificate.ExportCertificatePem();

    /// <summary>Makes a new authority.</summary>
    public static PemIdentity Create(DateTimeOffset now)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var name = new X500DistinguishedNameBuilder();
        name.AddOrganizationName("QM Fleet");
        name.AddCommonName("QM Fleet CA");
        var request = new CertificateRequest(name.Build(), key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, true, 0, critical: true));
        request.CertificateExtensions.Add(new X509KeyUsageExtension(X509KeyUsageFlags.KeyCertSign | X509KeyUsageFlags.CrlSign, critical: true));
        request.CertificateExtensions.Add(new X509SubjectKeyIdentifierExtension(request.PublicKey, critical: false));
        var generator = X509SignatureGenerator.CreateForECDsa(key);
        using var made = request.Create(request.SubjectName, generator, now - ClockSkew, now + AuthorityLifetime, Serial());
        return new PemIdentity(made.ExportCertificatePem(), key.ExportPkcs8PrivateKeyPem());
    }

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
        return Issue("qm-fleet-controller", "controller", ServerAuthentication, alternatives.Build(), now);
    }

    /// <summary>A certificate for a person or for automation that administers fleets.</summary>
    public PemIdentity IssueAdmin(string name, DateTimeOffset now) =>
        Issue(name, PeerCertificates.AdminUnit, ClientAuthentication, alternatives: null, now);

    /// <summary>A certificate for the agent extension of one node.</summary>
    public PemIdentity IssueNode(string name, DateTimeOffset now) =>
        Issue(name, PeerCertificates.NodeUnit, ClientAuthentication, alternatives: null, now);

    /// <inheritdoc/>
    public void Dispose() => certificate.Dispose();

    private PemIdentity Issue(string commonName, string organizationalUnit, Oid use, X509Extension? alternatives, DateTimeOffset now)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var name = new X500DistinguishedNameBuilder();
        name.AddOrganizationalUnitName(organizationalUnit);
        name.AddCommonName(commonName);
        var request = new CertificateRequest(name.Build(), key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(false, false, 0, critical: true));
        request.CertificateExtensions.Add(new X509KeyUsageExtension(X509KeyUsageFlags.DigitalSignature, critical: true));
        request.CertificateExtensions.Add(new X509EnhancedKeyUsageExtension([use], critical: false));
        request.CertificateExtensions.Add(new X509SubjectKeyIdentifierExtension(request.PublicKey, critical: false));
        request.CertificateExtensions.Add(X509AuthorityKeyIdentifierExtension.CreateFromCertificate(certificate, true, false));
        if (alternatives is not null)
        {
            request.CertificateExtensions.Add(alternatives);
        }
        // A leaf stands within its CA's time, also when the clock was set back since.
        var begin = Later(now - ClockSkew, certificate.NotBefore);
        var end = Later(begin.AddSeconds(1), Earlier(now + LeafLifetime, certificate.NotAfter));
        using var made = request.Create(certificate, begin, end, Serial());
        return new PemIdentity(made.ExportCertificatePem(), key.ExportPkcs8PrivateKeyPem());
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
