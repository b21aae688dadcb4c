using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using Qm.Fleet.Controller.Security;

namespace Qm.Fleet.Controller.Tests.Security;

[Trait("Requirement", "QMF-PKI-001")]
public sealed class CertificateRequestTests
{
    [Theory]
    [InlineData("nistP256")]
    [InlineData("nistP384")]
    public void ReadKey_PemOrDer_IsTheKeyThatSignedIt(string curve)
    {
        using var key = ECDsa.Create(ECCurve.CreateFromFriendlyName(curve));
        var request = new CertificateRequest("CN=whoever, OU=admin", key, HashAlgorithmName.SHA384);

        var pem = CertificateRequests.ReadKey(Encoding.ASCII.GetBytes($"\n{request.CreateSigningRequestPem()}\n"), "csr");
        var der = CertificateRequests.ReadKey(request.CreateSigningRequest(), "csr");

        Assert.Empty(pem.Problems);
        Assert.Empty(der.Problems);
        Assert.Equal(CertificateRequests.Fingerprint(request.PublicKey), CertificateRequests.Fingerprint(pem.Value!));
        Assert.Equal(CertificateRequests.Fingerprint(request.PublicKey), CertificateRequests.Fingerprint(der.Value!));
    }

    [Fact]
    public void ReadKey_NotSignedByItsKey_IsRefused()
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        using var other = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var stolen = new CertificateRequest(new X500DistinguishedName("CN=ecu1"), new PublicKey(key), HashAlgorithmName.SHA256);
        var request = stolen.CreateSigningRequest(X509SignatureGenerator.CreateForECDsa(other));

        Assert.Contains("its own key", Problem(request), StringComparison.Ordinal);
    }

    [Fact]
    public void ReadKey_OtherKindsOfKey_AreRefusedBeforeTheirSignatureIsLookedAt()
    {
        using var rsa = RSA.Create(2048);
        using var p521 = ECDsa.Create(ECCurve.NamedCurves.nistP521);
        var ofRsa = new CertificateRequest("CN=ecu1", rsa, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1).CreateSigningRequest();
        ofRsa[^1] ^= 1;

        Assert.Contains("P-256 and P-384", Problem(ofRsa), StringComparison.Ordinal);
        Assert.Contains("P-256 and P-384", Problem(new CertificateRequest("CN=ecu1", p521, HashAlgorithmName.SHA512).CreateSigningRequest()), StringComparison.Ordinal);
    }

    [Fact]
    public void ReadKey_NoRequest_SaysWhatIsExpected()
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest("CN=ecu1", key, HashAlgorithmName.SHA256);
        var pem = request.CreateSigningRequestPem();

        Assert.Contains("1 to 8192", Problem([]), StringComparison.Ordinal);
        Assert.Contains("1 to 8192", Problem(new byte[CertificateRequests.MostBytes + 1]), StringComparison.Ordinal);
        Assert.Contains("PKCS #10", Problem("hello"u8.ToArray()), StringComparison.Ordinal);
        Assert.Contains("PKCS #10", Problem(Encoding.ASCII.GetBytes(pem + "\n" + pem)), StringComparison.Ordinal);
        Assert.Contains("PKCS #10", Problem(Encoding.ASCII.GetBytes(key.ExportPkcs8PrivateKeyPem())), StringComparison.Ordinal);
        Assert.Contains("follow", Problem([.. request.CreateSigningRequest(), 0]), StringComparison.Ordinal);
        Assert.Contains("its own key", Problem([0x30, 0x03, 0x02, 0x01, 0x00]), StringComparison.Ordinal);
    }

    [Fact]
    public void ReadKey_DamagedAnywhere_IsNeverTaken()
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest("CN=ecu1", key, HashAlgorithmName.SHA256).CreateSigningRequest();

        for (var at = 0; at < request.Length; at++)
        {
            byte[] damaged = [.. request];
            damaged[at] ^= 0x55;

            Assert.False(CertificateRequests.ReadKey(damaged, "csr").IsValid(out _), $"byte {at}");
        }
    }

    private static string Problem(byte[] request) => Assert.Single(CertificateRequests.ReadKey(request, "csr").Problems).ToString();
}
