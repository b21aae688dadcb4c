using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Qm.Fleet.Controller.Security;

/// <content>Certificates for keys that others have: those of nodes.</content>
internal sealed partial class CertificateAuthority
{
    /// <summary>A node's certificate for a key that was made on the node.</summary>
    /// <param name="name">BlueChi's node name of the host.</param>
    /// <param name="key">Its public key; whoever asks has shown to have the other half.</param>
    /// <param name="now">When it is made.</param>
    /// <param name="life">How long it is good.</param>
    /// <returns>PEM.</returns>
    public string SignNode(string name, PublicKey key, DateTimeOffset now, TimeSpan life)
    {
        var subject = new X500DistinguishedNameBuilder();
        subject.AddOrganizationalUnitName(PeerCertificates.NodeUnit);
        subject.AddCommonName(name);
        var request = new CertificateRequest(subject.Build(), key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(false, false, 0, critical: true));
        request.CertificateExtensions.Add(new X509KeyUsageExtension(X509KeyUsageFlags.DigitalSignature, critical: true));
        request.CertificateExtensions.Add(new X509EnhancedKeyUsageExtension([ClientAuthentication], critical: false));
        request.CertificateExtensions.Add(new X509SubjectKeyIdentifierExtension(key, critical: false));
        request.CertificateExtensions.Add(X509AuthorityKeyIdentifierExtension.CreateFromCertificate(certificate, true, false));
        // A short life has a short past, or two thirds of it would be over when it begins.
        var begin = Later(now - (life / 10 < ClockSkew ? life / 10 : ClockSkew), certificate.NotBefore);
        var end = Later(begin.AddSeconds(1), Earlier(now + life, certificate.NotAfter));
        using var made = request.Create(certificate, begin, end, Serial());
        return made.ExportCertificatePem();
    }
}

/// <content>Certificates of nodes.</content>
internal sealed partial class Pki
{
    /// <inheritdoc cref="CertificateAuthority.SignNode"/>
    public string SignNode(string name, PublicKey key, DateTimeOffset now, TimeSpan life) => _authority.SignNode(name, key, now, life);
}
