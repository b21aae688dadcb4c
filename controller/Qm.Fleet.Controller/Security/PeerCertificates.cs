using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Qm.Fleet.Core.Access;

namespace Qm.Fleet.Controller.Security;

/// <summary>Tells who a client certificate belongs to, trusting the controller's own authorities and nothing else.</summary>
/// <param name="pki">Has the authorities, and what was revoked.</param>
/// <param name="time">Decides whether a certificate is still valid.</param>
internal sealed class PeerCertificates(Pki pki, TimeProvider time)
{
    /// <summary>Organizational unit of administrators.</summary>
    public const string AdminUnit = "admin";

    /// <summary>Organizational unit of nodes.</summary>
    public const string NodeUnit = "node";

    /// <summary>Organizational units of people and automation: their roles. More is given by bindings.</summary>
    public static readonly IReadOnlyList<string> PersonUnits = [AccessRole.Viewer.Name, AccessRole.Operator.Name, AccessRole.Admin.Name];

    private const string ClientAuthentication = "1.3.6.1.5.5.7.3.2";
    private const string CommonName = "2.5.4.3";
    private const string OrganizationalUnit = "2.5.4.11";

    /// <summary>Whether the certificate is a valid client certificate of one of our authorities that names a person or a node, and was not revoked.</summary>
    /// <returns>The identity; null when it is anything else.</returns>
    public CallerIdentity? Identify(X509Certificate2? certificate)
    {
        if (certificate is null || !pki.Authorities.All.Any(authority => IsOf(authority, certificate, time.GetUtcNow(), ClientAuthentication)))
        {
            return null;
        }
        var caller = (Single(certificate, OrganizationalUnit), Single(certificate, CommonName)) switch
        {
            (NodeUnit, { Length: > 0 } name) => CallerIdentity.Node(name),
            ({ } role, { Length: > 0 } name) when PersonUnits.Contains(role) => CallerIdentity.Person(name, role),
            _ => null,
        };
        return caller is null || pki.Revoked.Find(certificate.NameOf(caller)) is not null ? null : caller;
    }

    /// <summary>Whether an authority itself has made a certificate, and it holds now.</summary>
    /// <param name="authority">The authority.</param>
    /// <param name="certificate">The certificate.</param>
    /// <param name="now">The time.</param>
    /// <param name="use">What it has to be for; null for anything.</param>
    /// <remarks>One of another authority under the same root is none of ours, whatever name it has.</remarks>
    public static bool IsOf(CertificateAuthority authority, X509Certificate2 certificate, DateTimeOffset now, string? use = null)
    {
        using var chain = new X509Chain();
        chain.ChainPolicy.TrustMode = X509ChainTrustMode.CustomRootTrust;
        chain.ChainPolicy.CustomTrustStore.AddRange(authority.Chain);
        chain.ChainPolicy.RevocationMode = X509RevocationMode.NoCheck;
        chain.ChainPolicy.DisableCertificateDownloads = true;
        chain.ChainPolicy.VerificationTime = now.UtcDateTime;
        if (use is not null)
        {
            chain.ChainPolicy.ApplicationPolicy.Add(new Oid(use));
        }
        return chain.Build(certificate) && chain.ChainElements is [_, var issuer, ..] && issuer.Certificate.RawData.AsSpan().SequenceEqual(authority.Certificate.RawData);
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
