using Qm.Fleet.Core.Supervision;
using Qm.Fleet.V1;

namespace Qm.Fleet.Agent.Probes;

/// <summary>A workload that is probed, the container that is, and what that came to. Touched under the desk's lock only.</summary>
/// <param name="asked">As the controller asked.</param>
/// <param name="workload">The same, checked.</param>
internal sealed class WatchedProbe(Probe asked, ProbedWorkload workload) : IDisposable
{
    private CancellationTokenSource? _stop;

    /// <summary>As the controller asked.</summary>
    public Probe Asked { get; } = asked;

    /// <summary>The same, checked.</summary>
    public ProbedWorkload Workload { get; } = workload;

    /// <summary>The container that is probed; null while none runs.</summary>
    public ProbeTarget? Target { get; private set; }

    /// <summary>What its probes came to.</summary>
    public ProbeState State { get; set; } = ProbeState.NotRunning;

    /// <summary>The probes of this container, one after another; they end when it is another's turn.</summary>
    public Task Probes { get; private set; } = Task.CompletedTask;

    /// <summary>Begins anew with another container, or with none.</summary>
    /// <param name="target">The container.</param>
    /// <param name="probe">Probes it until cancelled.</param>
    /// <param name="cancellationToken">Ends all probes.</param>
    public void Begin(ProbeTarget? target, Func<ProbeTarget, CancellationToken, Task> probe, CancellationToken cancellationToken)
    {
        Dispose();
        (Target, State) = (target, target is null ? ProbeState.NotRunning : ProbeState.NotProbed);
        if (target is not null)
        {
            _stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
            var stop = _stop.Token;
            Probes = Task.Run(() => probe(target, stop), CancellationToken.None);
        }
    }

    /// <summary>As it is told.</summary>
    public ProbeResult ToWire() => new()
    {
        Unit = Workload.Unit,
        State = State.IsHealthy switch
        {
            true => ProbeResult.Types.State.Healthy,
            false => ProbeResult.Types.State.Unhealthy,
            null => ProbeResult.Types.State.Unknown,
        },
        Failures = State.Failures,
        Message = State.Message,
        Container = Target?.Container ?? "",
    };

    /// <inheritdoc/>
    public void Dispose()
    {
        _stop?.Cancel();
        _stop?.Dispose();
        _stop = null;
    }
}
