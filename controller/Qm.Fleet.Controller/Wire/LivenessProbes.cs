using Qm.Fleet.Core.Environments;

namespace Qm.Fleet.Shared;

/// <summary>Liveness probes off the wire.</summary>
/// <remarks>The agent extension compiles this file, too: it reads the same messages, and neither knows the other. So it names Core and the messages only.</remarks>
internal static class LivenessProbes
{
    /// <summary>A probe as Core's manifest; nothing is judged.</summary>
    public static LivenessProbeManifest ToManifest(this V1.LivenessProbe probe) => new(probe.ActionCase switch
    {
        V1.LivenessProbe.ActionOneofCase.Exec => new ProbeAction.Exec([.. probe.Exec.Command]),
        V1.LivenessProbe.ActionOneofCase.TcpSocket => new ProbeAction.TcpSocket(probe.TcpSocket.Port, probe.TcpSocket.Host),
        V1.LivenessProbe.ActionOneofCase.UnixSocket => new ProbeAction.UnixSocket(probe.UnixSocket.Path),
        V1.LivenessProbe.ActionOneofCase.HeartbeatFile => new ProbeAction.HeartbeatFile(probe.HeartbeatFile.Path, probe.HeartbeatFile.MaxAgeSeconds),
        _ => null,
    })
    {
        InitialDelaySeconds = probe.HasInitialDelaySeconds ? probe.InitialDelaySeconds : null,
        PeriodSeconds = probe.HasPeriodSeconds ? probe.PeriodSeconds : null,
        TimeoutSeconds = probe.HasTimeoutSeconds ? probe.TimeoutSeconds : null,
        SuccessThreshold = probe.HasSuccessThreshold ? probe.SuccessThreshold : null,
        FailureThreshold = probe.HasFailureThreshold ? probe.FailureThreshold : null,
    };
}
