using Qm.Fleet.BlueChi.Bus;

namespace Qm.Fleet.BlueChi.Session;

/// <summary>Follows who owns BlueChi's name, and whether the bus is still there to tell.</summary>
internal sealed class OwnerWatch
{
    private readonly Lock _gate = new();
    private TaskCompletionSource _changed = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private bool _heard;

    /// <summary>The owner's unique name; null while there is none.</summary>
    internal string? Current { get; private set; }

    /// <summary>Whether the connection has ended.</summary>
    internal bool IsLost { get; private set; }

    /// <summary>What was asked for at the beginning; a signal that came meanwhile knows better.</summary>
    internal void Known(string? owner)
    {
        lock (_gate)
        {
            Current = _heard ? Current : owner;
        }
    }

    /// <summary>Takes NameOwnerChanged: name, old owner, new owner.</summary>
    internal void Changed(BusSignal signal) => Set(() =>
    {
        if (signal.Body is [_, _, BusValue.Text { Value: var owner }])
        {
            (_heard, Current) = (true, owner.Length > 0 ? owner : null);
        }
    });

    /// <summary>The connection has ended.</summary>
    internal void Lost(string reason) => Set(() => (IsLost, Current) = (true, null));

    /// <summary>Waits until the owner is another than this one, or the connection has ended.</summary>
    internal async Task WaitForChangeAsync(string? owner, CancellationToken ct)
    {
        while (true)
        {
            Task changed;
            lock (_gate)
            {
                if (IsLost || Current != owner)
                {
                    return;
                }

                changed = _changed.Task;
            }

            await changed.WaitAsync(ct);
        }
    }

    private void Set(Action change)
    {
        lock (_gate)
        {
            change();
            _changed.TrySetResult();
            _changed = new(TaskCreationOptions.RunContinuationsAsynchronously);
        }
    }
}
