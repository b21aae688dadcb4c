using Qm.Fleet.Lab.Peers;
using Qm.Fleet.Lab.Tests.Peers;

namespace Qm.Fleet.BlueChi.Tests.Conformance.Peers;

/// <summary>A real bluechi-controller on a dbus-daemon of its own; the nodes are the lab's, whose agents speak BlueChi's own protocol with it.</summary>
internal sealed class PeerSite : ISite
{
    // As on containers: a frozen agent stays connected for longer than any case freezes one.
    private const string Heartbeats = "HeartbeatInterval=500\nNodeHeartbeatThreshold=60000";

    private readonly string _directory = Directory.CreateTempSubdirectory("qmfleet-site-").FullName;
    private readonly RealBlueChi _blueChi;
    private readonly PeerBlueChi _agents;
    private LabNodes? _nodes;

    private PeerSite(RealBlueChi blueChi) =>
        (_blueChi, _agents) = (blueChi, new PeerBlueChi(new PeerOptions(blueChi.Address, TimeSpan.FromMilliseconds(500)), TimeProvider.System));

    public string Name { get; private set; } = "peer nodes";

    public string BusAddress => _blueChi.BusAddress;

    public TimeSpan AgentTimeout { get; } = TimeSpan.FromSeconds(30);

    public (string First, string Second) Nodes => LabNodes.Names;

    public string Absent => LabNodes.Absent;

    private LabNodes Booted => _nodes ?? throw new InvalidOperationException("The nodes were not booted");

    internal static string? FindObstacle() => RealBlueChi.Find() is { Program: null } search ? search.Obstacle : null;

    internal static async Task<ISite> StartAsync(CancellationToken ct)
    {
        var (program, obstacle) = RealBlueChi.Find();
        var (first, second) = LabNodes.Names;
        var blueChi = await RealBlueChi.StartAsync(program ?? throw new InvalidOperationException(obstacle), [first, second, LabNodes.Absent], Heartbeats);
        var site = new PeerSite(blueChi) { Name = $"peer nodes, {await blueChi.GetVersionAsync()}" };
        try
        {
            site._nodes = await LabNodes.BootAsync(site._directory, site._agents, ct);
            return site;
        }
        catch
        {
            await site.DisposeAsync();
            throw;
        }
    }

    public Task SetFrozenAsync(string node, bool frozen, CancellationToken ct) => frozen ? _agents.FreezeAsync(node) : _agents.ThawAsync(node);

    public Task StopAgentAsync(string node, CancellationToken ct) => Booted.StopAgentAsync(node, ct);

    public Task StartAgentAsync(string node, CancellationToken ct) => Booted.StartAgentAsync(node, ct);

    public Task CutAsync(string node, CancellationToken ct) => _agents.CutAsync(node);

    public Task HealAsync(string node, CancellationToken ct) => _agents.HealAsync(node);

    public Task StopControllerAsync(bool clean, CancellationToken ct) => _blueChi.StopAsync(clean);

    public Task StartControllerAsync(CancellationToken ct) => _blueChi.StartAgainAsync();

    public Task WriteUnitAsync(string node, string unit, string text, CancellationToken ct) => Booted.WriteUnitAsync(node, unit, text, ct);

    public Task<string> AskSystemdAsync(string node, string unit, string property, CancellationToken ct) =>
        Task.FromResult(Booted.AskSystemd(node, unit, property));

    public Task FloodAsync(string node, string unit, int signals, CancellationToken ct)
    {
        _agents.Chatter(node, signals);
        return Task.CompletedTask;
    }

    public async ValueTask DisposeAsync()
    {
        _nodes?.Dispose();
        await _agents.DisposeAsync();
        await _blueChi.DisposeAsync();
        Directory.Delete(_directory, recursive: true);
    }
}
