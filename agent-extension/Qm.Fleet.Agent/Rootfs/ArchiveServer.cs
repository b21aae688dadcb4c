using Qm.Fleet.Agent.Configuration;
using Qm.Fleet.Agent.Files;
using Qm.Fleet.Agent.Revisions;
using Qm.Fleet.Core.Environments;

namespace Qm.Fleet.Agent.Rootfs;

/// <summary>The server of one archive, and the way there.</summary>
internal sealed class ArchiveServer : IDisposable
{
    private static readonly TimeSpan ConnectDeadline = TimeSpan.FromSeconds(15);
    private readonly ServerTrust _trust;

    private ArchiveServer(Uri url, ServerTrust trust)
    {
        (Url, _trust) = (url, trust);
        var handler = new SocketsHttpHandler { AllowAutoRedirect = false, UseCookies = false, ConnectTimeout = ConnectDeadline, SslOptions = trust.Options };
        // Every deadline is of our own clock.
        Client = new HttpClient(handler) { Timeout = Timeout.InfiniteTimeSpan };
    }

    /// <summary>The archive's address.</summary>
    public Uri Url { get; }

    /// <summary>Sends requests; follows no redirect.</summary>
    public HttpClient Client { get; }

    /// <summary>What the server's certificate was refused for and what to do; empty when it was not.</summary>
    public string CertificateProblem => _trust.Problem;

    /// <summary>Looks up whom to trust; nothing is connected yet.</summary>
    /// <exception cref="CommandRefusedException">CertificateRefused: the file of authorities cannot be read.</exception>
    public static ArchiveServer Of(RootfsArchive archive, NodeRoot root, AgentOptions options, TimeProvider time)
    {
        var url = new Uri(archive.Url);
        return new(url, new(url, url.Scheme == Uri.UriSchemeHttps ? ServerTrust.ReadAuthorities(root, options.ArchiveCa) : [], time));
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        Client.Dispose();
        _trust.Dispose();
    }
}
