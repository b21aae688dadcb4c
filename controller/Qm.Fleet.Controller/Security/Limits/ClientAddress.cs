using System.Net;
using System.Net.Sockets;

namespace Qm.Fleet.Controller.Security.Limits;

/// <summary>What counts as one address where something is counted for each: an IPv4 address, or an IPv6 network of 64 bits, all of which one machine may have.</summary>
internal static class ClientAddress
{
    private const int NetworkBytes = 8;

    /// <summary>The address; null on a Unix socket, which has none.</summary>
    public static IPAddress? Of(EndPoint? endPoint) => Of((endPoint as IPEndPoint)?.Address);

    /// <summary>What an address counts as; null for none.</summary>
    public static IPAddress? Of(IPAddress? address)
    {
        if (address is null || address.AddressFamily != AddressFamily.InterNetworkV6)
        {
            return address;
        }
        if (address.IsIPv4MappedToIPv6)
        {
            return address.MapToIPv4();
        }
        var bytes = address.GetAddressBytes();
        // Networks of one link are told apart by their interface, and loopback is one address.
        if (!IPAddress.IsLoopback(address))
        {
            bytes.AsSpan(NetworkBytes).Clear();
        }
        return new IPAddress(bytes, address.ScopeId);
    }
}
