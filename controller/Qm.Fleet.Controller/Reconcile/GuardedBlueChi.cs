using Qm.Fleet.BlueChi;
using Qm.Fleet.BlueChi.Jobs;
using Qm.Fleet.BlueChi.Monitors;
using Qm.Fleet.Core.Reconcile;

namespace Qm.Fleet.Controller.Reconcile;

/// <summary>The only BlueChi that anything in the controller ever sees: whatever would change a unit passes <see cref="UnitGuard"/> first.</summary>
/// <remarks>A refused call is not sent; it fails with <see cref="RefusedException"/>, as if systemd itself had refused.</remarks>
/// <param name="inner">BlueChi.</param>
/// <param name="pass">Who is let at listed units of hosts; null for nobody, which is what everything that decides by itself has.</param>
internal sealed class GuardedBlueChi(IBlueChi inner, HostUnitPass? pass = null) : IBlueChi
{
    public string UniqueName => inner.UniqueName;

    /// <summary>The same BlueChi for somebody who asked for something.</summary>
    public GuardedBlueChi With(HostUnitPass asked) => new(inner, asked);

    public Task<JobOutcome> StartUnitAsync(string node, string unit, CancellationToken ct) => Guard(node, unit, UnitVerb.Start, () => inner.StartUnitAsync(node, unit, ct));

    public Task<JobOutcome> StopUnitAsync(string node, string unit, CancellationToken ct) => Guard(node, unit, UnitVerb.Stop, () => inner.StopUnitAsync(node, unit, ct));

    public Task<JobOutcome> RestartUnitAsync(string node, string unit, CancellationToken ct) => Guard(node, unit, UnitVerb.Restart, () => inner.RestartUnitAsync(node, unit, ct));

    public Task<JobOutcome> ReloadUnitAsync(string node, string unit, CancellationToken ct) => Guard(node, unit, UnitVerb.Reload, () => inner.ReloadUnitAsync(node, unit, ct));

    // What isolates stops every other unit there.
    public Task<IUnitJob> BeginJobAsync(JobType type, string node, string unit, JobMode mode, CancellationToken ct) => Guard(
        node, mode == JobMode.Isolate ? "" : unit, type switch { JobType.Start => UnitVerb.Start, JobType.Stop => UnitVerb.Stop, JobType.Restart => UnitVerb.Restart, _ => UnitVerb.Reload },
        () => inner.BeginJobAsync(type, node, unit, mode, ct));

    public Task SetUnitPropertiesAsync(string node, string unit, bool runtime, IReadOnlyList<UnitProperty> properties, CancellationToken ct) =>
        Guard(node, unit, UnitVerb.SetProperties, () => inner.SetUnitPropertiesAsync(node, unit, runtime, properties, ct));

    public Task FreezeUnitAsync(string node, string unit, CancellationToken ct) => Guard(node, unit, UnitVerb.Freeze, () => inner.FreezeUnitAsync(node, unit, ct));

    public Task ThawUnitAsync(string node, string unit, CancellationToken ct) => Guard(node, unit, UnitVerb.Thaw, () => inner.ThawUnitAsync(node, unit, ct));

    public Task KillUnitAsync(string node, string unit, KillWhom whom, int signal, CancellationToken ct) =>
        Guard(node, unit, UnitVerb.Kill, () => inner.KillUnitAsync(node, unit, whom, signal, ct));

    public Task ResetFailedAsync(string node, CancellationToken ct) => Guard(node, "", UnitVerb.ResetFailed, () => inner.ResetFailedAsync(node, ct));

    public Task ResetFailedUnitAsync(string node, string unit, CancellationToken ct) => Guard(node, unit, UnitVerb.ResetFailed, () => inner.ResetFailedUnitAsync(node, unit, ct));

    public Task<uint> StartTransientUnitAsync(string node, string unit, JobMode mode, IReadOnlyList<UnitProperty> properties, CancellationToken ct) =>
        Guard(node, mode == JobMode.Isolate ? "" : unit, UnitVerb.Start, () => inner.StartTransientUnitAsync(node, unit, mode, properties, ct));

    public Task<EnabledUnitFiles> EnableUnitFilesAsync(string node, IReadOnlyList<string> files, bool runtime, bool force, CancellationToken ct) =>
        Guard(node, string.Join(' ', files), UnitVerb.ChangeFiles, () => inner.EnableUnitFilesAsync(node, files, runtime, force, ct));

    public Task<IReadOnlyList<UnitFileChange>> DisableUnitFilesAsync(string node, IReadOnlyList<string> files, bool runtime, CancellationToken ct) =>
        Guard(node, string.Join(' ', files), UnitVerb.ChangeFiles, () => inner.DisableUnitFilesAsync(node, files, runtime, ct));

