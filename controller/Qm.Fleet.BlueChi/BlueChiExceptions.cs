namespace Qm.Fleet.BlueChi;

/// <summary>A call to BlueChi did not do what was asked; sorted by who can act.</summary>
/// <param name="message">What, where and why.</param>
/// <param name="errorName">The D-Bus error name; null when the error was found on this side.</param>
/// <param name="inner">What the bus said.</param>
public abstract class BlueChiException(string message, string? errorName = null, Exception? inner = null) : Exception(message, inner)
{
    /// <summary>The D-Bus error name; null when the error was found on this side.</summary>
    public string? ErrorName { get; } = errorName;
}

/// <summary>BlueChi knows the node, but its agent is not connected, or is and does not answer; nothing was done. Whoever operates the node can act.</summary>
public sealed class NodeOfflineException(string message, string? errorName = null, Exception? inner = null) : BlueChiException(message, errorName, inner);

/// <summary>BlueChi does not know the node; it is missing from AllowedNodeNames.</summary>
public sealed class UnknownNodeException(string message, string? errorName = null, Exception? inner = null) : BlueChiException(message, errorName, inner);

/// <summary>The node's systemd does not know the unit; nothing was done.</summary>
public sealed class UnknownUnitException(string message, string? errorName = null, Exception? inner = null) : BlueChiException(message, errorName, inner);

/// <summary>The call was refused for what it is or who makes it; trying again cannot help.</summary>
public sealed class RefusedException(string message, string? errorName = null, Exception? inner = null) : BlueChiException(message, errorName, inner);

/// <summary>BlueChi and this client do not speak the same language: another version, or a bug here or there.</summary>
public sealed class ProtocolException(string message, string? errorName = null, Exception? inner = null) : BlueChiException(message, errorName, inner);

/// <summary>Nobody can tell whether the call was carried out; it may still be, when the node is heard again. Read the state.</summary>
public sealed class OutcomeUnknownException(string message, string? errorName = null, Exception? inner = null) : BlueChiException(message, errorName, inner);

/// <summary>The BlueChi this was asked of is gone; a later one answers for itself.</summary>
public sealed class ConnectionLostException(string message, string? errorName = null, Exception? inner = null) : BlueChiException(message, errorName, inner);
