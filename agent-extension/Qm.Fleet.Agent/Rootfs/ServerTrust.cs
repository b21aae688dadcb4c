using System.Net.Security;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Qm.Fleet.Agent.Files;
using Qm.Fleet.Agent.Link;
using Qm.Fleet.Agent.Revisions;

namespace Qm.Fleet.Agent.Rootfs;

/// <summary>
/// Judges the certificate of one server of archives by the node's system store and the authorities of a file, and keeps what is wrong with it: TLS
/// itself would only say that it is.
/// </summary>
/// <param name="url">The archive's address, whose host the certificate has to name.</param>
/// <param name="authorities">Trusted besides the system's.</param>
/// <param name="time">Decides whether a certificate is valid yet, and still.</param>
internal sealed class ServerTrust(Uri url, X509Certificate2Collection authorities, TimeProvider time) : IDisposable
{
    private const int FileBytesMax = 1024 * 1024;

    /// <summary>What is wrong with the certificate of the last connection and what to do, as phrases; empty when nothing is.</summary>
    public string Problem { get; private set; } = "";

    /// <summary>For the connection. Nobody is asked for more certificates or for revocations: the fleet names who a node talks to.</summary>
    public SslClientAuthenticationOptions Options => new()
    {
        CertificateChainPolicy = Policy(),
        RemoteCertificateValidationCallback = (_, certificate, chain, errors) => Admit(certificate, chain, errors),
    };

    /// <summary>Reads the authorities of a PEM file; a changed file counts from the next download on.</summary>
    /// <param name="root">The node.</param>
    /// <param name="path">The file, as the node sees it; null for none.</param>
    /// <exception cref="CommandRefusedException">CertificateRefused: the file is missing, cannot be read, or holds no certificate.</exception>
    public static X509Certificate2Collection ReadAuthorities(NodeRoot root, string? path)
    {
        var authorities = new X509Certificate2Collection();
        if (path is null)
        {
            return authorities;
        }

        try
        {
            authorities.ImportFromPem(root.ReadText(path, FileBytesMax) ?? throw Unreadable(path, "it does not exist"));
        }
        catch (NodeFileException e)
        {
            throw Unreadable(path, $"the agent {e.Message}");
        }
        catch (CryptographicException e)
        {
            throw Unreadable(path, e.Message);
        }

        return authorities.Count > 0 ? authorities : throw Unreadable(path, "it holds no certificate");
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var authority in authorities)
        {
            authority.Dispose();
        }
    }

    private bool Admit(X509Certificate? shown, X509Chain? chain, SslPolicyErrors errors)
    {
        var certificate = shown as X509Certificate2;
        if (certificate is null || chain is null)
        {
            Problem = "the server shows no certificate; give it one";
            return false;
        }

        var problems = new List<string>();
        if (errors.HasFlag(SslPolicyErrors.RemoteCertificateNameMismatch))
        {
            problems.Add($"its certificate is for {ServerCertificate.Names(certificate)}, not for {url.Host}; name the archive by what the certificate is for, or give the server one for {url.Host}");
        }

        if (errors.HasFlag(SslPolicyErrors.RemoteCertificateChainErrors) && ChainProblem(certificate, chain) is { } problem)
        {
            problems.Add(problem);
        }

        Problem = string.Join("; and ", problems);
        return problems.Count == 0;
    }

    // The system's word, unless an authority of the file vouches for the certificate; of two refusals the file's tells more.
    private string? ChainProblem(X509Certificate2 certificate, X509Chain system)
    {
        if (authorities.Count == 0)
        {
            return Problems(certificate, system);
        }

        using var chain = new X509Chain { ChainPolicy = Policy() };
        chain.ChainPolicy.TrustMode = X509ChainTrustMode.CustomRootTrust;
        chain.ChainPolicy.CustomTrustStore.AddRange(authorities);
        foreach (var element in system.ChainElements.Skip(1))
        {
            chain.ChainPolicy.ExtraStore.Add(element.Certificate);
        }

        return chain.Build(certificate) ? null : Problems(certificate, chain);
    }

    private string Problems(X509Certificate2 certificate, X509Chain chain)
    {
        if (ServerCertificate.TimeProblem(certificate, chain, time.GetUtcNow()) is { } untimely)
        {
            return untimely;
        }

        var flags = chain.ChainStatus.Aggregate(X509ChainStatusFlags.NoError, (all, status) => all | status.Status);
        return (flags & (X509ChainStatusFlags.UntrustedRoot | X509ChainStatusFlags.PartialChain)) != 0
            ? $"its certificate is of {AllowList.Printable(certificate.Issuer)}, which this node does not trust; add that authority to the node's system store, " +
                "or name its certificate by ArchiveCa= in agent.conf"
            : $"its certificate, of {AllowList.Printable(certificate.Issuer)}, does not serve: {ServerCertificate.Statuses(chain)}; give the server another";
    }

    private X509ChainPolicy Policy() => new()
    {
        RevocationMode = X509RevocationMode.NoCheck,
        DisableCertificateDownloads = true,
        VerificationTime = time.GetUtcNow().LocalDateTime,
        ApplicationPolicy = { new Oid(NodeIdentity.ServerAuthentication) },
    };

    private static CommandRefusedException Unreadable(string path, string why) => new("CertificateRefused",
        $"The authorities in {path} cannot be read: {why.TrimEnd('.')}; correct ArchiveCa= in agent.conf, or leave it out where the system's are enough.");
}
