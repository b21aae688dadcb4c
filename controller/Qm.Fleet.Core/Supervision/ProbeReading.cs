namespace Qm.Fleet.Core.Supervision;

/// <summary>What the probe of a workload says, as last heard.</summary>
/// <param name="Unit">The workload's unit inside QM.</param>
/// <param name="IsHealthy">Whether it passes; null while that is not known.</param>
/// <param name="Failures">Failures in a row.</param>
/// <param name="Message">What the last failure said; empty when there was none.</param>
public sealed record ProbeReading(string Unit, bool? IsHealthy, int Failures, string Message);
