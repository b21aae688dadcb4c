using System.Net.Security;
using System.Security.Authentication;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Qm.Fleet.Agent.Enrollment;
using Qm.Fleet.Agent.Files;

namespace Qm.Fleet.Agent.Link;

/// <summary>Who the node is and whom it trusts: the PEM files of its pki directory.</summary>
internal sealed class NodeIdentity : IDisposable
{
    /// <summary>What a server's certificate is for, an object identifier.</summary>
    public const string ServerAuthentication = "1.3.6.1.5.5.7.3.1";

    private const int BytesMax = 1024 * 1024;

    private NodeIdentity(X509Certificate2 certificate, X509Certificate2Collection intermediates, X509Certificate2Collection authorities) =>
        (Certificate, Intermediates, Authorities, Node) = (certificate, intermediates, authorities, certificate.GetNameInfo(X509NameType.SimpleName, forIssuer: false));

    /// <summary>The node's certificate with its key.</summary>
    public X509Certificate2 Certificate { get; }

    /// <summary>What leads from it to an authority, in between.</summary>
    public X509Certificate2Collection Intermediates { get; }

    /// <summary>The only roots a controller's certificate may lead to, and authorities on the way there.</summary>
    public X509Certificate2Collection Authorities { get; }

    /// <summary>The node's name: the certificate's common name.</summary>
    public string Node { get; }

    /// <summary>SHA-256 over the authorities (DER, one after the other), 64 lower-case hexadecimal digits.</summary>
    public string AuthoritiesDigest => Convert.ToHexStringLower(SHA256.HashData([.. Authorities.SelectMany(authority => authority.RawData)]));

    /// <summary>
    /// Reads <c>identity.pem</c>, which the agent wrote itself, or, where there is none, <c>ca.crt</c>, <c>node.crt</c> and <c>node.key</c>; a renewed certificate counts
    /// from the next connection on.
    /// </summary>
    /// <exception cref="NodeIdentityException">A file is missing, unreadable, or not what it should be.</exception>
    public static NodeIdentity Load(NodeRoot root, string directory)
    {
        if (TryRead(root, $"{directory}/{IdentityFiles.Identity}") is { } whole)
        {
            return Of(
                IdentityText.Parse(whole) ?? throw new NodeIdentityException(
                    $"{directory}/{IdentityFiles.Identity} is damaged; remove it, and put ca.crt, node.crt and node.key there or have the node join again."),
                directory);
        }

        var (ca, certificate, key) = (Read(root, $"{directory}/ca.crt"), Read(root, $"{directory}/node.crt"), Read(root, $"{directory}/node.key"));
        return Of(new(key, certificate, ca), directory);
    }

    /// <summary>Reads what was read from files.</summary>
    /// <param name="text">The PEM blocks.</param>
    /// <param name="directory">Where they lie, or shall, for messages.</param>
    /// <exception cref="NodeIdentityException">It is not what it should be.</exception>
    public static NodeIdentity Of(IdentityText text, string directory)
    {
        try
        {
            var (authorities, chain) = (new X509Certificate2Collection(), new X509Certificate2Collection());
            authorities.ImportFromPem(text.Authorities);
            var own = X509Certificate2.CreateFromPem(text.Certificate, text.Key);
            chain.ImportFromPem(text.Certificate);
            chain[0].Dispose();
            chain.RemoveAt(0);
            var identity = new NodeIdentity(own, chain, authorities);
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
        var options = TrustIn(Authorities);
        if (Intermediates.Count > 0)
        {
            options.ClientCertificateContext = SslStreamCertificateContext.Create(Certificate, Intermediates, offline: true);
        }
        else
        {
            options.ClientCertificates = [Certificate];
        }

        return options;
    }

    /// <summary>How a connection is made as nobody, and to nobody whom these authorities do not vouch for. Those that signed themselves are the roots; the others lead there.</summary>
    public static SslClientAuthenticationOptions TrustIn(X509Certificate2Collection authorities)
    {
        var trust = new X509ChainPolicy { TrustMode = X509ChainTrustMode.CustomRootTrust, RevocationMode = X509RevocationMode.NoCheck, DisableCertificateDownloads = true };
        trust.CustomTrustStore.AddRange(authorities);
        trust.ApplicationPolicy.Add(new Oid(ServerAuthentication));
        return new() { CertificateChainPolicy = trust, EnabledSslProtocols = SslProtocols.Tls13 };
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        Certificate.Dispose();
        foreach (var certificate in Authorities.Concat(Intermediates))
        {
            certificate.Dispose();
        }
    }

    private static string Read(NodeRoot root, string path) => TryRead(root, path) ?? throw new NodeIdentityException($"{path} does not exist; enrol this node.");

    private static string? TryRead(NodeRoot root, string path)
    {
        try
        {
            return root.ReadText(path, BytesMax);
        }
        catch (NodeFileException e)
        {
            throw new NodeIdentityException($"The agent {e.Message}.", e);
        }
    }
}

/// <summary>The node's certificate files do not serve; the message says which and why.</summary>
internal sealed class NodeIdentityException(string message, Exception? cause = null) : Exception(message, cause);
