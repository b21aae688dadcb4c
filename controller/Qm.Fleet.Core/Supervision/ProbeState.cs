using Qm.Fleet.Core.Environments;

namespace Qm.Fleet.Core.Supervision;

/// <summary>What a row of probes of one container comes to.</summary>
/// <remarks>
/// Thresholds are Kubernetes': as many failures in a row make it unhealthy, as many successes in a row healthy, and until then it is what it was. Unlike
/// there nothing is healthy before a probe said so.
/// </remarks>
/// <param name="IsHealthy">Whether the workload works; null when nobody knows.</param>
/// <param name="Failures">Failures in a row, counted up to the failure threshold: a workload that stays down is no news with every probe.</param>
/// <param name="Successes">Successes in a row, counted up to the success threshold.</param>
/// <param name="Message">What the last failure that counted said, or why nobody knows.</param>
public sealed record ProbeState(bool? IsHealthy, int Failures, int Successes, string Message)
{
    /// <summary>Before the first probe of a container.</summary>
    public static ProbeState NotProbed { get; } = new(null, 0, 0, "it was not probed often enough yet");

    /// <summary>While there is no container.</summary>
    public static ProbeState NotRunning { get; } = new(null, 0, 0, "its container does not run");

    /// <summary>What it comes to with one more probe.</summary>
    public ProbeState After(LivenessProbe probe, ProbeOutcome outcome) => outcome.HasSucceeded switch
    {
        true when Math.Min(Successes + 1, probe.SuccessThreshold) is var successes =>
            successes == probe.SuccessThreshold ? new(true, 0, successes, "") : new(IsHealthy, 0, successes, IsHealthy == true ? "" : Message),
        false when Math.Min(Failures + 1, probe.FailureThreshold) is var failures => new(
            failures == probe.FailureThreshold ? false : IsHealthy, failures, 0,
            // What a failure says may differ each time; past the threshold that is no news either.
            failures == Failures ? Message : outcome.Message),
        _ => new(null, 0, 0, outcome.Message),
    };
}
