using System.Security.Cryptography.X509Certificates;
using Qm.Fleet.Agent.Revisions;

namespace Qm.Fleet.Agent.Link;

/// <summary>What is told of the certificate of a server that is not believed. All of it is the server's word, and made safe to show.</summary>
internal static class ServerCertificate
{
    private const int NamesMax = 10;

    /// <summary>Whom it is for: its DNS names and addresses, at most 10 of them.</summary>
    public static string Names(X509Certificate2 certificate)
    {
        var names = certificate.Extensions.OfType<X509SubjectAlternativeNameExtension>()
            .SelectMany(extension => extension.EnumerateDnsNames().Concat(extension.EnumerateIPAddresses().Select(address => address.ToString())));
        return AllowList.Printable(string.Join(", ", names.DefaultIfEmpty("no host at all").Take(NamesMax)));
    }

    /// <summary>Which certificate of a chain does not hold now and what to do, a phrase; null when all do.</summary>
    public static string? TimeProblem(X509Certificate2 certificate, X509Chain chain, DateTimeOffset now)
    {
        if (chain.ChainElements.Select(element => element.Certificate).FirstOrDefault(link => now > link.NotAfter || now < link.NotBefore) is not { } link)
        {
            return null;
        }

        var which = link.Equals(certificate) ? "its certificate" : $"the certificate of {AllowList.Printable(link.Subject)}, which vouches for it,";
        return now > link.NotAfter
            ? $"{which} ended {link.NotAfter.ToUniversalTime():u} and by the node's clock it is {now:u}; renew it on the server, or set the clock"
            : $"{which} begins {link.NotBefore.ToUniversalTime():u} and by the node's clock it is {now:u}; set the clock, or wait";
    }

    /// <summary>The statuses of a chain that are not among those left out, as X.509 has them; empty when there is none.</summary>
    public static string Statuses(X509Chain chain, X509ChainStatusFlags leftOut = X509ChainStatusFlags.NoError) => string.Join(
        ", ", chain.ChainStatus.Where(status => (status.Status & ~leftOut) != 0).Select(status => status.StatusInformation.TrimEnd('.', '\n')));
}
