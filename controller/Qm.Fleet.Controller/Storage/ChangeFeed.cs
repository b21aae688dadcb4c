using System.Collections.Immutable;

namespace Qm.Fleet.Controller.Storage;

/// <summary>What a change is about.</summary>
internal enum ResourceKind
{
    /// <summary>A node's labels, spec or status.</summary>
    Node = 1,

    /// <summary>A fleet's labels, spec or status.</summary>
    Fleet = 2,

    /// <summary>The event log grew; the name is empty.</summary>
    Event = 3,

    /// <summary>What is wanted changed, so the reconciler shall look; the name is that of the fleet or node.</summary>
    Desired = 4,

    /// <summary>Something that was asked of a unit; the name is its id.</summary>
    Operation = 5,

    /// <summary>Whether a node is one of ours; the name is the node's.</summary>
    Standing = 6,
}

/// <summary>A resource that changed.</summary>
internal readonly record struct ResourceKey(ResourceKind Kind, string Name);

/// <summary>
/// Tells who is interested that resources changed, not what they changed to: a subscriber that is slow finds one key for any number of
/// changes, so what it holds is bounded by the number of resources.
/// </summary>
internal sealed class ChangeFeed
{
    private ImmutableArray<ChangeSubscription> _subscriptions = [];

    /// <summary>Marks a resource as changed for every subscriber of its kind. Never blocks, never throws.</summary>
    public void Publish(ResourceKind kind, string name)
    {
        var key = new ResourceKey(kind, name);
        foreach (var subscription in _subscriptions)
        {
            subscription.Mark(key);
        }
    }

    /// <summary>Begins to collect changes of these kinds; dispose of it to end.</summary>
    public ChangeSubscription Subscribe(params ReadOnlySpan<ResourceKind> kinds)
    {
        var subscription = new ChangeSubscription(this, [.. kinds]);
        ImmutableInterlocked.Update(ref _subscriptions, static (all, added) => all.Add(added), subscription);
        return subscription;
    }

    internal void Remove(ChangeSubscription subscription) =>
        ImmutableInterlocked.Update(ref _subscriptions, static (all, removed) => all.Remove(removed), subscription);
}

/// <summary>One subscriber's changed resources. For one reader at a time.</summary>
internal sealed class ChangeSubscription(ChangeFeed feed, ImmutableHashSet<ResourceKind> kinds) : IDisposable
{
    private readonly Lock _gate = new();
    private HashSet<ResourceKey> _dirty = [];
    private TaskCompletionSource _signal = New();

    /// <summary>Waits until something changed, and takes everything that changed since the last call.</summary>
    /// <returns>Never empty.</returns>
    public async Task<IReadOnlySet<ResourceKey>> WaitAsync(CancellationToken ct)
    {
        await ChangedAsync(ct);
        return Take();
    }

    /// <summary>Waits until something changed, and leaves it to be taken.</summary>
    public async Task ChangedAsync(CancellationToken ct)
    {
        // Awaited as it is, so that the caller goes on where it waited.
        var signal = Signal();
        using var registration = ct.UnsafeRegister(static (state, token) => ((TaskCompletionSource)state!).TrySetCanceled(token), signal);
        try
        {
            await signal.Task;
        }
        catch (OperationCanceledException)
        {
            Renew();
            throw;
        }
    }

    /// <inheritdoc/>
    public void Dispose() => feed.Remove(this);

    internal void Mark(ResourceKey key)
    {
        if (!kinds.Contains(key.Kind))
        {
            return;
        }
        lock (_gate)
        {
            _dirty.Add(key);
            _signal.TrySetResult();
        }
    }

    private TaskCompletionSource Signal()
    {
        lock (_gate)
        {
            return _signal;
        }
    }

    /// <summary>Takes everything that changed since the last call, without waiting; may be empty.</summary>
    public IReadOnlySet<ResourceKey> Take()
    {
        lock (_gate)
        {
            var taken = _dirty;
            _dirty = [];
            // Who waits already waits on.
            _signal = _signal.Task.IsCompleted ? New() : _signal;
            return taken;
        }
    }

    // What was marked since the wait was given up is for the next one.
    private void Renew()
    {
        lock (_gate)
        {
            _signal = New();
            if (_dirty.Count > 0)
            {
                _signal.SetResult();
            }
        }
    }

    private static TaskCompletionSource New() => new(TaskCreationOptions.RunContinuationsAsynchronously);
}
