using System.Collections.Immutable;
using System.Globalization;
using Qm.Fleet.Core.Reconcile;
using Qm.Fleet.Core.Resources;
using Qm.Fleet.Core.Revisions;

namespace Qm.Fleet.Vm.Tests.Node;

/// <summary>
/// A node's systemd, and the one inside QM, asked exactly what the BlueChi agent asks them for the controller: <c>Reload</c>, <c>StartUnit</c>,
/// <c>StopUnit</c>, <c>RestartUnit</c>, <c>FreezeUnit</c>, <c>ThawUnit</c> and <c>SetUnitProperties</c> of <c>org.freedesktop.systemd1.Manager</c>, and unit properties.
/// </summary>
internal sealed class GuestSystemd(NodeShell shell)
{
    // The first process of QM; its namespaces are those of QM. systemd names the payload's cgroup anew at each start.
    private const string Inside = "nsenter -m -u -i -n -p -t $(cat /sys/fs/cgroup/qm.service/libpod-payload-*/init.scope/cgroup.procs | head -n 1) ";
    private const string Manager = "org.freedesktop.systemd1 /org/freedesktop/systemd1 org.freedesktop.systemd1.Manager";
    private const string Properties = "LoadState,ActiveState,SubState,Result,InvocationID,InactiveExitTimestampMonotonic,OOMScoreAdjust,Job,ManagedOOMSwap,ManagedOOMMemoryPressure,ManagedOOMMemoryPressureLimit,NRestarts,FreezerState,NeedDaemonReload";

    /// <summary>Units by name; none when that systemd cannot be asked, as when QM is just starting.</summary>
    internal async Task<ImmutableSortedDictionary<string, UnitReading>> ReadAsync(bool insideQm, IEnumerable<string> units, CancellationToken ct)
    {
        string[] names = [.. units.Distinct()];
        var shown = await shell.TryAsync($"{Prefix(insideQm)}systemctl show --property={Properties} {string.Join(' ', names)}", ct);
        // In the order asked, with an empty line between two.
        return shown.Status != 0 ? ImmutableSortedDictionary<string, UnitReading>.Empty : names.Zip(shown.Output.Split("\n\n", StringSplitOptions.TrimEntries), (name, block) => (name, block))
            .ToImmutableSortedDictionary(unit => unit.name, unit => Read(unit.block), StringComparer.Ordinal);
    }

    internal Task ReloadAsync(bool insideQm, CancellationToken ct) => shell.RunAsync($"{Prefix(insideQm)}systemctl daemon-reload", ct);

    /// <summary>Runs a job to its end.</summary>
    /// <param name="insideQm">Whether the unit is one of QM's.</param>
    /// <param name="verb"><c>start</c>, <c>stop</c> or <c>restart</c>.</param>
    /// <param name="unit">The unit.</param>
    /// <param name="ct">Ends the wait.</param>
    /// <returns>What systemctl said; empty when the job was done.</returns>
    internal async Task<string> JobAsync(bool insideQm, string verb, string unit, CancellationToken ct)
    {
        var result = await shell.TryAsync($"{Prefix(insideQm)}systemctl {verb} {unit}", ct);
        return result.Status == 0 ? "" : $"{verb} {unit} ended with {result.Status}: {result.Output}";
    }

    /// <summary>What a unit of the host told its journal last.</summary>
    internal Task<string> JournalAsync(string unit, CancellationToken ct) => shell.RunAsync($"journalctl --no-pager -u {unit} | tail -n 40", ct);

    /// <summary>Runs a command inside QM.</summary>
    internal Task<string> InsideAsync(string command, CancellationToken ct) => shell.RunAsync($"{Inside}sh -c '{command}'", ct);

    /// <summary>Sets properties of qm.service while it runs, for this boot.</summary>
    internal Task SetAsync(IReadOnlyCollection<LiveProperty> properties, CancellationToken ct) => shell.RunAsync(
        $"busctl call {Manager} SetUnitProperties 'sba(sv)' {QmNode.Unit} true {properties.Count} {string.Join(' ', properties.Select(Argument))}", ct);

    /// <summary>Freezes or thaws a unit of QM.</summary>
    internal Task FreezeAsync(string unit, bool isToFreeze, CancellationToken ct) =>
        shell.RunAsync($"{Inside}busctl call {Manager} {(isToFreeze ? "FreezeUnit" : "ThawUnit")} s {unit}", ct);

    private static string Prefix(bool insideQm) => insideQm ? Inside : "";

    private static string Argument(LiveProperty property) => property switch
    {
        { CpuMask: { } mask } => $"{property.Name} ay {mask.Length} {string.Join(' ', mask)}",
        { Devices.ByPath: var devices } => $"{property.Name} 'a(st)' {devices.Count} {string.Join(' ', devices.Select(device => $"{device.Key} {device.Value}"))}",
        { Word: { } word } => $"{property.Name} s {word}",
        { Scale: { } scale } => $"{property.Name} u {scale}",
        { Switch: { } isOn } => $"{property.Name} b {(isOn ? "true" : "false")}",
        _ => string.Create(CultureInfo.InvariantCulture, $"{property.Name} t {property.Number}"),
    };

    private static UnitReading Read(string shown)
    {
        var values = shown.Split('\n').Select(line => line.Split('=', 2)).Where(pair => pair.Length == 2).ToDictionary(pair => pair[0], pair => pair[1], StringComparer.Ordinal);
        return new(
            values["LoadState"], values["ActiveState"], values["SubState"], values.GetValueOrDefault("Result", ""), values["InvocationID"],
            long.Parse(values["InactiveExitTimestampMonotonic"], CultureInfo.InvariantCulture),
            values.TryGetValue("OOMScoreAdjust", out var score) ? int.Parse(score, CultureInfo.InvariantCulture) : null,
            values.GetValueOrDefault("Job", "") is { Length: > 0 } job ? uint.Parse(job, CultureInfo.InvariantCulture) : 0)
        {
            NeedsReload = values.GetValueOrDefault("NeedDaemonReload") == "yes",
            Restarts = long.Parse(values.GetValueOrDefault("NRestarts", "0"), CultureInfo.InvariantCulture),
            IsFrozen = values.GetValueOrDefault("FreezerState", "") is "frozen" or "freezing",
            ManagedOom = ManagedOomOf(values),
        };
    }

    // The limit comes as D-Bus has it, a share of 2^32 - 1.
    private static ImmutableSortedDictionary<string, string> ManagedOomOf(Dictionary<string, string> values) => values
        .Where(value => value.Key.StartsWith("ManagedOOM", StringComparison.Ordinal) && value.Value.Length > 0)
        .ToImmutableSortedDictionary(
            value => value.Key,
            value => uint.TryParse(value.Value, NumberStyles.None, CultureInfo.InvariantCulture, out var scale) ? $"{new ResourceValue.Percent(ManagedOom.FromScale(scale))}" : value.Value,
            StringComparer.Ordinal);
}
