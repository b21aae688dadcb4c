namespace Qm.Fleet.Core.Supervision;

/// <summary>What the probe of one workload says, as last heard.</summary>
/// <param name="Unit">The unit inside QM, such as radio.service.</param>
/// <param name="IsHealthy">Whether it works; null when nobody knows.</param>
/// <param name="Failures">Failed probes in a row, counted up to the failure threshold.</param>
/// <param name="Message">What the last failed probe said, or why nobody knows; empty when all is well.</param>
public sealed record ProbeReading(string Unit, bool? IsHealthy, int Failures, string Message);
