using Qm.Fleet.BlueChi;
using Qm.Fleet.BlueChi.Jobs;
using Qm.Fleet.BlueChi.Monitors;

namespace Qm.Fleet.Simulation.Models;

/// <content>What the loops never ask for; a run that does fails, and says so.</content>
internal sealed partial class SimulatedBlueChi
{
    string IBlueChi.UniqueName => throw NotAsked();

    Task<IReadOnlyList<NodeInfo>> IBlueChi.ListNodesAsync(CancellationToken ct) => throw NotAsked();

    Task<NodeDetails> IBlueChi.GetNodeAsync(string node, CancellationToken ct) => throw NotAsked();

    Task<SystemStatus> IBlueChi.GetSystemStatusAsync(CancellationToken ct) => throw NotAsked();

    Task<IReadOnlyDictionary<string, IReadOnlyList<UnitInfo>>> IBlueChi.ListUnitsOfAllNodesAsync(CancellationToken ct) => throw NotAsked();

    Task<IReadOnlyDictionary<string, IReadOnlyList<UnitFileInfo>>> IBlueChi.ListUnitFilesOfAllNodesAsync(CancellationToken ct) => throw NotAsked();

    Task<BlueChiLogLevel> IBlueChi.GetLogLevelAsync(CancellationToken ct) => throw NotAsked();

    Task<string> IBlueChi.GetLogTargetAsync(CancellationToken ct) => throw NotAsked();

    Task IBlueChi.SetLogLevelAsync(BlueChiLogLevel level, CancellationToken ct) => throw NotAsked();

    Task<IMonitor> IBlueChi.CreateMonitorAsync(Action<MonitorSignal> handler, CancellationToken ct) => throw NotAsked();

    Task<IAsyncDisposable> IBlueChi.JoinMonitorAsync(uint monitor, Action<MonitorSignal> handler, CancellationToken ct) => throw NotAsked();

    Task IBlueChi.EnableMetricsAsync(CancellationToken ct) => throw NotAsked();

    Task IBlueChi.DisableMetricsAsync(CancellationToken ct) => throw NotAsked();

    Task<IAsyncDisposable> IBlueChi.ListenToMetricsAsync(Action<JobMetrics> handler, CancellationToken ct) => throw NotAsked();

    Task<JobOutcome> IBlueChi.ReloadUnitAsync(string node, string unit, CancellationToken ct) => throw NotAsked();

    Task<IUnitJob> IBlueChi.BeginJobAsync(JobType type, string node, string unit, JobMode mode, CancellationToken ct) => throw NotAsked();

    Task<IReadOnlyList<UnitInfo>> IBlueChi.ListUnitsAsync(string node, CancellationToken ct) => throw NotAsked();

    Task<UnitState> IBlueChi.GetUnitStateAsync(string node, string unit, CancellationToken ct) => throw NotAsked();

    Task<PropertyValue> IBlueChi.GetUnitPropertyAsync(string node, string unit, string systemdInterface, string property, CancellationToken ct) => throw NotAsked();

    Task IBlueChi.FreezeUnitAsync(string node, string unit, CancellationToken ct) => throw NotAsked();

    Task IBlueChi.ThawUnitAsync(string node, string unit, CancellationToken ct) => throw NotAsked();

    Task IBlueChi.KillUnitAsync(string node, string unit, KillWhom whom, int signal, CancellationToken ct) => throw NotAsked();

    Task IBlueChi.ResetFailedAsync(string node, CancellationToken ct) => throw NotAsked();

    Task<uint> IBlueChi.StartTransientUnitAsync(string node, string unit, JobMode mode, IReadOnlyList<UnitProperty> properties, CancellationToken ct) => throw NotAsked();

    Task<IReadOnlyList<UnitFileInfo>> IBlueChi.ListUnitFilesAsync(string node, CancellationToken ct) => throw NotAsked();

    Task<string> IBlueChi.GetUnitFileStateAsync(string node, string unit, CancellationToken ct) => throw NotAsked();

    Task<EnabledUnitFiles> IBlueChi.EnableUnitFilesAsync(string node, IReadOnlyList<string> files, bool runtime, bool force, CancellationToken ct) => throw NotAsked();

    Task<IReadOnlyList<UnitFileChange>> IBlueChi.DisableUnitFilesAsync(string node, IReadOnlyList<string> files, bool runtime, CancellationToken ct) => throw NotAsked();

    Task<string> IBlueChi.GetDefaultTargetAsync(string node, CancellationToken ct) => throw NotAsked();

    Task<IReadOnlyList<UnitFileChange>> IBlueChi.SetDefaultTargetAsync(string node, string target, bool force, CancellationToken ct) => throw NotAsked();

    Task IBlueChi.SetNodeLogLevelAsync(string node, BlueChiLogLevel level, CancellationToken ct) => throw NotAsked();

    private static NotSupportedException NotAsked([System.Runtime.CompilerServices.CallerMemberName] string member = "") =>
        new($"the loops ask BlueChi for {member}, which is not modelled");
}
