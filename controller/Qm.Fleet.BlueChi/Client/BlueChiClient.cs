using System.Collections.Frozen;
using System.Collections.Immutable;
using Microsoft.Extensions.Logging;
using Qm.Fleet.BlueChi.Bus;
using Qm.Fleet.BlueChi.Jobs;

namespace Qm.Fleet.BlueChi.Client;

/// <summary>Talks to one owner of <c>org.eclipse.bluechi</c>, by its unique name.</summary>
internal sealed partial class BlueChiClient(
    BusConnection bus, string owner, JobTracker jobs, UnsettledCommands unsettled, IBlueChiObserver observer, BlueChiOptions options, TimeProvider time,
    ILogger logger) : IBlueChi
{
    private readonly UnitTurns _turns = new();
    private volatile FrozenDictionary<string, string> _paths = FrozenDictionary<string, string>.Empty;
    private volatile FrozenDictionary<string, string> _names = FrozenDictionary<string, string>.Empty;

    public string UniqueName => bus.UniqueName;

    /// <summary>Every node that was listed.</summary>
    internal IReadOnlyCollection<string> NodeNames => _paths.Keys;

    /// <summary>Whether a node was listed.</summary>
    internal bool Knows(string node) => _paths.ContainsKey(node);

    /// <summary>The node behind an object path; null when it is none that was listed.</summary>
    internal string? FindNode(string path) => _names.GetValueOrDefault(path);

    /// <summary>A node has been asked to read its unit files again; not null while somebody wants to know.</summary>
    internal Action<string>? Reloaded { get; set; }

    internal async Task<ImmutableArray<BusValue>> CallAsync(
        string path, string @interface, string method, ImmutableArray<BusValue> body, string what, Action<ImmutableArray<BusValue>>? onReply, CancellationToken ct,
        TimeSpan? deadline = null)
    {
        try
        {
            return await bus.CallAsync(owner, path, @interface, method, body, deadline ?? options.CallDeadline, onReply, ct);
        }
        catch (BusException e)
        {
            throw BlueChiErrors.Map(e, what);
        }
    }

    /// <summary>Calls, and makes a record of the reply; a reply of another shape is a <see cref="ProtocolException"/>.</summary>
    internal async Task<T> ReadAsync<T>(
        string path, string @interface, string method, ImmutableArray<BusValue> body, string what, Func<ImmutableArray<BusValue>, T> read, CancellationToken ct,
        TimeSpan? deadline = null)
    {
        var reply = await CallAsync(path, @interface, method, body, what, null, ct, deadline);
        try
        {
            return read(reply);
        }
        catch (BusFormatException e)
        {
            throw new ProtocolException($"{what}: the reply is not of the shape this client knows: {e.Message}", null, e);
        }
    }

    private Task<T> ReadNodeAsync<T>(
        string node, string method, ImmutableArray<BusValue> body, string unit, Func<ImmutableArray<BusValue>, T> read, CancellationToken ct, TimeSpan? deadline = null)
    {
        var what = What(method, node, unit);
        return ReadAsync(PathOf(node, what), Wire.Node, method, body, what, read, ct, deadline);
    }

    private Task<ImmutableArray<BusValue>> CallNodeAsync(
        string node, string method, ImmutableArray<BusValue> body, string unit, CancellationToken ct, Action<ImmutableArray<BusValue>>? onReply = null)
    {
        var what = What(method, node, unit);
        return CallAsync(PathOf(node, what), Wire.Node, method, body, what, onReply, ct);
    }

    private string PathOf(string node, string what) => _paths.TryGetValue(node, out var path)
        ? path
        : throw new UnknownNodeException($"{what}: BlueChi does not know the node; it is missing from AllowedNodeNames");

    private static string What(string method, string node, string unit) => unit.Length == 0 ? $"{method} on {node}" : $"{method} of {unit} on {node}";
}
