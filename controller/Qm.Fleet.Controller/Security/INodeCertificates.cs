using System.Security.Cryptography.X509Certificates;

namespace Qm.Fleet.Controller.Security;

/// <summary>Makes the certificates of nodes, and says which authorities they are to trust.</summary>
internal interface INodeCertificates
{
    /// <summary>The authorities, or the one that signs, are others now.</summary>
    event Action? Changed;

    /// <summary>All authorities that nodes are to trust, PEM.</summary>
    string AuthoritiesPem { get; }

    /// <summary>SHA-256 over them (DER, one after the other), 64 lower-case hexadecimal digits.</summary>
    string AuthoritiesDigest { get; }

    /// <summary>
    /// What a node knows the controller by before it has a certificate: SHA-256 of the public key of the authority of the controller's own, now and when an exchange is through; each 64 lower-case
    /// hexadecimal digits.
    /// </summary>
    IReadOnlyList<string> AuthorityFingerprints { get; }

    /// <summary>Whether a certificate is of the authority that signs now.</summary>
    bool IsCurrent(X509Certificate2 certificate);

    /// <summary>Makes a certificate; whoever asks for it has shown to have the key.</summary>
    /// <param name="node">BlueChi's node name of the host.</param>
    /// <param name="key">Its public key.</param>
    /// <returns>The certificate and what leads from it to an authority, PEM, the node's own first.</returns>
    string Sign(string node, PublicKey key);
}

/// <summary>Those of the controller's own authorities.</summary>
internal sealed class PkiNodeCertificates(Pki pki, TimeProvider time) : INodeCertificates
{
    /// <inheritdoc/>
    public event Action? Changed
    {
        add => pki.Changed += value;
        remove => pki.Changed -= value;
    }

    /// <inheritdoc/>
    public string AuthoritiesPem => pki.AuthoritiesPem;

    /// <inheritdoc/>
    public string AuthoritiesDigest => pki.AuthoritiesDigest;

    /// <inheritdoc/>
    public IReadOnlyList<string> AuthorityFingerprints => pki.Authorities.KeyFingerprints;

    /// <inheritdoc/>
    public bool IsCurrent(X509Certificate2 certificate) => PeerCertificates.IsOf(pki.Authorities.Issuing, certificate, time.GetUtcNow());

    /// <inheritdoc/>
    public string Sign(string node, PublicKey key) => pki.SignNode(node, key);
}
