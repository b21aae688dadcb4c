using System.Security.Cryptography.X509Certificates;
using Qm.Fleet.Controller.Storage;

namespace Qm.Fleet.Controller.Security;

/// <summary>Whether a node, and a certificate of it, still counts.</summary>
internal interface INodeStanding
{
    /// <summary>Whether the node was taken out of service and nobody allowed that it joins again.</summary>
    bool IsRetired(string node);

    /// <summary>Whether somebody allowed that a node that has a key takes another one, once.</summary>
    bool MayEnrollAgain(string node);

    /// <summary>Inside the transaction that issues for it: uses that up.</summary>
    void Enrolled(WriteTransaction tx, string node);

    /// <summary>Whether a node may have its next certificate on the strength of the one it shows; not when that was revoked.</summary>
    bool MayRenew(string node, X509Certificate2 certificate);
}
