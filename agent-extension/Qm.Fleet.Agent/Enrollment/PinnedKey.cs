using System.Net.Security;
using System.Security.Authentication;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Qm.Fleet.Agent.Link;
using Qm.Fleet.Agent.Revisions;

namespace Qm.Fleet.Agent.Enrollment;

/// <summary>Believes a server whose certificate one of some keys has signed itself, and keeps what is wrong with any other: TLS would only say that something is.</summary>
/// <remarks>
/// The keys are all that is known. Of who vouches for it nobody has told but the server: whoever is in between may tell a root of their own with a certificate for that key. So no root is
/// trusted, what stands above the key is not asked for, and what it vouches for by way of another key does not count.
/// </remarks>
/// <param name="controller">Whose host the certificate has to name.</param>
/// <param name="fingerprints">SHA-256 of each public key (SubjectPublicKeyInfo), 64 lower-case hexadecimal digits.</param>
/// <param name="time">Decides whether a certificate is valid yet, and still.</param>
internal sealed class PinnedKey(Uri controller, IReadOnlyList<string> fingerprints, TimeProvider time)
{
    // Nothing leads to a root that is trusted, since there is none.
    private const X509ChainStatusFlags Rootless = X509ChainStatusFlags.UntrustedRoot | X509ChainStatusFlags.PartialChain;

    /// <summary>Why the server of the last connection was not believed and what to do, sentences; empty when it was.</summary>
    public string Problem { get; private set; } = "";

    /// <summary>How a connection is made as nobody.</summary>
    /// <param name="certificates">Those for the key that the server told.</param>
    public SslClientAuthenticationOptions TlsWith(X509Certificate2Collection certificates)
    {
        var policy = new X509ChainPolicy
        {
            TrustMode = X509ChainTrustMode.CustomRootTrust,
            VerificationFlags = X509VerificationFlags.AllowUnknownCertificateAuthority,
            RevocationMode = X509RevocationMode.NoCheck,
            DisableCertificateDownloads = true,
            VerificationTime = time.GetUtcNow().LocalDateTime,
        };
        policy.ApplicationPolicy.Add(new Oid(NodeIdentity.ServerAuthentication));
        policy.ExtraStore.AddRange(certificates);
        return new()
        {
            CertificateChainPolicy = policy,
            EnabledSslProtocols = SslProtocols.Tls13,
            RemoteCertificateValidationCallback = (_, certificate, chain, errors) => Admit(certificate, chain, errors),
        };
    }

    private bool Admit(X509Certificate? shown, X509Chain? chain, SslPolicyErrors errors)
    {
        var problems = shown is X509Certificate2 certificate && chain is not null ? Problems(certificate, chain, errors) : ["it shows no certificate; give it one"];
        Problem = problems.Count == 0 ? "" : $"{controller} is not known to be the controller that the join token is of, and was told nothing: {string.Join("; and ", problems)}. Somebody may be in between.";
        return problems.Count == 0;
    }

    private List<string> Problems(X509Certificate2 certificate, X509Chain chain, SslPolicyErrors errors)
    {
        var problems = new List<string>();
        if (errors.HasFlag(SslPolicyErrors.RemoteCertificateNameMismatch))
        {
            problems.Add($"its certificate is for {ServerCertificate.Names(certificate)}, not for {controller.Host}; name the controller by what the certificate is for, or add --name {controller.Host} to the controller's command line");
        }

        if (!IsSignedByKey(chain))
        {
            problems.Add($"its certificate, of {AllowList.Printable(certificate.Issuer)}, is not signed by the key {string.Join(" or ", fingerprints)} itself");
        }

        if (ServerCertificate.TimeProblem(certificate, chain, time.GetUtcNow()) is { } untimely)
        {
            problems.Add(untimely);
        }

        // Whatever else X.509 has against it, and in the end that TLS does not want it, even if nothing here says why.
        if (ServerCertificate.Statuses(chain, Rootless | X509ChainStatusFlags.NotTimeValid | X509ChainStatusFlags.NotSignatureValid) is { Length: > 0 } statuses)
        {
            problems.Add($"its certificate does not serve: {statuses}");
        }
        else if (problems.Count == 0 && errors != SslPolicyErrors.None)
        {
            problems.Add($"its certificate does not serve: {errors}");
        }

        return problems;
    }

    private bool IsSignedByKey(X509Chain chain) => chain.ChainElements is [_, var issuer, ..] && fingerprints.Contains(CertificateOrder.Fingerprint(issuer.Certificate.PublicKey))
        && chain.ChainStatus.All(status => !status.Status.HasFlag(X509ChainStatusFlags.NotSignatureValid));
}