    public Task<IReadOnlyList<UnitFileChange>> SetDefaultTargetAsync(string node, string target, bool force, CancellationToken ct) =>
        Guard(node, target, UnitVerb.ChangeFiles, () => inner.SetDefaultTargetAsync(node, target, force, ct));

    // What follows reads, or changes BlueChi's own log and nothing else.
    public Task ReloadAsync(string node, CancellationToken ct) => inner.ReloadAsync(node, ct);

    public Task<IReadOnlyList<NodeInfo>> ListNodesAsync(CancellationToken ct) => inner.ListNodesAsync(ct);

    public Task<NodeDetails> GetNodeAsync(string node, CancellationToken ct) => inner.GetNodeAsync(node, ct);

    public Task<SystemStatus> GetSystemStatusAsync(CancellationToken ct) => inner.GetSystemStatusAsync(ct);

    public Task<IReadOnlyDictionary<string, IReadOnlyList<UnitInfo>>> ListUnitsOfAllNodesAsync(CancellationToken ct) => inner.ListUnitsOfAllNodesAsync(ct);

    public Task<IReadOnlyDictionary<string, IReadOnlyList<UnitFileInfo>>> ListUnitFilesOfAllNodesAsync(CancellationToken ct) => inner.ListUnitFilesOfAllNodesAsync(ct);

    public Task<BlueChiLogLevel> GetLogLevelAsync(CancellationToken ct) => inner.GetLogLevelAsync(ct);

    public Task<string> GetLogTargetAsync(CancellationToken ct) => inner.GetLogTargetAsync(ct);

    public Task SetLogLevelAsync(BlueChiLogLevel level, CancellationToken ct) => inner.SetLogLevelAsync(level, ct);

    public Task<IMonitor> CreateMonitorAsync(Action<MonitorSignal> handler, CancellationToken ct) => inner.CreateMonitorAsync(handler, ct);

    public Task<IAsyncDisposable> JoinMonitorAsync(uint monitor, Action<MonitorSignal> handler, CancellationToken ct) => inner.JoinMonitorAsync(monitor, handler, ct);

    public Task EnableMetricsAsync(CancellationToken ct) => inner.EnableMetricsAsync(ct);

    public Task DisableMetricsAsync(CancellationToken ct) => inner.DisableMetricsAsync(ct);

    public Task<IAsyncDisposable> ListenToMetricsAsync(Action<JobMetrics> handler, CancellationToken ct) => inner.ListenToMetricsAsync(handler, ct);

    public Task<IReadOnlyList<UnitInfo>> ListUnitsAsync(string node, CancellationToken ct) => inner.ListUnitsAsync(node, ct);

    public Task<UnitState> GetUnitStateAsync(string node, string unit, CancellationToken ct) => inner.GetUnitStateAsync(node, unit, ct);

    public Task<IReadOnlyDictionary<string, PropertyValue>> GetUnitPropertiesAsync(string node, string unit, string systemdInterface, CancellationToken ct) =>
        inner.GetUnitPropertiesAsync(node, unit, systemdInterface, ct);

    public Task<PropertyValue> GetUnitPropertyAsync(string node, string unit, string systemdInterface, string property, CancellationToken ct) =>
        inner.GetUnitPropertyAsync(node, unit, systemdInterface, property, ct);

    public Task<IReadOnlyList<UnitFileInfo>> ListUnitFilesAsync(string node, CancellationToken ct) => inner.ListUnitFilesAsync(node, ct);

    public Task<string> GetUnitFileStateAsync(string node, string unit, CancellationToken ct) => inner.GetUnitFileStateAsync(node, unit, ct);

    public Task<string> GetDefaultTargetAsync(string node, CancellationToken ct) => inner.GetDefaultTargetAsync(node, ct);

    public Task SetNodeLogLevelAsync(string node, BlueChiLogLevel level, CancellationToken ct) => inner.SetNodeLogLevelAsync(node, level, ct);

    private Task Guard(string node, string unit, UnitVerb verb, Func<Task> call) => Admit(node, unit, verb) is { } noted ? AfterAsync(noted, call) : call();

    private Task<T> Guard<T>(string node, string unit, UnitVerb verb, Func<Task<T>> call) => Admit(node, unit, verb) is { } noted ? AfterAsync(noted, call) : call();

    // Null where everybody may; else the note of a use, which is on disk before anything is done.
    private Task? Admit(string node, string unit, UnitVerb verb) =>
        UnitGuard.Refusal(node, unit, verb) is not { } refusal ? null
        : pass is not null && pass.IsFor(node, unit) && UnitGuard.Refusal(node, unit, verb, isListed: true) is null ? pass.NoteAsync(node, unit, verb)
        : throw new RefusedException(refusal);

    private static async Task AfterAsync(Task noted, Func<Task> call)
    {
        await noted;
        await call();
    }

    private static async Task<T> AfterAsync<T>(Task noted, Func<Task<T>> call)
    {
        await noted;
        return await call();
    }
}
