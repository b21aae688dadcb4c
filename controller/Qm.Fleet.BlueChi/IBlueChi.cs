using Qm.Fleet.BlueChi.Monitors;

namespace Qm.Fleet.BlueChi;

/// <summary>One incarnation of bluechi-controller; when it goes, every call to it ends, and a new one has to be asked anew.</summary>
/// <remarks>
/// Every call has a deadline and throws only <see cref="BlueChiException"/> and, for <c>ct</c>, <see cref="OperationCanceledException"/>.
/// Operations on the same unit of a node wait for each other; others do not.
/// </remarks>
public partial interface IBlueChi
{
    /// <summary>Every node that BlueChi allows, connected or not.</summary>
    Task<IReadOnlyList<NodeInfo>> ListNodesAsync(CancellationToken ct);

    /// <summary>One node, with when it was last heard; answers while the node is offline, too.</summary>
    /// <exception cref="UnknownNodeException">BlueChi does not allow such a node.</exception>
    Task<NodeDetails> GetNodeAsync(string node, CancellationToken ct);

    /// <summary>Whether all, some or none of the allowed nodes are connected.</summary>
    Task<SystemStatus> GetSystemStatusAsync(CancellationToken ct);

    /// <summary>Units of all connected nodes, by node.</summary>
    /// <remarks>All or nothing, and as slow as the slowest agent (30 s for a frozen one): ask the nodes one by one wherever one of them may be silent.</remarks>
    Task<IReadOnlyDictionary<string, IReadOnlyList<UnitInfo>>> ListUnitsOfAllNodesAsync(CancellationToken ct);

    /// <summary>Unit files of all connected nodes, by node; the remarks on <see cref="ListUnitsOfAllNodesAsync"/> hold.</summary>
    Task<IReadOnlyDictionary<string, IReadOnlyList<UnitFileInfo>>> ListUnitFilesOfAllNodesAsync(CancellationToken ct);

    /// <summary>What bluechi-controller logs from.</summary>
    Task<BlueChiLogLevel> GetLogLevelAsync(CancellationToken ct);

    /// <summary>Where bluechi-controller logs to: <c>journald</c>, <c>stderr</c> or <c>stderr-full</c>.</summary>
    Task<string> GetLogTargetAsync(CancellationToken ct);

    /// <summary>Changes what bluechi-controller logs, until it restarts.</summary>
    Task SetLogLevelAsync(BlueChiLogLevel level, CancellationToken ct);

    /// <summary>Makes a monitor; what it tells is a hint, never the truth.</summary>
    /// <param name="handler">Runs on the connection's thread, in the order of the wire; must return at once and not throw.</param>
    /// <param name="ct">Ends the wait.</param>
    Task<IMonitor> CreateMonitorAsync(Action<MonitorSignal> handler, CancellationToken ct);

    /// <summary>Listens to somebody else's monitor, which has added this connection (<see cref="UniqueName"/>) as a peer.</summary>
    /// <param name="monitor">The monitor's number.</param>
    /// <param name="handler">As for <see cref="CreateMonitorAsync"/>.</param>
    /// <param name="ct">Ends the wait.</param>
    Task<IAsyncDisposable> JoinMonitorAsync(uint monitor, Action<MonitorSignal> handler, CancellationToken ct);

    /// <summary>This connection's unique name on the bus, by which others add it to their monitors.</summary>
    string UniqueName { get; }

    /// <summary>Has the times of jobs measured; each finished start then blocks bluechi-controller for two calls, so not on a fleet at work.</summary>
    /// <exception cref="RefusedException">It is on already.</exception>
    Task EnableMetricsAsync(CancellationToken ct);

    /// <summary>Ends the measuring.</summary>
    /// <exception cref="RefusedException">It is off already.</exception>
    Task DisableMetricsAsync(CancellationToken ct);

    /// <summary>Listens to measured times, whoever has the measuring on.</summary>
    /// <param name="handler">As for <see cref="CreateMonitorAsync"/>.</param>
    /// <param name="ct">Ends the wait.</param>
    Task<IAsyncDisposable> ListenToMetricsAsync(Action<JobMetrics> handler, CancellationToken ct);
}
