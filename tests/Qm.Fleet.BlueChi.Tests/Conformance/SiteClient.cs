using Microsoft.Extensions.Logging.Abstractions;
using Qm.Fleet.BlueChi.Jobs;
using Qm.Fleet.BlueChi.Monitors;
using Qm.Fleet.BlueChi.Session;

namespace Qm.Fleet.BlueChi.Tests.Conformance;

/// <summary>The session heard of a BlueChi.</summary>
internal sealed record ConnectedTold(IBlueChi BlueChi);

/// <summary>The session lost it.</summary>
internal sealed record DisconnectedTold(string Reason);

/// <summary>An agent came or went.</summary>
internal sealed record NodeTold(string Node, NodeStatus Status);

/// <summary>All, some or none of the nodes are connected now.</summary>
internal sealed record SystemTold(SystemStatus Status);

/// <summary>The session passed a hint on.</summary>
internal sealed record HintTold(string Node, string Unit, UnitHint Hint);

/// <summary>A session with a site, that keeps what it is told together with what monitors tell that were made through here.</summary>
internal sealed class SiteClient : IBlueChiObserver, IAsyncDisposable
{
    private readonly CancellationTokenSource _stop = new();
    private readonly Task _run;

    private SiteClient(ISite site) => _run = new BlueChiSession(
        new()
        {
            Address = site.BusAddress,
            // Twice what BlueChi itself waits for an agent, so that it is BlueChi who gives up.
            CallDeadline = (2 * site.AgentTimeout) + TimeSpan.FromSeconds(5),
            ProbeDeadline = TimeSpan.FromSeconds(2),
            JobProbeInterval = TimeSpan.FromSeconds(1),
        },
        this, TimeProvider.System, () => 0, NullLogger<BlueChiSession>.Instance).RunAsync(_stop.Token);

    /// <summary>The BlueChi that was connected to last.</summary>
    internal IBlueChi BlueChi { get; private set; } = null!;

    /// <summary>What was told.</summary>
    internal Heard Heard { get; } = new();

    internal static async Task<SiteClient> ConnectAsync(ISite site, CancellationToken ct)
    {
        var client = new SiteClient(site);
        try
        {
            await client.NextConnectionAsync(ct);
            return client;
        }
        catch (Exception)
        {
            await client.DisposeAsync();
            throw;
        }
    }

    /// <summary>Waits for a BlueChi that was not waited for before.</summary>
    internal async Task NextConnectionAsync(CancellationToken ct) => BlueChi = (await Heard.NextAsync<ConnectedTold>(_ => true, ct)).BlueChi;

    /// <summary>Makes a monitor that tells into <see cref="Heard"/>.</summary>
    internal Task<IMonitor> MonitorAsync(CancellationToken ct) => BlueChi.CreateMonitorAsync(Heard.Add, ct);

    /// <summary>Waits until a node is connected.</summary>
    internal Task OnlineAsync(string node, CancellationToken ct) => StatusAsync(node, NodeStatus.Online, ct);

    /// <summary>Waits until a node is not connected.</summary>
    internal Task OfflineAsync(string node, CancellationToken ct) => StatusAsync(node, NodeStatus.Offline, ct);

    /// <summary>Waits until a unit is in a state; the session hears of every change.</summary>
    internal async Task<UnitState> ReachAsync(string node, string unit, string activeState, CancellationToken ct)
    {
        while (true)
        {
            var state = await BlueChi.GetUnitStateAsync(node, unit, ct);
            if (state.ActiveState == activeState)
            {
                return state;
            }

            await Heard.NextAsync<HintTold>(told => told.Node == node && told.Unit == unit, ct);
        }
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _run;
        _stop.Dispose();
    }

    void IBlueChiObserver.Connected(IBlueChi blueChi, IReadOnlyList<NodeInfo> nodes)
    {
        Heard.Add(new ConnectedTold(blueChi));
        foreach (var node in nodes)
        {
            Heard.Add(new NodeTold(node.Name, node.Status));
        }
    }

    void IBlueChiObserver.Disconnected(string reason) => Heard.Add(new DisconnectedTold(reason));

    void IBlueChiObserver.NodeStatusChanged(string node, NodeStatus status) => Heard.Add(new NodeTold(node, status));

    void IBlueChiObserver.UnitChanged(string node, string unit, UnitHint hint) => Heard.Add(new HintTold(node, unit, hint));

    void IBlueChiObserver.SystemStatusChanged(SystemStatus status) => Heard.Add(new SystemTold(status));

    void IBlueChiObserver.LateExecution(LateExecution late) => Heard.Add(late);

    // What was told last of the node decides; only then is waited for more.
    private async Task StatusAsync(string node, NodeStatus status, CancellationToken ct)
    {
        if (Heard.Of<NodeTold>().LastOrDefault(told => told.Node == node)?.Status != status)
        {
            await Heard.NextAsync<NodeTold>(told => told == new NodeTold(node, status), ct);
        }
    }
}
