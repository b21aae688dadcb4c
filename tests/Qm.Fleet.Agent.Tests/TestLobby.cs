using System.Collections.Concurrent;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Grpc.Core;
using Qm.Fleet.V1;

namespace Qm.Fleet.Agent.Tests;

/// <summary>A controller's lobby that answers as a test leads it.</summary>
internal sealed class TestLobby(X509Certificate2 authority) : EnrollmentService.EnrollmentServiceBase
{
    /// <summary>What was asked, each once, but for the authorities.</summary>
    public ConcurrentQueue<RequestEnrollmentRequest> Asked { get; } = [];

    /// <summary>How often the authorities were asked for.</summary>
    public int AskedForAuthorities { get; private set; }

    /// <summary>The renewals that were asked for, each with the serial number of the certificate that was shown.</summary>
    public ConcurrentQueue<string> Renewed { get; } = [];

    /// <summary>Answers in place of a certificate, one for each time somebody asks.</summary>
    public ConcurrentQueue<RequestEnrollmentResponse> Instead { get; } = [];

    /// <summary>What nodes are told to trust, PEM text, whoever asks.</summary>
    public string Authorities { get; init; } = authority.ExportCertificatePem();

    /// <summary>How long certificates are good, from a tenth of it ago.</summary>
    public TimeSpan Life { get; set; } = TimeSpan.FromDays(1);

    public override Task<RequestEnrollmentResponse> RequestEnrollment(RequestEnrollmentRequest request, ServerCallContext context)
    {
        if (request.Node.Length == 0)
        {
            AskedForAuthorities++;
            return Task.FromResult(new RequestEnrollmentResponse { Authorities = Authorities });
        }

        Asked.Enqueue(request);
        return Task.FromResult(Instead.TryDequeue(out var instead) ? instead : new() { Issued = Issue(request.Node, request.Csr.ToByteArray()) });
    }

    public override Task<IssuedCertificate> RenewCertificate(RenewCertificateRequest request, ServerCallContext context)
    {
        var shown = context.GetHttpContext().Connection.ClientCertificate!;
        Renewed.Enqueue(shown.SerialNumber);
        return Task.FromResult(Issue(shown.GetNameInfo(X509NameType.SimpleName, forIssuer: false), request.Csr.ToByteArray()));
    }

    /// <summary>A certificate of the authority for the key of a request.</summary>
    public IssuedCertificate Issue(string node, byte[] csr)
    {
        var key = CertificateRequest.LoadSigningRequest(csr, HashAlgorithmName.SHA256).PublicKey;
        var request = new CertificateRequest(new X500DistinguishedName($"CN={node}, OU=node"), key, HashAlgorithmName.SHA256);
        var now = TimeProvider.System.GetUtcNow();
        using var issued = request.Create(authority, now - (Life / 10), now + Life, RandomNumberGenerator.GetBytes(8));
        return new() { Certificate = issued.ExportCertificatePem(), Authorities = Authorities };
    }
}
