using System.Collections.Immutable;
using Qm.Fleet.BlueChi.Bus;
using Qm.Fleet.BlueChi.Jobs;

namespace Qm.Fleet.BlueChi.Client;

/// <content>Units of one node, but for jobs.</content>
internal sealed partial class BlueChiClient
{
    public Task<IReadOnlyList<UnitInfo>> ListUnitsAsync(string node, CancellationToken ct) =>
        ReadNodeAsync(node, "ListUnits", [], "", Replies.ToUnits, ct);

    public async Task<UnitState> GetUnitStateAsync(string node, string unit, CancellationToken ct) =>
        UnitState.From(await GetUnitPropertiesAsync(node, unit, "", ct));

    public Task<IReadOnlyDictionary<string, PropertyValue>> GetUnitPropertiesAsync(string node, string unit, string systemdInterface, CancellationToken ct) =>
        ReadPropertiesAsync(node, unit, systemdInterface, options.CallDeadline, ct);

    public Task<PropertyValue> GetUnitPropertyAsync(string node, string unit, string systemdInterface, string property, CancellationToken ct) =>
        ReadNodeAsync(node, "GetUnitProperty", [unit, systemdInterface, property], unit, Replies.ToProperty, ct);

    public async Task SetUnitPropertiesAsync(string node, string unit, bool runtime, IReadOnlyList<UnitProperty> properties, CancellationToken ct)
    {
        using var turn = await _turns.TakeAsync(node, unit, ct);
        if (!(await GetUnitPropertyAsync(node, unit, Wire.SystemdUnit, "LoadState", ct)).TryGetString(out var state) || state == "not-found")
        {
            throw new UnknownUnitException($"SetUnitProperties of {unit} on {node}: systemd does not know the unit");
        }

        await CallNodeAsync(node, "SetUnitProperties", [unit, runtime, ToArray(properties)], unit, ct);
    }

    public Task FreezeUnitAsync(string node, string unit, CancellationToken ct) => InTurnAsync(node, unit, "FreezeUnit", [unit], ct);

    public Task ThawUnitAsync(string node, string unit, CancellationToken ct) => InTurnAsync(node, unit, "ThawUnit", [unit], ct);

    public Task KillUnitAsync(string node, string unit, KillWhom whom, int signal, CancellationToken ct) =>
        InTurnAsync(node, unit, "KillUnit", [unit, whom.ToString().ToLowerInvariant(), signal], ct);

    public Task ResetFailedAsync(string node, CancellationToken ct) => CallNodeAsync(node, "ResetFailed", [], "", ct);

    public Task ResetFailedUnitAsync(string node, string unit, CancellationToken ct) => InTurnAsync(node, unit, "ResetFailedUnit", [unit], ct);

    public async Task<uint> StartTransientUnitAsync(string node, string unit, JobMode mode, IReadOnlyList<UnitProperty> properties, CancellationToken ct)
    {
        using var turn = await _turns.TakeAsync(node, unit, ct);
        return await ReadNodeAsync(node, "StartTransientUnit", [unit, Wire.ToWord(mode), ToArray(properties), new BusValue.Array("(sa(sv))", [])], unit,
            Replies.ToSystemdJob, ct);
    }

    // Every invocation that is read, whoever asked, may be that of a command which was given up.
    private async Task<IReadOnlyDictionary<string, PropertyValue>> ReadPropertiesAsync(
        string node, string unit, string systemdInterface, TimeSpan deadline, CancellationToken ct)
    {
        var properties = await ReadNodeAsync(node, "GetUnitProperties", [unit, systemdInterface], unit, Replies.ToProperties, ct, deadline);
        if (unsettled.Seen(node, unit, UnitState.From(properties).InvocationId) is { } late)
        {
            Log.LateExecution(logger, late.Type, unit, node, late.AskedAt);
            observer.LateExecution(late);
        }

        return properties;
    }

    private async Task InTurnAsync(string node, string unit, string method, ImmutableArray<BusValue> body, CancellationToken ct)
    {
        using var turn = await _turns.TakeAsync(node, unit, ct);
        await CallNodeAsync(node, method, body, unit, ct);
    }

    private static BusValue.Array ToArray(IReadOnlyList<UnitProperty> properties) =>
        new("(sv)", [.. properties.Select(property => new BusValue.Struct([property.Name, new BusValue.Variant(property.Value.Value)]))]);
}
