namespace Qm.Fleet.BlueChi.Bus;

/// <summary>Something went wrong on the bus.</summary>
internal abstract class BusException(string message, Exception? inner = null) : Exception(message, inner);

/// <summary>The connection could not be made, or ended; whatever was under way has an unknown outcome.</summary>
internal sealed class BusConnectionException(string message, Exception? inner = null) : BusException(message, inner);

/// <summary>No reply came within the caller's deadline; the call may still be carried out.</summary>
internal sealed class BusTimeoutException(string message) : BusException(message);

/// <summary>The other side answered with an error, or a handler wants to answer with one.</summary>
internal sealed class BusErrorException(string name, string message) : BusException(message)
{
    /// <summary>The D-Bus error name.</summary>
    internal string Name { get; } = name;
}

/// <summary>A message does not hold what its reader expects, or cannot be written.</summary>
internal sealed class BusFormatException(string message) : BusException(message);
