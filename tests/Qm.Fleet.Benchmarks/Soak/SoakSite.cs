using Microsoft.Extensions.Logging.Abstractions;
using Qm.Fleet.BlueChi;
using Qm.Fleet.BlueChi.Session;
using Qm.Fleet.Lab.BlueChi;
using Qm.Fleet.Lab.Nodes;
using Qm.Fleet.Lab.Processes;
using IBlueChi = Qm.Fleet.BlueChi.IBlueChi;

namespace Qm.Fleet.Benchmarks.Soak;

/// <summary>A node of the lab, the emulated bluechi-controller on a bus of its own, and a session of the client with it.</summary>
internal sealed class SoakSite : IBlueChiObserver, IAsyncDisposable
{
    internal const string Node = "ecu1";
    internal const string Unit = "soak.service";
    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(30);

    private readonly DirectoryInfo _directory = Directory.CreateTempSubdirectory("qmfleet-soak-");
    private readonly ProcessLauncher _launcher = new();
    private readonly CancellationTokenSource _end = new();
    private readonly Lock _gate = new();
    private TaskCompletionSource _changed = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private PrivateBus? _bus;
    private EmulatedBlueChi? _blueChi;
    private EmulatedNode? _node;
    private Task _session = Task.CompletedTask;
    private IBlueChi? _client;
    private bool _online;
    private long _signals;

    /// <summary>Where the bus is.</summary>
    internal string Address => _bus!.Address;

    /// <summary>The emulated controller, with all that can go wrong.</summary>
    internal EmulatedBlueChi BlueChi => _blueChi!;

    /// <summary>The node's systemd.</summary>
    internal EmulatedSystemd Systemd => _node!.Host;

    /// <summary>What the observer was told so far.</summary>
    internal long Signals => Interlocked.Read(ref _signals);

    /// <summary>The connection's name on the bus; the session keeps it while controllers come and go.</summary>
    internal string UniqueName => _client!.UniqueName;

    internal static async Task<SoakSite> StartAsync(CancellationToken ct)
    {
        var site = new SoakSite();
        try
        {
            var root = site._directory.FullName;
            site._bus = await PrivateBus.StartAsync(site._launcher, root, root, TimeProvider.System, ct);
            site._blueChi = await EmulatedBlueChi.StartAsync(site.Address, [Node], TimeProvider.System, ct);
            site._blueChi.Faults.AgentTimeout = TimeSpan.FromSeconds(1);
            site._node = new EmulatedNode(Node, Path.Combine(root, Node), site._blueChi, NodeTimings.Fast, TimeProvider.System);
            await File.WriteAllTextAsync(Path.Combine(site._node.Root, "etc/systemd/system", Unit), "[Service]\nExecStart=/bin/sleep infinity\n", ct);
            await site._node.Host.DaemonReloadAsync(ct);
            await site._node.BootAsync(ct);
            var options = new BlueChiOptions
            {
                Address = site.Address,
                ProbeDeadline = TimeSpan.FromSeconds(5),
                ReconnectInitial = TimeSpan.FromMilliseconds(50),
                ReconnectMax = TimeSpan.FromMilliseconds(200),
                FloodPause = TimeSpan.FromSeconds(1),
                FloodResync = TimeSpan.FromMilliseconds(500),
                ResyncInterval = TimeSpan.FromSeconds(2),
            };
            site._session = new BlueChiSession(options, site, TimeProvider.System, () => 0.5, NullLogger<BlueChiSession>.Instance).RunAsync(site._end.Token);
            await site.ReadyAsync(ct);
            return site;
        }
        catch
        {
            await site.DisposeAsync();
            throw;
        }
    }

    /// <summary>Waits until the session has a controller, and that has the node.</summary>
    internal async Task<IBlueChi> ReadyAsync(CancellationToken ct)
    {
        using var deadline = CancellationTokenSource.CreateLinkedTokenSource(ct);
        deadline.CancelAfter(Deadline);
        while (true)
        {
            Task changed;
            lock (_gate)
            {
                if (_client is { } client && _online)
                {
                    return client;
                }

                changed = _changed.Task;
            }

            await changed.WaitAsync(deadline.Token);
        }
    }

    /// <summary>Waits until the session has noticed that its controller or its node is gone.</summary>
    internal async Task LostAsync(CancellationToken ct)
    {
        using var deadline = CancellationTokenSource.CreateLinkedTokenSource(ct);
        deadline.CancelAfter(Deadline);
        while (true)
        {
            Task changed;
            lock (_gate)
            {
                if (_client is null || !_online)
                {
                    return;
                }

                changed = _changed.Task;
            }

            await changed.WaitAsync(deadline.Token);
        }
    }

    public void Connected(IBlueChi blueChi, IReadOnlyList<NodeInfo> nodes) => Change(() => (_client, _online) = (blueChi, nodes.Any(node => node.Status == NodeStatus.Online)));

    public void Disconnected(string reason) => Change(() => _client = null);

    public void NodeStatusChanged(string node, NodeStatus status) => Change(() => _online = status == NodeStatus.Online);

    public void UnitChanged(string node, string unit, UnitHint hint) => Interlocked.Increment(ref _signals);

    public async ValueTask DisposeAsync()
    {
        await _end.CancelAsync();
        await _session;
        _node?.PowerOff();
        if (_blueChi is not null)
        {
            await _blueChi.DisposeAsync();
        }

        if (_bus is not null)
        {
            await _bus.DisposeAsync();
        }

        _launcher.Dispose();
        _end.Dispose();
        _directory.Delete(recursive: true);
    }

    private void Change(Action change)
    {
        lock (_gate)
        {
            change();
            _changed.TrySetResult();
            _changed = new(TaskCreationOptions.RunContinuationsAsynchronously);
        }
    }
}
