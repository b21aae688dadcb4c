using Qm.Fleet.Lab.BlueChi;
using Qm.Fleet.Lab.Nodes;
using Qm.Fleet.Lab.Processes;

namespace Qm.Fleet.BlueChi.Tests.Conformance;

/// <summary>The lab's emulated BlueChi and nodes, on a dbus-daemon of their own.</summary>
internal sealed class EmulatorSite : ISite
{
    private const string AgentUnit = "bluechi-agent.service";
    private readonly string _directory = Directory.CreateTempSubdirectory("qmfleet-site-").FullName;
    private readonly ProcessLauncher _launcher = new();
    private readonly Dictionary<string, EmulatedNode> _nodes = [];
    private Lab.Processes.PrivateBus _bus = null!;
    private EmulatedBlueChi _blueChi = null!;

    public string Name => "emulator";

    public string BusAddress => _bus.Address;

    public TimeSpan AgentTimeout { get; } = TimeSpan.FromSeconds(2);

    public (string First, string Second) Nodes => ("ecu1", "ecu2");

    public string Absent => "ecu-9";

    internal static async Task<ISite> StartAsync(CancellationToken ct)
    {
        var site = new EmulatorSite();
        site._bus = await Lab.Processes.PrivateBus.StartAsync(site._launcher, site._directory, site._directory, TimeProvider.System, ct);
        site._blueChi = await EmulatedBlueChi.StartAsync(site._bus.Address, ["ecu1", "ecu2", site.Absent], TimeProvider.System, ct);
        site._blueChi.Faults.AgentTimeout = site.AgentTimeout;
        foreach (var name in new[] { site.Nodes.First, site.Nodes.Second })
        {
            var node = new EmulatedNode(name, Path.Combine(site._directory, name), site._blueChi, NodeTimings.Fast, TimeProvider.System);
            site._nodes[name] = node;
            foreach (var (unit, text) in SiteUnits.Files)
            {
                await site.WriteUnitAsync(name, unit, text, ct);
            }

            await node.Host.DaemonReloadAsync(ct);
            await node.BootAsync(ct);
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

    public Task StopAgentAsync(string node, CancellationToken ct) => _nodes[node].Host.RunAsync(JobType.Stop, AgentUnit, ct);

    public Task StartAgentAsync(string node, CancellationToken ct) => _nodes[node].Host.RunAsync(JobType.Start, AgentUnit, ct);

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

    public Task StopControllerAsync(bool clean, CancellationToken ct) => _blueChi.StopAsync(clean);

    public Task StartControllerAsync(CancellationToken ct) => _blueChi.StartAgainAsync(ct);

    public Task WriteUnitAsync(string node, string unit, string text, CancellationToken ct) =>
        File.WriteAllTextAsync(Path.Combine(_nodes[node].Root, "etc/systemd/system", unit), text, ct);

    public Task<string> AskSystemdAsync(string node, string unit, string property, CancellationToken ct) => Task.FromResult(
        PropertyValue.From(_nodes[node].Host.Properties(unit, "")[property]) is var value && value.TryGetString(out var text) ? text
        : value.TryGetUInt64(out var number) ? $"{number}"
        : throw new SiteLacksException($"{property} is neither a text nor a number"));

    public Task FloodAsync(string node, string unit, int signals, CancellationToken ct)
    {
        _blueChi.Chatter(node, signals);
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
        _launcher.Dispose();
        Directory.Delete(_directory, recursive: true);
    }
}
