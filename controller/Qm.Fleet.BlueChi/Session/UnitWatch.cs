using System.Collections.Concurrent;
using System.Threading.Channels;
using Qm.Fleet.BlueChi.Client;
using Qm.Fleet.BlueChi.Monitors;

namespace Qm.Fleet.BlueChi.Session;

/// <summary>Listens to all units of every node, node by node, so that one that tells too much can be left out.</summary>
internal sealed class UnitWatch(BlueChiClient client, BlueChiOptions options, TimeProvider time)
{
    // More nodes than BlueChi was ever seen to serve.
    private const int MostPauses = 4096;

    // A look is a handful of calls, and those of a thousand nodes at one moment would be in the way of whatever else is asked.
    private const int Portions = 240;

    private readonly ConcurrentDictionary<string, IAsyncDisposable> _subscriptions = new(StringComparer.Ordinal);

    // At most one entry for each node: it is not listened to until its entry is dealt with.
    private readonly Channel<string> _loud = Channel.CreateUnbounded<string>();
    private IMonitor _monitor = null!;

    /// <summary>A node sends too much; on the connection's thread.</summary>
    internal void Flooded(string node) => _loud.Writer.TryWrite(node);

    /// <summary>Subscribes to everything.</summary>
    internal async Task BeginAsync(SignalRelay relay, CancellationToken ct)
    {
        _monitor = await client.CreateStateMonitorAsync(relay.MonitorSignal, ct);
        await Task.WhenAll(client.NodeNames.Select(async node => _subscriptions[node] = await _monitor.SubscribeAsync(node, [Pattern.All], ct)));
    }

    /// <summary>Has everything looked at now and then, a few nodes at a time, and leaves out who is too loud, until cancelled.</summary>
    /// <exception cref="BlueChiException">BlueChi no longer does as it should.</exception>
    internal async Task RunAsync(SignalRelay relay, IBlueChiObserver observer, CancellationToken ct)
    {
        using var end = CancellationTokenSource.CreateLinkedTokenSource(ct);
        Task[] tasks =
        [
            NetAsync(relay, end.Token),
            Parallel.ForEachAsync(
                _loud.Reader.ReadAllAsync(end.Token), new ParallelOptions { MaxDegreeOfParallelism = MostPauses, CancellationToken = end.Token },
                (node, token) => PauseAsync(node, relay, observer, token)),
        ];
        try
        {
            await await Task.WhenAny(tasks);
        }
        finally
        {
            await end.CancelAsync();
            await Task.WhenAll(tasks).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private async Task NetAsync(SignalRelay relay, CancellationToken ct)
    {
        while (true)
        {
            var nodes = relay.Connected();
            var portions = nodes.Chunk(Math.Max(1, (nodes.Length + Portions - 1) / Portions)).DefaultIfEmpty([]).ToArray();
            foreach (var portion in portions)
            {
                await Task.Delay(options.ResyncInterval / portions.Length, time, ct);
                foreach (var node in portion)
                {
                    relay.LookAt(node);
                }
            }

            await client.ListNodesAsync(relay.Listed, ct);
        }
    }

    private async ValueTask PauseAsync(string node, SignalRelay relay, IBlueChiObserver observer, CancellationToken ct)
    {
        observer.NodeFloods(node, options.FloodLimit, calm: false);
        if (_subscriptions.TryRemove(node, out var subscription))
        {
            await subscription.DisposeAsync();
        }

        for (var left = options.FloodPause; left > TimeSpan.Zero; left -= options.FloodResync)
        {
            relay.LookAt(node);
            await Task.Delay(options.FloodResync, time, ct);
        }

        relay.Unmute(node);
        _subscriptions[node] = await _monitor.SubscribeAsync(node, [Pattern.All], ct);
        observer.NodeFloods(node, options.FloodLimit, calm: true);
        relay.LookAt(node);
    }
}
