using System.Net.Security;
using System.Security.Authentication;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Qm.Fleet.Agent.Files;

namespace Qm.Fleet.Agent.Link;

/// <summary>Who the node is and whom it trusts: the PEM files of its pki directory.</summary>
internal sealed class NodeIdentity : IDisposable
{
    private const string ServerAuthentication = "1.3.6.1.5.5.7.3.1";

    private NodeIdentity(X509Certificate2 certificate, X509Certificate2Collection authorities) =>
        (Certificate, Authorities, Node) = (certificate, authorities, certificate.GetNameInfo(X509NameType.SimpleName, forIssuer: false));

    /// <summary>The node's certificate with its key.</summary>
    public X509Certificate2 Certificate { get; }

    /// <summary>The only roots a controller's certificate may lead to.</summary>
    public X509Certificate2Collection Authorities { get; }

    /// <summary>The node's name: the certificate's common name.</summary>
    public string Node { get; }

    /// <summary>Reads <c>ca.crt</c>, <c>node.crt</c> and <c>node.key</c>; a renewed certificate counts from the next connection on.</summary>
    /// <exception cref="NodeIdentityException">A file is missing, unreadable, or not what it should be.</exception>
    public static NodeIdentity Load(NodeRoot root, string directory)
    {
        var (ca, certificate, key) = (Read(root, $"{directory}/ca.crt"), Read(root, $"{directory}/node.crt"), Read(root, $"{directory}/node.key"));
        try
        {
            var authorities = new X509Certificate2Collection();
            authorities.ImportFromPem(ca);
            var identity = new NodeIdentity(X509Certificate2.CreateFromPem(certificate, key), authorities);
            return authorities.Count > 0 && identity.Node.Length > 0 ? identity : throw new NodeIdentityException(
                $"{directory}: ca.crt must hold a certificate and the subject of node.crt a common name, the node's name in BlueChi.");
        }
        catch (CryptographicException e)
        {
            throw new NodeIdentityException($"{directory}: ca.crt, node.crt and node.key must be PEM and the key must fit: {e.Message}", e);
        }
        catch (ArgumentException e)
        {
            throw new NodeIdentityException($"{directory}: node.crt and node.key must be PEM and fit each other: {e.Message}", e);
        }
    }

    /// <summary>How a connection to the controller is made: as this node, and to nobody whom its authorities do not vouch for.</summary>
    public SslClientAuthenticationOptions Tls()
    {
        var trust = new X509ChainPolicy { TrustMode = X509ChainTrustMode.CustomRootTrust, RevocationMode = X509RevocationMode.NoCheck };
        trust.CustomTrustStore.AddRange(Authorities);
        trust.ApplicationPolicy.Add(new Oid(ServerAuthentication));
        return new() { CertificateChainPolicy = trust, ClientCertificates = [Certificate], EnabledSslProtocols = SslProtocols.Tls13 };
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        Certificate.Dispose();
        foreach (var authority in Authorities)
        {
            authority.Dispose();
        }
    }

    private static string Read(NodeRoot root, string path)
    {
        try
        {
            return root.ReadText(path, 1024 * 1024) ?? throw new NodeIdentityException($"{path} does not exist; enrol this node.");
        }
        catch (NodeFileException e)
        {
            throw new NodeIdentityException($"The agent {e.Message}.", e);
        }
    }
}

/// <summary>The node's certificate files do not serve; the message says which and why.</summary>
internal sealed class NodeIdentityException(string message, Exception? cause = null) : Exception(message, cause);
