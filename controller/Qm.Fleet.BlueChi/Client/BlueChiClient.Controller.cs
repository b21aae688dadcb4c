using System.Collections.Frozen;
using System.Collections.Immutable;
using Qm.Fleet.BlueChi.Bus;
using Qm.Fleet.BlueChi.Monitors;

namespace Qm.Fleet.BlueChi.Client;

/// <content>org.eclipse.bluechi.Controller and .Metrics.</content>
internal sealed partial class BlueChiClient
{
    public async Task<IReadOnlyList<NodeInfo>> ListNodesAsync(CancellationToken ct) => await ListNodesAsync(null, ct);

    /// <summary>Lists the nodes; the list is seen on the connection's thread before any signal that came after it.</summary>
    internal async Task<ImmutableArray<NodeInfo>> ListNodesAsync(Action<ImmutableArray<NodeInfo>>? onReply, CancellationToken ct)
    {
        var nodes = ImmutableArray<NodeInfo>.Empty;
        await CallAsync(Wire.Root, Wire.Controller, "ListNodes", [], "ListNodes", body =>
        {
            var listed = Replies.ToNodes(body);
            nodes = [.. listed.Select(row => row.Node)];
            _paths = listed.DistinctBy(row => row.Node.Name).ToFrozenDictionary(row => row.Node.Name, row => row.Path, StringComparer.Ordinal);
            _names = listed.DistinctBy(row => row.Path).ToFrozenDictionary(row => row.Path, row => row.Node.Name, StringComparer.Ordinal);
            onReply?.Invoke(nodes);
        }, ct);
        return nodes;
    }

    public async Task<NodeDetails> GetNodeAsync(string node, CancellationToken ct)
    {
        var what = $"GetNode({node})";
        var path = await ReadAsync(Wire.Root, Wire.Controller, "GetNode", [node], what, Replies.ToText, ct);
        // One by one: GetAll leaves out when a node was last seen.
        var (status, peerIp) = (GetAsync("Status"), GetAsync("PeerIp"));
        var (seen, seenMonotonic) = (GetAsync("LastSeenTimestamp"), GetAsync("LastSeenTimestampMonotonic"));
        await Task.WhenAll(status, peerIp, seen, seenMonotonic);
        return new(
            node, Wire.ToStatus(Text(await status)), Text(await peerIp),
            Microseconds(await seen) is { } real ? DateTimeOffset.UnixEpoch + real : null, Microseconds(await seenMonotonic));

        Task<PropertyValue> GetAsync(string property) =>
            ReadAsync(path, Wire.Properties, "Get", [Wire.Node, property], what, Replies.ToProperty, ct);
    }

    public async Task<SystemStatus> GetSystemStatusAsync(CancellationToken ct) => Wire.ToSystemStatus(await GetAsync("Status", ct));

    public async Task<BlueChiLogLevel> GetLogLevelAsync(CancellationToken ct) => Wire.ToLogLevel(await GetAsync("LogLevel", ct));

    public Task<string> GetLogTargetAsync(CancellationToken ct) => GetAsync("LogTarget", ct);

    public Task SetLogLevelAsync(BlueChiLogLevel level, CancellationToken ct) =>
        CallAsync(Wire.Root, Wire.Controller, "SetLogLevel", [Wire.ToWord(level)], "SetLogLevel", null, ct);

    public Task<IReadOnlyDictionary<string, IReadOnlyList<UnitInfo>>> ListUnitsOfAllNodesAsync(CancellationToken ct) =>
        ListOfAllNodesAsync("ListUnits", Records.ToUnit, ct);

    public Task<IReadOnlyDictionary<string, IReadOnlyList<UnitFileInfo>>> ListUnitFilesOfAllNodesAsync(CancellationToken ct) =>
        ListOfAllNodesAsync("ListUnitFiles", Records.ToUnitFile, ct);

    public Task<IMonitor> CreateMonitorAsync(Action<MonitorSignal> handler, CancellationToken ct) => CreateMonitorAsync([new()], handler, ct);

    /// <summary>Makes a monitor that tells of properties only that there were some: they come with every state that changes, and are much to read.</summary>
    internal Task<IMonitor> CreateStateMonitorAsync(Action<MonitorSignal> handler, CancellationToken ct) => CreateMonitorAsync(
        [new(Member: "UnitNew"), new(Member: "UnitRemoved"), new(Member: "UnitStateChanged"), new(Member: "UnitPropertiesChanged", Arguments: 2)], handler, ct);

    public Task<IAsyncDisposable> JoinMonitorAsync(uint monitor, Action<MonitorSignal> handler, CancellationToken ct) =>
        ListenToMonitorAsync($"{Wire.Root}/monitor/{monitor}", new(), handler, ct);

    public Task EnableMetricsAsync(CancellationToken ct) => CallAsync(Wire.Root, Wire.Controller, "EnableMetrics", [], "EnableMetrics", null, ct);

    public Task DisableMetricsAsync(CancellationToken ct) => CallAsync(Wire.Root, Wire.Controller, "DisableMetrics", [], "DisableMetrics", null, ct);

    public Task<IAsyncDisposable> ListenToMetricsAsync(Action<JobMetrics> handler, CancellationToken ct) =>
        ListenAsync(new(owner, Wire.Metrics), signal =>
        {
            if (Records.ToMetrics(signal.Member, signal.Body) is { } metrics)
            {
                handler(metrics);
            }
        }, "listen to metrics", ct);

    private async Task<IMonitor> CreateMonitorAsync(BusMatch[] signals, Action<MonitorSignal> handler, CancellationToken ct)
    {
        var path = await ReadAsync(Wire.Root, Wire.Controller, "CreateMonitor", [], "CreateMonitor", Replies.ToText, ct);
        var listening = new List<IAsyncDisposable>();
        foreach (var match in signals)
        {
            listening.Add(await ListenToMonitorAsync(path, match, handler, ct));
        }

        return new Monitors.Monitor(this, path, listening);
    }

    private Task<IAsyncDisposable> ListenToMonitorAsync(string path, BusMatch signals, Action<MonitorSignal> handler, CancellationToken ct) =>
        ListenAsync(signals with { Sender = owner, Interface = Wire.Monitor, Path = path }, signal =>
        {
            if (MonitorSignals.Read(signal.Member, signal.Body) is { } read)
            {
                handler(read);
            }
        }, "listen to a monitor", ct);

    private async Task<IAsyncDisposable> ListenAsync(BusMatch match, Action<BusSignal> handler, string what, CancellationToken ct)
    {
        try
        {
            return await bus.ListenAsync(match, handler, ct: ct);
        }
        catch (BusException e)
        {
            throw BlueChiErrors.Map(e, what);
        }
    }

    private Task<string> GetAsync(string property, CancellationToken ct) =>
        ReadAsync(Wire.Root, Wire.Properties, "Get", [Wire.Controller, property], $"Get({property})", Replies.ToText, ct);

    private Task<IReadOnlyDictionary<string, IReadOnlyList<T>>> ListOfAllNodesAsync<T>(string method, Func<BusValue, T> row, CancellationToken ct) =>
        ReadAsync(Wire.Root, Wire.Controller, method, [], $"{method} of all nodes", body => Replies.ToRowsOfNodes(body, row), ct);

    private static string Text(PropertyValue value) => value.TryGetString(out var text) ? text : "";

    private static TimeSpan? Microseconds(PropertyValue value) => value.TryGetInt64(out var microseconds) && microseconds > 0 ? TimeSpan.FromMicroseconds(microseconds) : null;
}
