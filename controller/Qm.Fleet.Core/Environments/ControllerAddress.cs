using System.Globalization;
using System.Net;

namespace Qm.Fleet.Core.Environments;

/// <summary>Checks where a BlueChi agent looks for its controller; what cannot work where the agent runs is refused.</summary>
internal sealed class ControllerAddress
{
    /// <summary>For the agent of the host.</summary>
    internal static readonly ControllerAddress OnHost = new(insideQm: false);

    /// <summary>For the agent inside QM, which has a network of its own.</summary>
    internal static readonly ControllerAddress InsideQm = new(insideQm: true);

    private const string Form = "unix:path=/... or tcp:host=...,port=...";

    private readonly bool _insideQm;

    private ControllerAddress(bool insideQm) => _insideQm = insideQm;

    /// <summary>Checks a D-Bus address as sd-bus reads it: one, or alternatives separated by <c>;</c>.</summary>
    internal (string Message, string? Rule)? Check(string value) =>
        value.Split(';').Select(CheckOne).FirstOrDefault(found => found is not null);

    /// <summary>Checks a host name or an IP address.</summary>
    internal (string Message, string? Rule)? CheckHost(string host) =>
        host.Length == 0 || !host.All(character => char.IsAsciiLetterOrDigit(character) || "-_.:%[]".Contains(character))
            ? ($"\"{host}\" is not a host name or an IP address", null)
        : _insideQm && IsLoopback(host)
            ? ($"{host} inside QM is QM itself, not the node: QM has a network of its own; use the controller's address or a socket that is mounted into QM",
                Rules.UnreachableAddress)
        : null;

    private (string, string?)? CheckOne(string address)
    {
        var colon = address.IndexOf(':', StringComparison.Ordinal);
        var pairs = address[(colon + 1)..].Split(',').Select(pair => pair.Split('=', 2)).ToLookup(pair => pair[0], pair => Uri.UnescapeDataString(pair[^1]));
        return address[..Math.Max(colon, 0)] switch
        {
            _ when address.Any(char.IsWhiteSpace) => NoAddress(),
            "unix" when pairs["path"].FirstOrDefault() is ['/', _, ..] => null,
            "unix" when pairs["abstract"].FirstOrDefault() is { Length: > 0 } name => !_insideQm ? null
                : ($"the abstract socket {name} belongs to the node's network, and QM has one of its own; use the path of a socket that is mounted into QM",
                    Rules.UnreachableAddress),
            "tcp" when pairs["host"].FirstOrDefault() is { } host && IsPort(pairs["port"].FirstOrDefault()) => CheckHost(host),
            _ => NoAddress(),
        };

        (string, string?) NoAddress() => ($"\"{address}\" is not an address of the controller; expected {Form}", null);
    }

    private static bool IsPort(string? text) =>
        ushort.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var port) && port > 0;

    private static bool IsLoopback(string host)
    {
        var name = host.TrimEnd('.');
        if (IPAddress.TryParse(name, out var address))
        {
            address = address.IsIPv4MappedToIPv6 ? address.MapToIPv4() : address;
            return IPAddress.IsLoopback(address) || address.Equals(IPAddress.Any) || address.Equals(IPAddress.IPv6Any);
        }

        return name.Equals("localhost", StringComparison.OrdinalIgnoreCase)
            || name.Equals("localhost.localdomain", StringComparison.OrdinalIgnoreCase)
            || name.EndsWith(".localhost", StringComparison.OrdinalIgnoreCase);
    }
}
