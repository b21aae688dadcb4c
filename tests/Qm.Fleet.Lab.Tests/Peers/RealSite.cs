using System.Threading.Channels;
using Microsoft.Extensions.Logging.Abstractions;
using Qm.Fleet.BlueChi;
using Qm.Fleet.BlueChi.Monitors;
using Qm.Fleet.BlueChi.Session;
using Qm.Fleet.Lab.Nodes;
using Qm.Fleet.Lab.Peers;
using Xunit;
using IBlueChi = Qm.Fleet.BlueChi.IBlueChi;

namespace Qm.Fleet.Lab.Tests.Peers;

/// <summary>A real bluechi-controller with one emulated node, and the client of the real controller, which keeps all that it is told.</summary>
internal sealed class RealSite : IBlueChiObserver, IAsyncDisposable
{
    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(30);
    private readonly string _directory = Directory.CreateTempSubdirectory("qmfleet-peers-").FullName;
    private readonly CancellationTokenSource _end = new();
    private readonly Channel<string> _told = Channel.CreateUnbounded<string>();
    private readonly Channel<IBlueChi> _connected = Channel.CreateUnbounded<IBlueChi>();
    private readonly Task _session;

    private RealSite(RealBlueChi blueChi)
    {
        BlueChi = blueChi;
        Peers = new PeerBlueChi(new PeerOptions(blueChi.Address, TimeSpan.FromMilliseconds(500)), TimeProvider.System);
        Node = new EmulatedNode("ecu1", Path.Combine(_directory, "ecu1"), Peers, NodeTimings.Fast, TimeProvider.System);
        _session = new BlueChiSession(new BlueChiOptions { Address = blueChi.BusAddress }, this, TimeProvider.System, () => 0.5, NullLogger<BlueChiSession>.Instance).RunAsync(_end.Token);
    }

    public RealBlueChi BlueChi { get; }

    public PeerBlueChi Peers { get; }

    public EmulatedNode Node { get; }

    /// <summary>The client of the incarnation that is there.</summary>
    public IBlueChi Client { get; private set; } = null!;

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    /// <summary>Starts everything and waits until the host and QM have registered; skips the test where there is no BlueChi.</summary>
    public static async Task<RealSite> StartAsync()
    {
        var site = new RealSite(await RealBlueChi.StartAsync(["ecu1", "qm.ecu1", "absent"]));
        try
        {
            await site.ReconnectedAsync();
            await site.Node.BootAsync(Ct);
            await site.ToldAsync("ecu1=Online", "qm.ecu1=Online");
            return site;
        }
        catch
        {
            await site.DisposeAsync();
            throw;
        }
    }

    /// <summary>Waits for the next incarnation of BlueChi.</summary>
    public async Task ReconnectedAsync() => Client = await _connected.Reader.ReadAsync(Ct).AsTask().WaitAsync(Deadline, Ct);

    /// <summary>Waits until all of these lines were told, in any order; answers all lines up to then.</summary>
    public async Task<IReadOnlyList<string>> ToldAsync(params string[] lines)
    {
        var told = new List<string>();
        try
        {
            while (lines.Except(told).Any())
            {
                told.Add(await _told.Reader.ReadAsync(Ct).AsTask().WaitAsync(Deadline, Ct));
            }
        }
        catch (TimeoutException)
        {
            Assert.Fail($"'{string.Join("', '", lines.Except(told))}' never came; told: {string.Join(" | ", told)}; troubles: {string.Join(" | ", Peers.Troubles)}");
        }

        return told;
    }

    /// <summary>Monitors one unit; what it tells is among the lines.</summary>
    public async Task<IMonitor> MonitorAsync(string node, string unit)
    {
        var monitor = await Client.CreateMonitorAsync(signal =>
        {
            var line = signal switch
            {
                UnitNew loaded => $"new {loaded.Unit} {Reason(loaded.IsVirtual)}",
                UnitRemoved removed => $"removed {removed.Unit} {Reason(removed.IsVirtual)}",
                UnitStateChanged changed => $"state {changed.Unit} {changed.ActiveState} {changed.SubState} {Reason(changed.IsVirtual)}",
                UnitPropertiesChanged changed => $"properties {changed.Unit} {changed.SystemdInterface}",
                _ => signal.ToString()!,
            };
            _told.Writer.TryWrite(line);
        }, Ct);
        await monitor.SubscribeAsync(node, [unit], Ct);
        return monitor;
    }

    public void Connected(IBlueChi blueChi, IReadOnlyList<NodeInfo> nodes) => _connected.Writer.TryWrite(blueChi);

    public void Disconnected(string reason) => _told.Writer.TryWrite("disconnected");

    public void NodeStatusChanged(string node, NodeStatus status) => _told.Writer.TryWrite($"{node}={status}");

    public void UnitChanged(string node, string unit, UnitHint hint)
    {
        // The session's own subscriptions; the tests have monitors of theirs.
    }

    public async ValueTask DisposeAsync()
    {
        await _end.CancelAsync();
        await _session;
        Node.PowerOff();
        await Peers.DisposeAsync();
        await BlueChi.DisposeAsync();
        _end.Dispose();
        Directory.Delete(_directory, recursive: true);
    }

    private static string Reason(bool isVirtual) => isVirtual ? "virtual" : "real";
}
