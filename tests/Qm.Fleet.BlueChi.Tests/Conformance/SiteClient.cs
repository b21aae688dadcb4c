using Microsoft.Extensions.Logging.Abstractions;
using Qm.Fleet.BlueChi.Jobs;
using Qm.Fleet.BlueChi.Session;

namespace Qm.Fleet.BlueChi.Tests.Conformance;

/// <summary>A session of its own with a site, and all that it told.</summary>
internal sealed class SiteClient : IBlueChiObserver, IAsyncDisposable
{
    private readonly CancellationTokenSource _stop;
    private readonly Task _session;
    private TaskCompletionSource<IBlueChi> _connected = new(TaskCreationOptions.RunContinuationsAsynchronously);

    internal SiteClient(ISite site, CancellationToken limit, Action<BlueChiOptions>? configure = null)
    {
        _stop = CancellationTokenSource.CreateLinkedTokenSource(limit);
        (Told, Floods) = (new(limit), new(limit));
        var options = new BlueChiOptions
        {
            Address = site.BusAddress,
            ProbeDeadline = TimeSpan.FromSeconds(3),
            JobProbeInterval = TimeSpan.FromSeconds(2),
            ReconnectMax = TimeSpan.FromSeconds(1),
        };
        configure?.Invoke(options);
        _session = new BlueChiSession(options, this, TimeProvider.System, () => 0.5, NullLogger<BlueChiSession>.Instance).RunAsync(_stop.Token);
    }

    /// <summary>connected, disconnected, NODE Online, NODE Offline, system Up, NODE UNIT changed, late UNIT.</summary>
    internal SignalLog Told { get; }

    /// <summary>NODE floods, NODE is calm; apart from the rest, for nothing orders them among it.</summary>
    internal SignalLog Floods { get; }

    /// <summary>The present incarnation; waits for one.</summary>
    internal Task<IBlueChi> BlueChiAsync(CancellationToken limit) => _connected.Task.WaitAsync(limit);

    /// <summary>Waits for another incarnation than one that was stopped.</summary>
    internal async Task<IBlueChi> AfterAsync(IBlueChi stopped, CancellationToken limit)
    {
        while (true)
        {
            if (await BlueChiAsync(limit) is var present && present != stopped)
            {
                return present;
            }

            await Told.UntilAsync("connected");
        }
    }

    public void Connected(IBlueChi blueChi, IReadOnlyList<NodeInfo> nodes)
    {
        Told.Add("connected");
        foreach (var node in nodes)
        {
            Told.Add($"{node.Name} {node.Status}");
        }

        _connected.TrySetResult(blueChi);
    }

    public void Disconnected(string reason)
    {
        if (_connected.Task.IsCompleted)
        {
            _connected = new(TaskCreationOptions.RunContinuationsAsynchronously);
        }

        Told.Add("disconnected");
    }

    public void NodeStatusChanged(string node, NodeStatus status) => Told.Add($"{node} {status}");

    public void UnitChanged(string node, string unit, UnitHint hint) => Told.Add($"{node} {unit} changed");

    public void SystemStatusChanged(SystemStatus status) => Told.Add($"system {status}");

    public void NodeFloods(string node, int signalsPerSecond, bool calm) => Floods.Add($"{node} {(calm ? "is calm" : "floods")}");

    public void LateExecution(LateExecution late) => Told.Add($"late {late.Unit}");

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _session;
        _stop.Dispose();
    }
}
