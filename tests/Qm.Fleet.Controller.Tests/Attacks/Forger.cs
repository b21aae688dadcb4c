using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Qm.Fleet.Controller.Security;

namespace Qm.Fleet.Controller.Tests.Attacks;

/// <summary>Makes certificates that the controller's own authority would not make, some of them with its key.</summary>
internal static class Forger
{
    public const string ClientUsage = "1.3.6.1.5.5.7.3.2";
    public const string ServerUsage = "1.3.6.1.5.5.7.3.1";

    private static readonly TimeSpan Day = TimeSpan.FromDays(1);

    /// <summary>The controller's authority, with its key.</summary>
    public static X509Certificate2 Authority(RunningController controller)
    {
        var folder = Path.Combine(controller.Options.State, "pki", "ca");
        return X509Certificate2.CreateFromPemFile(Path.Combine(folder, "ca.crt"), Path.Combine(folder, "ca.key"));
    }

    /// <summary>A certificate that a node's agent has.</summary>
    public static X509Certificate2 Node(RunningController controller, string name)
    {
        using var folder = new TemporaryFolder();
        controller.Service<Pki>().IssueNode(name, folder[name]);
        return X509Certificate2.CreateFromPemFile(folder[$"{name}/node.crt"], folder[$"{name}/node.key"]);
    }

    /// <summary>The local administrator's.</summary>
    public static X509Certificate2 Admin(RunningController controller)
    {
        var folder = Path.Combine(controller.Options.State, "pki", "admin");
        return X509Certificate2.CreateFromPemFile(Path.Combine(folder, "admin.crt"), Path.Combine(folder, "admin.key"));
    }

    /// <summary>A certificate for a client.</summary>
    /// <param name="subject">Such as OU=admin, CN=alice.</param>
    /// <param name="issuer">Who signs it; null for itself.</param>
    /// <param name="usage">What it may be used for; null for anything.</param>
    /// <param name="begins">When it becomes valid, from now; an hour ago if nothing is said.</param>
    /// <param name="lasts">For how long; a day if nothing is said.</param>
    /// <param name="isAuthority">Whether it may issue others.</param>
    public static X509Certificate2 Make(string subject, X509Certificate2? issuer, string? usage = ClientUsage, TimeSpan? begins = null, TimeSpan? lasts = null, bool isAuthority = false)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest(new X500DistinguishedName(subject), key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(isAuthority, false, 0, critical: true));
        if (usage is not null)
        {
            request.CertificateExtensions.Add(new X509EnhancedKeyUsageExtension([new Oid(usage)], critical: false));
        }
        var from = TimeProvider.System.GetUtcNow() + (begins ?? -Day / 24);
        var to = from + (lasts ?? Day);
        if (issuer is null)
        {
            return request.CreateSelfSigned(from, to);
        }
        using var issuerKey = issuer.GetECDsaPrivateKey()!;
        using var made = request.Create(issuer.SubjectName, X509SignatureGenerator.CreateForECDsa(issuerKey), from, to, RandomNumberGenerator.GetBytes(16));
        return made.CopyWithPrivateKey(key);
    }
}
