using System.Net;
using Qm.Fleet.Agent.Configuration;
using Qm.Fleet.Agent.Files;
using Qm.Fleet.Agent.Link;
using Qm.Fleet.Agent.Revisions;
using Qm.Fleet.Core.Environments;

namespace Qm.Fleet.Agent.Rootfs;

/// <summary>The server of one archive, and the way there: the one the fleet names, or the controller over the trust of the link.</summary>
internal sealed class ArchiveServer : IDisposable
{
    private static readonly TimeSpan ConnectDeadline = TimeSpan.FromSeconds(15);
    private readonly ServerTrust? _trust;
    private readonly IDisposable _keys;

    private ArchiveServer(Uri url, ServerTrust trust)
        : this(url, new SocketsHttpHandler { SslOptions = trust.Options }, trust) => _trust = trust;

    // The link has a connection of its own, so that reports and commands do not wait for an archive.
    private ArchiveServer(Uri url, NodeIdentity identity)
        : this(url, new SocketsHttpHandler { SslOptions = identity.Tls(), UseProxy = false }, identity)
    {
        Client.DefaultRequestVersion = HttpVersion.Version20;
        Client.DefaultVersionPolicy = HttpVersionPolicy.RequestVersionExact;
    }

    private ArchiveServer(Uri url, SocketsHttpHandler handler, IDisposable keys)
    {
        (Url, _keys) = (url, keys);
        (handler.AllowAutoRedirect, handler.UseCookies, handler.ConnectTimeout) = (false, false, ConnectDeadline);
        // Every deadline is of our own clock.
        Client = new HttpClient(handler) { Timeout = Timeout.InfiniteTimeSpan };
    }

    /// <summary>The archive's address.</summary>
    public Uri Url { get; }

    /// <summary>Sends requests; follows no redirect.</summary>
    public HttpClient Client { get; }

    /// <summary>Whether it is the controller.</summary>
    public bool IsController => _trust is null;

    /// <summary>What the server's certificate was refused for and what to do; empty when it was not.</summary>
    public string CertificateProblem => _trust?.Problem ?? "";

    /// <summary>Where an archive lies.</summary>
    public static Uri AddressOf(RootfsArchive archive, AgentOptions options) =>
        archive.IsOfController ? new(options.Controller, $"/artifacts/{archive.Sha256}") : new(archive.Url.Reveal());

    /// <summary>Looks up whom to trust; nothing is connected yet.</summary>
    /// <exception cref="CommandRefusedException">CertificateRefused: the file of authorities, or the node's own certificate, cannot be read.</exception>
    public static ArchiveServer Of(RootfsArchive archive, NodeRoot root, AgentOptions options, TimeProvider time)
    {
        var url = AddressOf(archive, options);
        return archive.IsOfController ? new(url, Identity(root, options.Pki)) : new(url, new ServerTrust(url, url.Scheme == Uri.UriSchemeHttps ? ServerTrust.ReadAuthorities(root, options.ArchiveCa) : [], time));
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        Client.Dispose();
        _keys.Dispose();
    }

    private static NodeIdentity Identity(NodeRoot root, string directory)
    {
        try
        {
            return NodeIdentity.Load(root, directory);
        }
        catch (NodeIdentityException e)
        {
            throw new CommandRefusedException("CertificateRefused", $"The archive lies on the controller, and there is no way to it: {e.Message}");
        }
    }
}
