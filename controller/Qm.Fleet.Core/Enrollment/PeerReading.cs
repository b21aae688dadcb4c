using System.Net;
using Qm.Fleet.Core.Access;

namespace Qm.Fleet.Core.Enrollment;

/// <summary>Whether a node and an address belong together, by BlueChi's word. The numbers are on the wire.</summary>
public enum PeerState
{
    /// <summary>It cannot be told.</summary>
    NotKnown = 0,

    /// <summary>The node is connected from this address.</summary>
    Same = 1,

    /// <summary>The node is connected from another address.</summary>
    Other = 2,

    /// <summary>The node is not connected.</summary>
    Offline = 3,

    /// <summary>BlueChi allows no node of this name.</summary>
    UnknownNode = 4,
}

/// <summary>What BlueChi says of a node and an address.</summary>
/// <param name="State">Whether they belong together.</param>
/// <param name="Address">Where the node is connected from; empty when BlueChi does not say.</param>
/// <param name="Message">The same as a clause, such as "BlueChi has ecu1 connected from 192.0.2.7, and not from 192.0.2.9".</param>
public sealed record PeerReading(PeerState State, string Address, string Message)
{
    /// <summary>Nobody could be asked.</summary>
    /// <param name="because">Why, a clause.</param>
    public static PeerReading NotAsked(string because) => new(PeerState.NotKnown, "", because);

    /// <summary>BlueChi knows no such node.</summary>
    public static PeerReading NoSuchNode(string node) => new(PeerState.UnknownNode, "", $"BlueChi allows no node {node}");

    /// <summary>Holds a request against what BlueChi knows of the node.</summary>
    /// <param name="node">BlueChi's node name of the host.</param>
    /// <param name="isOnline">Whether it is connected.</param>
    /// <param name="peer">Where from, BlueChi's PeerIp; empty for a Unix socket and while it is offline.</param>
    /// <param name="address">Where the request comes from; null when it did not come over the network.</param>
    public static PeerReading Of(string node, bool isOnline, string peer, IPAddress? address)
    {
        if (!isOnline)
        {
            return new(PeerState.Offline, "", $"BlueChi does not have {node} connected");
        }
        if (!IPAddress.TryParse(peer, out var known))
        {
            return new(PeerState.NotKnown, "", $"BlueChi does not say where {node} is connected from");
        }
        var from = PeerAddress.Plain(known);
        return address is not null && from.Equals(PeerAddress.Plain(address))
            ? new(PeerState.Same, from.ToString(), $"BlueChi has {node} connected from this address")
            : new(PeerState.Other, from.ToString(), $"BlueChi has {node} connected from {from}, and not from {(address is null ? "a socket of this host" : PeerAddress.Plain(address))}");
    }
}
