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

/// <summary>A node that BlueChi allows.</summary>
/// <param name="Name">As in AllowedNodeNames.</param>
/// <param name="Status">Whether its agent is connected.</param>
/// <param name="PeerIp">Where it connects from; empty for Unix sockets and while offline.</param>
public sealed record NodeInfo(string Name, NodeStatus Status, string PeerIp);

/// <summary>A unit that a node's systemd has loaded; words are systemd's.</summary>
/// <param name="Name">Full unit name.</param>
/// <param name="Description">For people.</param>
/// <param name="LoadState">Such as <c>loaded</c>.</param>
/// <param name="ActiveState">Such as <c>active</c>.</param>
/// <param name="SubState">Such as <c>running</c>.</param>
public sealed record UnitInfo(string Name, string Description, string LoadState, string ActiveState, string SubState);
