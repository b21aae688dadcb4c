namespace Qm.Fleet.BlueChi;

/// <summary>Whether a node's agent is connected to BlueChi.</summary>
public enum NodeStatus
{
    /// <summary>Nothing was heard.</summary>
    Unknown = 0,

    /// <summary>Not connected.</summary>
    Offline = 1,

    /// <summary>Connected; a frozen agent stays so until BlueChi misses its heartbeat.</summary>
    Online = 2,
}

/// <summary>Whether the nodes that BlueChi allows are connected.</summary>
public enum SystemStatus
{
    /// <summary>A word this client does not know.</summary>
    Unknown = 0,

    /// <summary>None is, or none is allowed.</summary>
    Down = 1,

    /// <summary>Some are.</summary>
    Degraded = 2,

    /// <summary>All are.</summary>
    Up = 3,
}

/// <summary>What BlueChi logs from.</summary>
public enum BlueChiLogLevel
{
    /// <summary>A word this client does not know.</summary>
    Unknown = 0,

    /// <summary><c>DEBUG</c>.</summary>
    Debug = 1,

    /// <summary><c>INFO</c>.</summary>
    Info = 2,

    /// <summary><c>WARN</c>.</summary>
    Warn = 3,

    /// <summary><c>ERROR</c>.</summary>
    Error = 4,
}

/// <summary>A node that BlueChi allows.</summary>
/// <param name="Name">As in AllowedNodeNames.</param>
/// <param name="Status">Whether its agent is connected.</param>
/// <param name="PeerIp">Where it connects from; empty for Unix sockets and while offline.</param>
public sealed record NodeInfo(string Name, NodeStatus Status, string PeerIp);

/// <summary>A node, with when it was last heard.</summary>
/// <param name="Name">As in AllowedNodeNames.</param>
/// <param name="Status">Whether its agent is connected.</param>
/// <param name="PeerIp">Where it connects from; empty for Unix sockets and while offline.</param>
/// <param name="LastSeen">The last heartbeat or registration, by the wall clock of bluechi-controller's host; null for never.</param>
/// <param name="LastSeenMonotonic">The same since that host booted; null for never.</param>
public sealed record NodeDetails(string Name, NodeStatus Status, string PeerIp, DateTimeOffset? LastSeen, TimeSpan? LastSeenMonotonic);
