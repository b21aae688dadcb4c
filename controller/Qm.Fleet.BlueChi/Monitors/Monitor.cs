using System.Collections.Immutable;
using Qm.Fleet.BlueChi.Bus;
using Qm.Fleet.BlueChi.Client;

namespace Qm.Fleet.BlueChi.Monitors;

/// <summary>A monitor of this connection's own.</summary>
/// <param name="client">The incarnation of BlueChi it belongs to.</param>
/// <param name="path">Its object.</param>
/// <param name="listening">What ends with it.</param>
internal sealed class Monitor(BlueChiClient client, string path, IReadOnlyList<IAsyncDisposable> listening) : IMonitor
{
    private readonly SemaphoreSlim _turn = new(1, 1);
    private readonly List<Interest> _interests = [];
    private readonly List<Subscription> _subscriptions = [];
    private bool _arranged = true;

    public uint Id { get; } = Wire.NumberOf(path);

    public async Task<IAsyncDisposable> SubscribeAsync(string node, IReadOnlyList<string> units, CancellationToken ct)
    {
        if (node != Pattern.All && !client.Knows(node))
        {
            throw new UnknownNodeException($"Subscribe to {node}: BlueChi does not know the node; it is missing from AllowedNodeNames");
        }

        var interest = new Interest(this, [.. units.Select(unit => new Pattern(node, unit))]);
        Change(() => _interests.Add(interest));
        try
        {
            await ArrangeInTurnAsync(ct);
            return interest;
        }
        catch (Exception e) when (e is BlueChiException or OperationCanceledException)
        {
            Change(() => _interests.Remove(interest));
            throw;
        }
    }

    public async Task<uint> AddPeerAsync(string uniqueName, CancellationToken ct) =>
        await client.ReadAsync(path, Wire.Monitor, "AddPeer", [uniqueName], $"AddPeer({uniqueName})", Replies.ToNumber, ct);

    public Task RemovePeerAsync(uint peer, string reason, CancellationToken ct) =>
        client.CallAsync(path, Wire.Monitor, "RemovePeer", [peer, reason], $"RemovePeer({peer})", null, ct);

    public async ValueTask DisposeAsync()
    {
        try
        {
            await client.CallAsync(path, Wire.Monitor, "Close", [], "Close of a monitor", null, CancellationToken.None);
        }
        catch (BlueChiException)
        {
            // It went with its BlueChi, or will go with this connection.
        }

        foreach (var match in listening)
        {
            await match.DisposeAsync();
        }

        _turn.Dispose();
    }

    private async Task EndAsync(Interest interest)
    {
        Change(() => _interests.Remove(interest));
        try
        {
            await ArrangeInTurnAsync(CancellationToken.None);
        }
        catch (ConnectionLostException)
        {
            // Its BlueChi is gone, and the subscription with it.
        }
    }

    private void Change(Action change)
    {
        lock (_interests)
        {
            change();
            _arranged = false;
        }
    }

    // Whose turn it is arranges for all who wait: many at once are planned once.
    private async Task ArrangeInTurnAsync(CancellationToken ct)
    {
        await _turn.WaitAsync(ct);
        try
        {
            Pattern[] interests;
            lock (_interests)
            {
                if (_arranged)
                {
                    return;
                }

                _arranged = true;
                interests = [.. _interests.SelectMany(interest => interest.Patterns)];
            }

            await ArrangeAsync(interests, ct);
        }
        catch (Exception e) when (e is BlueChiException or OperationCanceledException)
        {
            lock (_interests)
            {
                _arranged = false;
            }

            throw;
        }
        finally
        {
            _turn.Release();
        }
    }

    // What is new is subscribed before what is old is given up, so that nothing is missed; for that moment something may be told twice.
    private async Task ArrangeAsync(Pattern[] interests, CancellationToken ct)
    {
        var wanted = SubscriptionPlan.Disjoint(interests, client.NodeNames);
        var old = _subscriptions.Where(subscription => !subscription.Patterns.IsSubsetOf(wanted)).ToArray();
        var missing = wanted.Except(_subscriptions.Except(old).SelectMany(subscription => subscription.Patterns));
        foreach (var group in missing.GroupBy(pattern => pattern.Node))
        {
            _subscriptions.Add(new(await SubscribeAsync(group.Key, [.. group.Select(pattern => pattern.Unit).Order(StringComparer.Ordinal)], ct), [.. group]));
        }

        foreach (var subscription in old)
        {
            await client.CallAsync(path, Wire.Monitor, "Unsubscribe", [subscription.Id], $"Unsubscribe({subscription.Id})", null, ct);
            _subscriptions.Remove(subscription);
        }
    }

    private Task<uint> SubscribeAsync(string node, string[] units, CancellationToken ct) => units is [var unit]
        ? client.ReadAsync(path, Wire.Monitor, "Subscribe", [node, unit], $"Subscribe to {unit} on {node}", Replies.ToNumber, ct)
        : client.ReadAsync(path, Wire.Monitor, "SubscribeList", [node, BusValue.Strings(units)], $"SubscribeList of {units.Length} units on {node}", Replies.ToNumber, ct);

    private sealed record Subscription(uint Id, ImmutableHashSet<Pattern> Patterns);

    private sealed class Interest(Monitor monitor, ImmutableArray<Pattern> patterns) : IAsyncDisposable
    {
        internal ImmutableArray<Pattern> Patterns => patterns;

        public async ValueTask DisposeAsync() => await monitor.EndAsync(this);
    }
}
