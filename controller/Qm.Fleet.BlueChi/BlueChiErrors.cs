using Qm.Fleet.BlueChi.Bus;

namespace Qm.Fleet.BlueChi;

/// <summary>The one place where errors of the bus become errors of BlueChi.</summary>
internal static class BlueChiErrors
{
    private const string Bus = "org.freedesktop.DBus.Error.";
    private const string Systemd = "org.freedesktop.systemd1.";

    /// <summary>Sorts an error by who can act.</summary>
    /// <param name="error">What the bus said.</param>
    /// <param name="what">The call, its node and unit, for the message.</param>
    internal static BlueChiException Map(BusException error, string what)
    {
        var message = $"{what}: {error.Message}";
        return error switch
        {
            BusTimeoutException => new OutcomeUnknownException(message, null, error),
            BusConnectionException => new ConnectionLostException(message, null, error),
            BusErrorException reply => Map(reply, message),
            _ => new ProtocolException(message, null, error),
        };
    }

    private static BlueChiException Map(BusErrorException reply, string message) => reply.Name switch
    {
        "org.eclipse.bluechi.Offline" => new NodeOfflineException(message, reply.Name, reply),
        Systemd + "NoSuchUnit" or Bus + "FileNotFound" => new UnknownUnitException(message, reply.Name, reply),
        Bus + "UnknownObject" => new UnknownNodeException(message, reply.Name, reply),
        // GetNode says ServiceUnknown for a node that is not configured; the bus daemon says it for an owner that is gone.
        Bus + "ServiceUnknown" when reply.Message.Contains("Node not found", StringComparison.Ordinal) => new UnknownNodeException(message, reply.Name, reply),
        Bus + "ServiceUnknown" or Bus + "NameHasNoOwner" or Bus + "Disconnected" => new ConnectionLostException(message, reply.Name, reply),
        Bus + "UnknownMethod" or Bus + "UnknownInterface" => new ProtocolException(message, reply.Name, reply),
        Bus + "NoReply" or Bus + "Timeout" or Bus + "TimedOut" or Bus + "Failed" => new OutcomeUnknownException(message, reply.Name, reply),
        _ => new RefusedException(message, reply.Name, reply),
    };
}
