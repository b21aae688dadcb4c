using Qm.Fleet.Core.Environments;
using Qm.Fleet.Core.Supervision;

namespace Qm.Fleet.Controller.Wire;

/// <summary>Probes and what they say, on the wire and off it.</summary>
internal static class Probes
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

    /// <summary>Every probe of an environment, as an agent extension is told of it.</summary>
    public static V1.SetProbes ToWire(FleetEnvironment environment) => new()
    {
        Probes = { environment.Workloads.Where(workload => workload.LivenessProbe is not null).Select(ToWire) },
    };

    /// <summary>What a probe says, as an agent extension told it.</summary>
    public static ProbeReading ToReading(this V1.ProbeResult result, int messageMax) => new(
        result.Unit,
        result.State switch
        {
            V1.ProbeResult.Types.State.Healthy => true,
            V1.ProbeResult.Types.State.Unhealthy => false,
            _ => null,
        },
        // What a container says ends up in events and on terminals.
        result.Failures, string.Concat(result.Message.Take(messageMax).Select(static character => char.IsControl(character) ? ' ' : character)));

    /// <summary>What a probe says, as people are told it.</summary>
    public static V1.ProbeResult ToWire(this ProbeReading reading) => new()
    {
        Unit = reading.Unit,
        State = reading.IsHealthy switch
        {
            true => V1.ProbeResult.Types.State.Healthy,
            false => V1.ProbeResult.Types.State.Unhealthy,
            null => V1.ProbeResult.Types.State.Unknown,
        },
        Failures = reading.Failures,
        Message = reading.Message,
    };

    private static V1.Probe ToWire(Workload workload)
    {
        var probe = workload.LivenessProbe!;
        var wire = new V1.LivenessProbe
        {
            InitialDelaySeconds = probe.InitialDelaySeconds,
            PeriodSeconds = probe.PeriodSeconds,
            TimeoutSeconds = probe.TimeoutSeconds,
            SuccessThreshold = probe.SuccessThreshold,
            FailureThreshold = probe.FailureThreshold,
        };
        switch (probe.Action)
        {
            case ProbeAction.Exec exec:
                wire.Exec = new() { Command = { exec.Command } };
                break;
            case ProbeAction.TcpSocket tcp:
                wire.TcpSocket = new() { Port = tcp.Port, Host = tcp.Host };
                break;
            case ProbeAction.UnixSocket unix:
                wire.UnixSocket = new() { Path = unix.Path };
                break;
            case ProbeAction.HeartbeatFile file:
                wire.HeartbeatFile = new() { Path = file.Path, MaxAgeSeconds = file.MaxAgeSeconds };
                break;
        }

        // A revision with a container that has no name to be known by was refused.
        var container = probe.Action is ProbeAction.Exec && ContainerName.TryGet(workload, out var name, out _) ? name : "";
        return new() { Unit = workload.Name + ".service", Container = container, LivenessProbe = wire };
    }
}
