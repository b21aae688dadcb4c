using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Google.Protobuf;

namespace Qm.Fleet.Agent.Enrollment;

/// <summary>What is sent to have a key certified, and what is known of a key.</summary>
internal static class CertificateOrder
{
    /// <summary>A certificate request (PKCS #10, DER) that shows that whoever sends it has the key.</summary>
    public static ByteString Make(string node, ECDsa key)
    {
        var name = new X500DistinguishedNameBuilder();
        name.AddCommonName(node);
        return ByteString.CopyFrom(new CertificateRequest(name.Build(), key, HashAlgorithmName.SHA256).CreateSigningRequest());
    }

    /// <summary>What the controller shows a key by: SHA-256 over its SubjectPublicKeyInfo, 64 lower-case hexadecimal digits.</summary>
    public static string Fingerprint(PublicKey key) => Convert.ToHexStringLower(SHA256.HashData(key.ExportSubjectPublicKeyInfo()));

    /// <inheritdoc cref="Fingerprint(PublicKey)"/>
    public static string Fingerprint(ECDsa key) => Convert.ToHexStringLower(SHA256.HashData(key.ExportSubjectPublicKeyInfo()));
}
