namespace Qm.Fleet.BlueChi.Monitors;

/// <summary>What a monitor tells; a hint, for BlueChi makes some of it up and leaves much of it out.</summary>
public abstract record MonitorSignal;

/// <summary>What a monitor tells of a unit.</summary>
/// <param name="Node">BlueChi's node name.</param>
/// <param name="Unit">Full unit name; <c>*</c> is the agent as a whole.</param>
public abstract record UnitSignal(string Node, string Unit) : MonitorSignal;

/// <summary>systemd loaded a unit, or is said to have it loaded.</summary>
/// <param name="Node">BlueChi's node name.</param>
/// <param name="Unit">Full unit name.</param>
/// <param name="IsVirtual">Whether BlueChi made it up, on a subscription or a fresh agent.</param>
public sealed record UnitNew(string Node, string Unit, bool IsVirtual) : UnitSignal(Node, Unit);

/// <summary>systemd unloaded a unit, or its agent was lost.</summary>
/// <param name="Node">BlueChi's node name.</param>
/// <param name="Unit">Full unit name.</param>
/// <param name="IsVirtual">Whether BlueChi made it up, for a lost agent.</param>
public sealed record UnitRemoved(string Node, string Unit, bool IsVirtual) : UnitSignal(Node, Unit);

/// <summary>A unit is said to have another state.</summary>
/// <param name="Node">BlueChi's node name.</param>
/// <param name="Unit">Full unit name.</param>
/// <param name="ActiveState">systemd's word.</param>
/// <param name="SubState">systemd's word, or BlueChi's <c>agent-offline</c>.</param>
/// <param name="IsVirtual">Whether BlueChi made it up.</param>
public sealed record UnitStateChanged(string Node, string Unit, string ActiveState, string SubState, bool IsVirtual) : UnitSignal(Node, Unit);

/// <summary>Properties of one interface of a unit changed; never virtual.</summary>
/// <param name="Node">BlueChi's node name.</param>
/// <param name="Unit">Full unit name.</param>
/// <param name="SystemdInterface">Such as <c>org.freedesktop.systemd1.Service</c>.</param>
/// <param name="Properties">All that systemd sent, changed or not.</param>
public sealed record UnitPropertiesChanged(string Node, string Unit, string SystemdInterface, IReadOnlyDictionary<string, PropertyValue> Properties)
    : UnitSignal(Node, Unit);

/// <summary>This connection is no longer a peer of somebody's monitor.</summary>
/// <param name="Reason">As the remover gave it, or <c>monitor closed</c>.</param>
public sealed record PeerRemoved(string Reason) : MonitorSignal;
