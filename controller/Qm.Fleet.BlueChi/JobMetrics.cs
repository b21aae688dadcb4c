namespace Qm.Fleet.BlueChi;

/// <summary>Times that BlueChi measured of one job.</summary>
/// <param name="Node">BlueChi's node name.</param>
/// <param name="Unit">Full unit name.</param>
public abstract record JobMetrics(string Node, string Unit);

/// <summary>A start, as bluechi-controller saw it.</summary>
/// <param name="Node">BlueChi's node name.</param>
/// <param name="Unit">Full unit name.</param>
/// <param name="JobId">BlueChi's number of the job.</param>
/// <param name="Job">From the request to the end of the job.</param>
/// <param name="UnitStart">From the unit's leaving inactive to its being active; null where BlueChi sends 0 or a wrapped number, for a unit that is gone or failed before.</param>
public sealed record StartUnitJobMetrics(string Node, string Unit, uint JobId, TimeSpan Job, TimeSpan? UnitStart) : JobMetrics(Node, Unit);

/// <summary>A job, as bluechi-agent saw it.</summary>
/// <param name="Node">BlueChi's node name.</param>
/// <param name="Unit">Full unit name.</param>
/// <param name="Method">systemd's method, such as <c>StartUnit</c>.</param>
/// <param name="Systemd">From the call to systemd to the end of its job.</param>
public sealed record AgentJobMetrics(string Node, string Unit, string Method, TimeSpan Systemd) : JobMetrics(Node, Unit);
