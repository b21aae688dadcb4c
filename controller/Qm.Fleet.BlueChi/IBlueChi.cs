namespace Qm.Fleet.BlueChi;

/// <summary>One incarnation of bluechi-controller; when it goes, every call to it ends, and a new one has to be asked anew.</summary>
/// <remarks>
/// Every call has a deadline and throws only <see cref="BlueChiException"/> and, for <c>ct</c>, <see cref="OperationCanceledException"/>.
/// Operations on the same unit of a node wait for each other; others do not.
/// </remarks>
public interface IBlueChi
{
    /// <summary>Every node that BlueChi allows, connected or not.</summary>
    Task<IReadOnlyList<NodeInfo>> ListNodesAsync(CancellationToken ct);

    /// <summary>Units that a node's systemd has loaded.</summary>
    Task<IReadOnlyList<UnitInfo>> ListUnitsAsync(string node, CancellationToken ct);

    /// <summary>Properties of a unit; a unit that systemd does not know has LoadState <c>not-found</c>.</summary>
    /// <param name="node">BlueChi's node name.</param>
    /// <param name="unit">Full unit name.</param>
    /// <param name="systemdInterface">Such as <c>org.freedesktop.systemd1.Service</c>; empty for all.</param>
    /// <param name="ct">Ends the wait.</param>
    Task<IReadOnlyDictionary<string, PropertyValue>> GetUnitPropertiesAsync(string node, string unit, string systemdInterface, CancellationToken ct);

    /// <summary>Starts a unit (mode replace) and waits for the job.</summary>
    Task<JobOutcome> StartUnitAsync(string node, string unit, CancellationToken ct);

    /// <summary>Stops a unit (mode replace) and waits for the job.</summary>
    Task<JobOutcome> StopUnitAsync(string node, string unit, CancellationToken ct);

    /// <summary>Restarts a unit (mode replace) and waits for the job; a failed state on the way is part of it.</summary>
    Task<JobOutcome> RestartUnitAsync(string node, string unit, CancellationToken ct);

    /// <summary>Makes a node's systemd read its unit files again; changes nothing in the kernel.</summary>
    Task ReloadAsync(string node, CancellationToken ct);

    /// <summary>Sets properties of a unit at once.</summary>
    /// <param name="node">BlueChi's node name.</param>
    /// <param name="unit">Full unit name.</param>
    /// <param name="runtime">Whether they are forgotten at the next boot.</param>
    /// <param name="properties">Names and values.</param>
    /// <param name="ct">Ends the wait.</param>
    /// <exception cref="UnknownUnitException">systemd does not know the unit; it would have accepted them all the same, and kept a file.</exception>
    Task SetUnitPropertiesAsync(string node, string unit, bool runtime, IReadOnlyList<UnitProperty> properties, CancellationToken ct);
}

/// <summary>What a signal said about a unit; a hint, for BlueChi makes some of them up.</summary>
/// <param name="ActiveState">As said; empty when it was not said.</param>
/// <param name="SubState">As said; empty when it was not said.</param>
/// <param name="IsVirtual">Whether BlueChi made it up, for a lost or a fresh agent.</param>
public sealed record UnitHint(string ActiveState, string SubState, bool IsVirtual);

/// <summary>Hears of a session; every method must return at once, and only mark what is worth a look.</summary>
public interface IBlueChiObserver
{
    /// <summary>A BlueChi is there; everything known of an earlier one is void and has to be read again.</summary>
    void Connected(IBlueChi blueChi, IReadOnlyList<NodeInfo> nodes);

    /// <summary>It is gone; nothing is known until the next <see cref="Connected"/>.</summary>
    void Disconnected(string reason);

    /// <summary>An agent connected or was lost.</summary>
    void NodeStatusChanged(string node, NodeStatus status);

    /// <summary>A unit may have changed; the unit <c>*</c> is the whole node.</summary>
    void UnitChanged(string node, string unit, UnitHint hint);
}
