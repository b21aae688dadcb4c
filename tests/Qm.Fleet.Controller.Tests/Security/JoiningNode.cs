using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Google.Protobuf;
using Qm.Fleet.Controller.Security;

namespace Qm.Fleet.Controller.Tests.Security;

/// <summary>A node that has a key and no certificate yet, and what its agent asks for.</summary>
internal sealed class JoiningNode(RunningController controller, string name) : IDisposable
{
    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    public ECDsa Key { get; private set; } = ECDsa.Create(ECCurve.NamedCurves.nistP256);

    public string Fingerprint => CertificateRequests.Fingerprint(new PublicKey(Key));

    /// <summary>What it was issued last.</summary>
    public X509Certificate2? Certificate { get; private set; }

    public static ByteString Csr(ECDsa key) => ByteString.CopyFrom(new CertificateRequest("CN=whoever", key, HashAlgorithmName.SHA256).CreateSigningRequest());

    /// <summary>Asks as nobody.</summary>
    public async Task<V1.RequestEnrollmentResponse> AskAsync(string token = "")
    {
        var answer = await new V1.EnrollmentService.EnrollmentServiceClient(controller.Tls(null)).RequestEnrollmentAsync(
            new V1.RequestEnrollmentRequest { Node = name, Csr = Csr(Key), JoinToken = token }, cancellationToken: Ct);
        if (answer.Issued is { } issued)
        {
            Certificate = Own(issued.Certificate, Key);
        }
        return answer;
    }

    /// <summary>Has its certificate renewed for another key, as whoever it was issued for last.</summary>
    public async Task RenewAsync()
    {
        var next = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        (Certificate, Key) = (await RenewAsync(Certificate!, next), next);
    }

    /// <summary>Has a certificate renewed.</summary>
    /// <param name="shown">As whom.</param>
    /// <param name="next">For which key.</param>
    public async Task<X509Certificate2> RenewAsync(X509Certificate2 shown, ECDsa next) => Own(
        (await new V1.EnrollmentService.EnrollmentServiceClient(controller.Tls(shown)).RenewCertificateAsync(new V1.RenewCertificateRequest { Csr = Csr(next) }, cancellationToken: Ct)).Certificate, next);

    public void Dispose() => Key.Dispose();

    // Through PKCS #12, as .NET's own client wants it.
    private static X509Certificate2 Own(string pem, ECDsa key)
    {
        using var certificate = X509Certificate2.CreateFromPem(pem);
        return certificate.CopyWithPrivateKey(key);
    }
}
