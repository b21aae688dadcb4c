using System.Collections.Concurrent;
using System.Collections.Immutable;
using Qm.Fleet.BlueChi.Bus;

namespace Qm.Fleet.BlueChi;

/// <summary>Talks to one owner of <c>org.eclipse.bluechi</c>, by its unique name.</summary>
internal sealed class BlueChiClient(BusConnection bus, string owner, JobTracker jobs, BlueChiOptions options, TimeProvider time) : IBlueChi
{
    private readonly ConcurrentDictionary<string, string> _paths = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<(string Node, string Unit), SemaphoreSlim> _turns = new();

    public async Task<IReadOnlyList<NodeInfo>> ListNodesAsync(CancellationToken ct) => await ListNodesAsync(null, ct);

    /// <summary>Lists the nodes; the list is seen on the connection's thread before any signal that came after it.</summary>
    internal async Task<ImmutableArray<NodeInfo>> ListNodesAsync(Action<ImmutableArray<NodeInfo>>? onReply, CancellationToken ct)
    {
        var nodes = ImmutableArray<NodeInfo>.Empty;
        await CallAsync(Wire.Root, Wire.Controller, "ListNodes", [], "ListNodes", body =>
        {
            foreach (var fields in body[0].AsItems().Select(node => node.AsItems()))
            {
                _paths[fields[0].AsText()] = fields[1].AsText();
                nodes = nodes.Add(new(fields[0].AsText(), Wire.ToStatus(fields[2].AsText()), fields[3].AsText()));
            }

            onReply?.Invoke(nodes);
        }, ct);
        return nodes;
    }

    /// <summary>The node behind an object path; null when it is none that was listed.</summary>
    internal string? FindNode(string path) => _paths.FirstOrDefault(pair => pair.Value == path).Key;

    public async Task<IReadOnlyList<UnitInfo>> ListUnitsAsync(string node, CancellationToken ct)
    {
        var body = await CallNodeAsync(node, "ListUnits", [], "", ct);
        return [.. body[0].AsItems().Select(unit => unit.AsItems()).Select(unit =>
            new UnitInfo(unit[0].AsText(), unit[1].AsText(), unit[2].AsText(), unit[3].AsText(), unit[4].AsText()))];
    }

    public async Task<IReadOnlyDictionary<string, PropertyValue>> GetUnitPropertiesAsync(string node, string unit, string systemdInterface, CancellationToken ct)
    {
        var body = await CallNodeAsync(node, "GetUnitProperties", [unit, systemdInterface], unit, ct);
        var properties = new Dictionary<string, PropertyValue>(StringComparer.Ordinal);
        foreach (var (name, value) in body[0].AsEntries())
        {
            properties[name.AsText()] = PropertyValue.From(value);
        }

        return properties;
    }

    public Task<JobOutcome> StartUnitAsync(string node, string unit, CancellationToken ct) => RunJobAsync(node, unit, "StartUnit", ct);

    public Task<JobOutcome> StopUnitAsync(string node, string unit, CancellationToken ct) => RunJobAsync(node, unit, "StopUnit", ct);

    public Task<JobOutcome> RestartUnitAsync(string node, string unit, CancellationToken ct) => RunJobAsync(node, unit, "RestartUnit", ct);

    public Task ReloadAsync(string node, CancellationToken ct) => CallNodeAsync(node, "Reload", [], "", ct);

    public async Task SetUnitPropertiesAsync(string node, string unit, bool runtime, IReadOnlyList<UnitProperty> properties, CancellationToken ct)
    {
        using var turn = await TakeTurnAsync(node, unit, ct);
        var state = (await CallNodeAsync(node, "GetUnitProperty", [unit, Wire.SystemdUnit, "LoadState"], unit, ct))[0].AsText();
        if (state == "not-found")
        {
            throw new UnknownUnitException($"SetUnitProperties of {unit} on {node}: systemd does not know the unit");
        }

        var values = new BusValue.Array("(sv)", [.. properties.Select(property =>
            new BusValue.Struct([property.Name, new BusValue.Variant(property.Value.Value)]))]);
        await CallNodeAsync(node, "SetUnitProperties", [unit, runtime, values], unit, ct);
    }

    private async Task<JobOutcome> RunJobAsync(string node, string unit, string method, CancellationToken ct)
    {
        using var turn = await TakeTurnAsync(node, unit, ct);
        Task<JobOutcome>? end = null;
        var path = "";
        try
        {
            await CallNodeAsync(node, method, [unit, "replace"], unit, ct, body =>
            {
                path = body[0].AsText();
                end = jobs.Await(path, node, unit);
            });
        }
        catch (BlueChiException e) when (e is RefusedException or UnknownUnitException)
        {
            return new(JobResult.Refused, e.Message, e.ErrorName);
        }
        catch (BlueChiException e) when (e is OutcomeUnknownException or ConnectionLostException)
        {
            return new(JobResult.Unknown, e.Message, e.ErrorName);
        }

        try
        {
            return await end!.WaitAsync(options.JobDeadline, time, ct);
        }
        catch (TimeoutException)
        {
            return new(JobResult.Unknown, $"{method} of {unit} on {node}: no end of the job within {options.JobDeadline.TotalSeconds:0} s");
        }
        finally
        {
            jobs.Forget(path, node, unit);
        }
    }

    private Task<ImmutableArray<BusValue>> CallNodeAsync(
        string node, string method, ImmutableArray<BusValue> body, string unit, CancellationToken ct, Action<ImmutableArray<BusValue>>? onReply = null)
    {
        var what = unit.Length == 0 ? $"{method} on {node}" : $"{method} of {unit} on {node}";
        return _paths.TryGetValue(node, out var path)
            ? CallAsync(path, Wire.Node, method, body, what, onReply, ct)
            : throw new UnknownNodeException($"{what}: BlueChi does not know the node; it is missing from AllowedNodeNames");
    }

    internal async Task<ImmutableArray<BusValue>> CallAsync(
        string path, string @interface, string method, ImmutableArray<BusValue> body, string what, Action<ImmutableArray<BusValue>>? onReply, CancellationToken ct)
    {
        try
        {
            return await bus.CallAsync(owner, path, @interface, method, body, options.CallDeadline, onReply, ct);
        }
        catch (BusException e)
        {
            throw BlueChiErrors.Map(e, what);
        }
    }

    // Two jobs on one unit can become one in systemd, and then only the newer is heard to end.
    private async Task<Turn> TakeTurnAsync(string node, string unit, CancellationToken ct)
    {
        var turn = _turns.GetOrAdd((node, unit), _ => new(1, 1));
        await turn.WaitAsync(ct);
        return new(turn);
    }

    private readonly struct Turn(SemaphoreSlim semaphore) : IDisposable
    {
        public void Dispose() => semaphore.Release();
    }
}
