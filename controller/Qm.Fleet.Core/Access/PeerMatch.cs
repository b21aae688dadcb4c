using System.Net;

namespace Qm.Fleet.Core.Access;

/// <summary>Whether an agent extension dials in from where BlueChi has its node.</summary>
public enum PeerMatch
{
    /// <summary>Nobody can tell: BlueChi has no address of the node, or one of the two is this machine's own.</summary>
    Unknown,

    /// <summary>It does.</summary>
    Same,

    /// <summary>It does not: the node has two addresses, there is a gateway in between, or somebody else has the node's key.</summary>
    Different,
}

/// <summary>Tells <see cref="PeerMatch"/>.</summary>
public static class PeerAddress
{
    /// <summary>Compares two addresses.</summary>
    /// <param name="link">Where the agent's connection comes from; null where that has no address.</param>
    /// <param name="bluechi">BlueChi's <c>PeerIp</c> of the node; empty when it has none.</param>
    public static PeerMatch Judge(IPAddress? link, string bluechi)
    {
        if (link is null || !IPAddress.TryParse(bluechi, out var peer))
        {
            return PeerMatch.Unknown;
        }
        (link, peer) = (Plain(link), Plain(peer));
        // The controller's own host reaches BlueChi by loopback and the controller by its name, or the other way round.
        return link.Equals(peer) ? PeerMatch.Same : IPAddress.IsLoopback(link) != IPAddress.IsLoopback(peer) ? PeerMatch.Unknown : PeerMatch.Different;
    }

    /// <summary>An address in the one way to write it: listeners for both families write it in another, and the interface that a link-local address belongs to is this machine's matter.</summary>
    public static IPAddress Plain(IPAddress address) => address.IsIPv4MappedToIPv6 ? address.MapToIPv4() : new IPAddress(address.GetAddressBytes());
}
