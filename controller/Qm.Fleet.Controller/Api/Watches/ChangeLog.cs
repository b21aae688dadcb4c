using System.Collections.Immutable;
using Google.Protobuf;

namespace Qm.Fleet.Controller.Api.Watches;

/// <summary>The last changes of one kind of resource, in order, for any number of readers, each at its own place.</summary>
/// <remarks>
/// Bounded in changes and in bytes: what is beyond is forgotten, the oldest first, and who had not read it has fallen behind. One appends, and never waits for a reader.
/// </remarks>
/// <param name="epoch">Names this log among those of other runs of the controller.</param>
/// <param name="uidOf">A resource's uid: another one under the same name is another resource.</param>
/// <param name="limits">How much is kept.</param>
internal sealed class ChangeLog<T>(string epoch, Func<T, string> uidOf, WatchLimits limits)
    where T : class, IMessage<T>
{
    private readonly Lock _gate = new();
    private readonly Queue<int> _sizes = new();
    private readonly ResourceChange<T>?[] _ring = new ResourceChange<T>?[limits.Changes];
    private WatchView<T> _view = new(0, 0, ImmutableSortedDictionary.Create<string, T>(StringComparer.Ordinal));
    private long _first = 1;
    private long _bytes;
    private TaskCompletionSource _grown = New();

    /// <summary>Names this log among those of other runs of the controller.</summary>
    public string Epoch { get; } = epoch;

    /// <summary>Everything there is, and up to which change.</summary>
    public WatchView<T> View
    {
        get
        {
            lock (_gate)
            {
                return _view;
            }
        }
    }

    /// <summary>Bytes on the wire of what the kept changes were and are.</summary>
    public long Bytes
    {
        get
        {
            lock (_gate)
            {
                return _bytes;
            }
        }
    }

    /// <summary>How many changes are kept.</summary>
    public int Count
    {
        get
        {
            lock (_gate)
            {
                return _sizes.Count;
            }
        }
    }

    /// <summary>Notes what differs from what was noted last; what does not is no change.</summary>
    /// <param name="lastEvent">The event log's number up to which everything is noted then.</param>
    /// <param name="read">Resources as they are now, null for one that there is not, each once.</param>
    public void Append(long lastEvent, IEnumerable<KeyValuePair<string, T?>> read)
    {
        var before = View;
        var changes = new List<(string Name, T? Before, T? After)>();
        foreach (var (name, now) in read)
        {
            var was = before.Resources.GetValueOrDefault(name);
            if (was is not null && now is not null && uidOf(was) != uidOf(now))
            {
                changes.Add((name, was, null));
                was = null;
            }

            if (!Equals(was, now))
            {
                changes.Add((name, was, now));
            }
        }

        Append(before, changes, Math.Max(before.Event, lastEvent));
    }

    /// <summary>Ends it: whoever waits or reads on gets the failure.</summary>
    public void Fail(Exception failure)
    {
        lock (_gate)
        {
            _grown.TrySetException(failure);
            // Nobody may be waiting, and that is in order.
            _ = _grown.Task.Exception;
        }
    }

    /// <summary>The change after a position; null when there is none yet.</summary>
    /// <param name="after">The position.</param>
    /// <param name="isKept">Whether every change after the position is kept still.</param>
    public ResourceChange<T>? Next(long after, out bool isKept)
    {
        lock (_gate)
        {
            isKept = after + 1 >= _first;
            return isKept && after < _view.Position ? _ring[(after + 1) % _ring.Length] : null;
        }
    }

    /// <summary>Whether what comes after a position is among the oldest quarter of a log that forgets: a reader there is about to fall behind.</summary>
    public bool IsLate(long after)
    {
        lock (_gate)
        {
            return _first > 1 && after + 1 < _first + (_sizes.Count / 4);
        }
    }

    /// <summary>Completes when there is a change after a position.</summary>
    public Task GrownAsync(long after)
    {
        lock (_gate)
        {
            return after < _view.Position ? Task.CompletedTask : _grown.Task;
        }
    }

    // Only the last of what was read together says that everything up to that event was told.
    private void Append(WatchView<T> before, List<(string Name, T? Before, T? After)> changes, long lastEvent)
    {
        var resources = before.Resources.ToBuilder();
        var sizes = changes.ConvertAll(static change => (change.Before?.CalculateSize() ?? 0) + (change.After?.CalculateSize() ?? 0));
        foreach (var (name, _, after) in changes)
        {
            if (after is null)
            {
                resources.Remove(name);
            }
            else
            {
                resources[name] = after;
            }
        }

        TaskCompletionSource? grown = null;
        lock (_gate)
        {
            for (var at = 0; at < changes.Count; at++)
            {
                var position = before.Position + at + 1;
                var (name, was, now) = changes[at];
                _ring[position % _ring.Length] = new(position, at == changes.Count - 1 ? lastEvent : before.Event, name, was, now);
                _sizes.Enqueue(sizes[at]);
                _bytes += sizes[at];
                Forget(position);
            }

            _view = new(before.Position + changes.Count, lastEvent, resources.ToImmutable());
            if (changes.Count > 0 && !_grown.Task.IsCompleted)
            {
                (grown, _grown) = (_grown, New());
            }
        }

        grown?.SetResult();
    }

    // The newest change is kept, however large it is.
    private void Forget(long newest)
    {
        while (_first < newest && (_sizes.Count > _ring.Length || _bytes > limits.Bytes))
        {
            _bytes -= _sizes.Dequeue();
            if (newest - _first < _ring.Length)
            {
                _ring[_first % _ring.Length] = null;
            }

            _first++;
        }
    }

    private static TaskCompletionSource New() => new(TaskCreationOptions.RunContinuationsAsynchronously);
}

/// <summary>How much a log of changes keeps.</summary>
/// <param name="Changes">At most so many changes.</param>
/// <param name="Bytes">At most so many bytes, as the resources have on the wire; what is shared is counted each time, so it is less in memory.</param>
internal sealed record WatchLimits(int Changes, long Bytes)
{
    /// <summary>10,000 changes, 32 MiB.</summary>
    public static WatchLimits Usual { get; } = new(10_000, 32L << 20);
}
