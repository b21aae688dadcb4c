using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Qm.Fleet.Core.Access;

namespace Qm.Fleet.Controller.Security;

/// <summary>Tells who a client certificate belongs to, trusting the controller's own CA and nothing else.</summary>
/// <param name="authority">The CA's certificate.</param>
/// <param name="time">Decides whether a certificate is still valid.</param>
internal sealed class PeerCertificates(X509Certificate2 authority, TimeProvider time)
{
    /// <summary>Organizational unit of administrators.</summary>
    public const string AdminUnit = "admin";

    /// <summary>Organizational unit of nodes.</summary>
    public const string NodeUnit = "node";

    /// <summary>Organizational units of people and automation: their roles. More is given by bindings.</summary>
    public static readonly IReadOnlyList<string> PersonUnits = [AccessRole.Viewer.Name, AccessRole.Operator.Name, AccessRole.Admin.Name];

    private const string CommonName = "2.5.4.3";
    private const string OrganizationalUnit = "2.5.4.11";

    /// <summary>Whether the certificate is a valid client certificate of our CA that names a person or a node.</summary>
    /// <returns>The identity; null when it is anything else.</returns>
    public CallerIdentity? Identify(X509Certificate2? certificate)
    {
        if (certificate is null || !IsOurs(certificate))
        {
            return null;
        }
        return (Single(certificate, OrganizationalUnit), Single(certificate, CommonName)) switch
        {
            (NodeUnit, { Length: > 0 } name) => CallerIdentity.Node(name),
            ({ } role, { Length: > 0 } name) when PersonUnits.Contains(role) => CallerIdentity.Person(name, role),
            _ => null,
        };
    }

    private bool IsOurs(X509Certificate2 certificate)
    {
        using var chain = new X509Chain();
        chain.ChainPolicy.TrustMode = X509ChainTrustMode.CustomRootTrust;
        chain.ChainPolicy.CustomTrustStore.Add(authority);
        chain.ChainPolicy.RevocationMode = X509RevocationMode.NoCheck;
        chain.ChainPolicy.DisableCertificateDownloads = true;
        chain.ChainPolicy.VerificationTime = time.GetUtcNow().UtcDateTime;
        chain.ChainPolicy.ApplicationPolicy.Add(new Oid("1.3.6.1.5.5.7.3.2"));
        return chain.Build(certificate);
    }

    /// <summary>The value of an attribute that the subject carries exactly once; else null.</summary>
    private static string? Single(X509Certificate2 certificate, string oid)
    {
        var values = certificate.SubjectName.EnumerateRelativeDistinguishedNames()
            .Where(static part => !part.HasMultipleElements)
            .Where(part => part.GetSingleElementType().Value == oid)
            .Select(static part => part.GetSingleElementValue())
            .ToList();
        return values is [var only] ? only : null;
    }
}
