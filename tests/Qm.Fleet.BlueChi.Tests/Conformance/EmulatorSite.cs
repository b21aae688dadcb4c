using Qm.Fleet.Lab.BlueChi;
using Qm.Fleet.Lab.Nodes;

namespace Qm.Fleet.BlueChi.Tests.Conformance;

/// <summary>The lab's emulated BlueChi and emulated nodes on a bus of their own.</summary>
internal sealed class EmulatorSite : ISite
{
    private const string Agent = "bluechi-agent.service";

    private readonly PrivateBus _bus = new();
    private readonly string _root = Directory.CreateTempSubdirectory("qmfleet-conformance-").FullName;
    private readonly Dictionary<string, EmulatedNode> _nodes = [];
    private EmulatedBlueChi _blueChi = null!;

    private EmulatorSite()
    {
    }

    public string Name => "emulator";

    public string BusAddress => _bus.Address;

    public TimeSpan AgentTimeout => TimeSpan.FromSeconds(1);

    public (string First, string Second) Nodes => ("ecu1", "ecu2");

    public string Absent => "off-1";

    internal static async Task<EmulatorSite> StartAsync(CancellationToken ct)
    {
        var site = new EmulatorSite();
        await site._bus.InitializeAsync();
        site._blueChi = await EmulatedBlueChi.StartAsync(site.BusAddress, [site.Nodes.First, site.Nodes.Second, site.Absent], TimeProvider.System, ct);
        site._blueChi.Faults.AgentTimeout = site.AgentTimeout;
        foreach (var name in new[] { site.Nodes.First, site.Nodes.Second })
        {
            var node = site._nodes[name] = new EmulatedNode(name, Path.Combine(site._root, name), site._blueChi, NodeTimings.Fast, TimeProvider.System);
            foreach (var (unit, text) in SiteUnits.Files)
            {
                await site.WriteUnitAsync(name, unit, text, ct);
            }

            await node.Host.DaemonReloadAsync(ct);
            await site.StartAgentAsync(name, ct);
        }

        return site;
    }

    public Task SetFrozenAsync(string node, bool frozen, CancellationToken ct)
    {
        if (frozen)
        {
            _blueChi.Freeze(node);
        }
        else
        {
            _blueChi.Thaw(node);
        }

        return Task.CompletedTask;
    }

    public Task StopAgentAsync(string node, CancellationToken ct) => _nodes[node].Host.RunAsync(JobType.Stop, Agent, ct);

    public Task StartAgentAsync(string node, CancellationToken ct) => _nodes[node].Host.RunAsync(JobType.Start, Agent, ct);

    public Task CutAsync(string node, CancellationToken ct)
    {
        _blueChi.Cut(node);
        return Task.CompletedTask;
    }

    public Task HealAsync(string node, CancellationToken ct)
    {
        _blueChi.Heal(node);
        return Task.CompletedTask;
    }

    public Task StopControllerAsync(bool clean, CancellationToken ct) => _blueChi.EndAsync(clean).AsTask();

    public Task StartControllerAsync(CancellationToken ct) => _blueChi.BeginAgainAsync(ct);

    public Task WriteUnitAsync(string node, string unit, string text, CancellationToken ct) =>
        File.WriteAllTextAsync(Path.Combine(_nodes[node].Root, "etc/systemd/system", unit), text, ct);

    public Task<string> AskSystemdAsync(string node, string unit, string property, CancellationToken ct) =>
        Task.FromResult(_nodes[node].Host.Properties(unit, "")[property].AsText());

    public Task FloodAsync(string node, string unit, int signals, CancellationToken ct)
    {
        var systemd = _nodes[node].Host;
        for (var sent = 0; sent < signals; sent++)
        {
            lock (systemd.Node.Gate)
            {
                var loaded = systemd.Find(unit) ?? throw new ArgumentException($"{unit} is not loaded on {node}", nameof(unit));
                systemd.Enter(loaded, loaded.ActiveState, loaded.SubState);
            }
        }

        return Task.CompletedTask;
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var node in _nodes.Values)
        {
            node.PowerOff();
        }

        await _blueChi.DisposeAsync();
        await _bus.DisposeAsync();
        Directory.Delete(_root, recursive: true);
    }
}
