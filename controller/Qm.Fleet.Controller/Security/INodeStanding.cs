namespace Qm.Fleet.Controller.Security;

/// <summary>Whether a node, and a key of it, still counts.</summary>
internal interface INodeStanding
{
    /// <summary>Whether the node was taken out of service and nobody allowed that it joins again.</summary>
    bool IsRetired(string node);

    /// <summary>Whether the certificate of a key may be renewed; not when it was revoked.</summary>
    /// <param name="node">Whose.</param>
    /// <param name="fingerprint">The key's, of <see cref="CertificateRequests.Fingerprint"/>.</param>
    bool MayRenew(string node, string fingerprint);
}

/// <summary>Where nothing is retired or revoked: which keys count, the store of enrollments says by itself.</summary>
internal sealed class EveryNodeStands : INodeStanding
{
    /// <inheritdoc/>
    public bool IsRetired(string node) => false;

    /// <inheritdoc/>
    public bool MayRenew(string node, string fingerprint) => true;
}
