using System.Formats.Asn1;
using System.Globalization;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Qm.Fleet.Core.Environments;

namespace Qm.Fleet.Controller.Security;

/// <summary>Reads requests for certificates (PKCS #10), of nodes and of people.</summary>
/// <remarks>
/// Nothing of a request is taken but its key: whose certificate it becomes, and what that may be used for, is said by who grants it, never by who asks. So names and extensions that stand in
/// one are not heeded, whatever they are.
/// </remarks>
internal static class CertificateRequests
{
    /// <summary>Most bytes of a request: 8 KiB. One with a key on P-384 has about 400.</summary>
    public const int MostBytes = 8 * 1024;

    private const string Label = "CERTIFICATE REQUEST";
    private const string LabelOfOld = "NEW CERTIFICATE REQUEST";
    private const string EllipticCurve = "1.2.840.10045.2.1";
    private const string P256 = "1.2.840.10045.3.1.7";
    private const string P384 = "1.3.132.0.34";

    /// <summary>The key of a request.</summary>
    /// <param name="request">PEM text, or DER bytes.</param>
    /// <param name="path">Where it stands, for the problems.</param>
    /// <returns>The key, which whoever made the request has: it is signed with it. Problems for anything but a request of at most <see cref="MostBytes"/> with a key on P-256 or P-384.</returns>
    public static Parsed<PublicKey> ReadKey(ReadOnlySpan<byte> request, string path)
    {
        if (request.Length is 0 or > MostBytes)
        {
            return Refused(path, string.Create(CultureInfo.InvariantCulture, $"{request.Length} bytes; a certificate request has 1 to {MostBytes}"));
        }
        return Decode(request) is not { } der
            ? Refused(path, "it is no certificate request: expected PKCS #10, as PEM (-----BEGIN CERTIFICATE REQUEST-----) or as DER")
            : ReadKey(der, path);
    }

    /// <summary>What a key is known by: SHA-256 over its SubjectPublicKeyInfo, 64 hexadecimal digits. The key of a certificate and that of the request it came from have the same.</summary>
    public static string Fingerprint(PublicKey key) => Convert.ToHexStringLower(SHA256.HashData(key.ExportSubjectPublicKeyInfo()));

    private static Parsed<PublicKey> ReadKey(byte[] der, string path)
    {
        try
        {
            // The kind of key first: to check the signature of any other costs what its maker wants it to.
            var unproven = CertificateRequest.LoadSigningRequest(der, HashAlgorithmName.SHA256, out var read, CertificateRequestLoadOptions.SkipSignatureValidation);
            if (read != der.Length)
            {
                return Refused(path, string.Create(CultureInfo.InvariantCulture, $"{der.Length - read} bytes follow the request"));
            }
            if (Curve(unproven.PublicKey) is not (P256 or P384))
            {
                return Refused(path, "its key is not on one of the curves P-256 and P-384 (secp256r1, secp384r1)");
            }
            var request = CertificateRequest.LoadSigningRequest(der, HashAlgorithmName.SHA256);
            using var key = request.PublicKey.GetECDsaPublicKey();
            return key is null ? Refused(path, "its key is none that signs") : new Parsed<PublicKey>(request.PublicKey, []);
        }
        catch (Exception e) when (e is CryptographicException or NotSupportedException)
        {
            // NotSupportedException is for a way to sign that nobody knows.
            return Refused(path, $"it is no certificate request that its own key has signed: {e.Message}");
        }
    }

    private static byte[]? Decode(ReadOnlySpan<byte> request)
    {
        const byte Sequence = 0x30;
        if (request[0] == Sequence)
        {
            return request.ToArray();
        }
        Span<char> text = new char[request.Length];
        for (var at = 0; at < request.Length; at++)
        {
            text[at] = (char)request[at];
        }
        // One block, and nothing beside it that could hold another.
        return PemEncoding.TryFind(text, out var fields) && text[fields.Label] is Label or LabelOfOld
            && text[..fields.Location.Start].IsWhiteSpace() && text[fields.Location.End..].IsWhiteSpace()
            ? Convert.FromBase64String(text[fields.Base64Data].ToString())
            : null;
    }

    private static string? Curve(PublicKey key)
    {
        if (key.Oid.Value != EllipticCurve || key.EncodedParameters is not { RawData: var parameters })
        {
            return null;
        }
        try
        {
            // Parameters that are no name are a curve of somebody's own.
            return AsnDecoder.ReadObjectIdentifier(parameters, AsnEncodingRules.DER, out _);
        }
        catch (AsnContentException)
        {
            return null;
        }
    }

    private static Parsed<PublicKey> Refused(string path, string why) => new(null, [new Problem(path, why)]);
}
