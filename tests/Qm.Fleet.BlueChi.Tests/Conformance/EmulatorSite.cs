using Qm.Fleet.Lab.BlueChi;
using Qm.Fleet.Lab.Processes;

namespace Qm.Fleet.BlueChi.Tests.Conformance;

/// <summary>The lab's emulated BlueChi and nodes, on a dbus-daemon of their own.</summary>
internal sealed class EmulatorSite : ISite
{
    private readonly string _directory = Directory.CreateTempSubdirectory("qmfleet-site-").FullName;
    private readonly ProcessLauncher _launcher = new();
    private LabNodes _nodes = null!;
    private Lab.Processes.PrivateBus _bus = null!;
    private EmulatedBlueChi _blueChi = null!;

    public string Name => "emulator";

    public string BusAddress => _bus.Address;

    public TimeSpan AgentTimeout { get; } = TimeSpan.FromSeconds(2);

    public (string First, string Second) Nodes => LabNodes.Names;

    public string Absent => LabNodes.Absent;

    internal static async Task<ISite> StartAsync(CancellationToken ct)
    {
        var site = new EmulatorSite();
        site._bus = await Lab.Processes.PrivateBus.StartAsync(site._launcher, site._directory, site._directory, TimeProvider.System, ct);
        site._blueChi = await EmulatedBlueChi.StartAsync(site._bus.Address, [site.Nodes.First, site.Nodes.Second, site.Absent], TimeProvider.System, ct);
        site._blueChi.Faults.AgentTimeout = site.AgentTimeout;
        site._nodes = await LabNodes.BootAsync(site._directory, site._blueChi, ct);
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

    public Task StopAgentAsync(string node, CancellationToken ct) => _nodes.StopAgentAsync(node, ct);

    public Task StartAgentAsync(string node, CancellationToken ct) => _nodes.StartAgentAsync(node, ct);

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

    public Task WriteUnitAsync(string node, string unit, string text, CancellationToken ct) => _nodes.WriteUnitAsync(node, unit, text, ct);

    public Task<string> AskSystemdAsync(string node, string unit, string property, CancellationToken ct) =>
        Task.FromResult(_nodes.AskSystemd(node, unit, property));

    public Task FloodAsync(string node, string unit, int signals, CancellationToken ct)
    {
        _blueChi.Chatter(node, signals);
        return Task.CompletedTask;
    }

    public async ValueTask DisposeAsync()
    {
        _nodes.Dispose();
        await _blueChi.DisposeAsync();
        await _bus.DisposeAsync();
        _launcher.Dispose();
        Directory.Delete(_directory, recursive: true);
    }
}
