using System.Collections.Immutable;
using System.Runtime.InteropServices;

namespace Qm.Fleet.BlueChi.Bus;

/// <summary>A call whose reply has not come; its slot is touched only by who holds the connection's gate.</summary>
/// <param name="connection">Whose call it is.</param>
/// <param name="onReply">Runs on the connection's thread, in the order of the wire, before anybody who awaits is woken.</param>
internal sealed class PendingCall(BusConnection connection, Action<ImmutableArray<BusValue>>? onReply)
{
    private readonly TaskCompletionSource<ImmutableArray<BusValue>> _completion = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private ImmutableArray<BusValue> _body;
    private nint _slot;
    private GCHandle _handle;

    internal BusConnection Connection => connection;

    internal Task<ImmutableArray<BusValue>> Reply => _completion.Task;

    /// <summary>Keeps this alive while sd-bus may call back; the result is its userdata.</summary>
    internal nint Pin()
    {
        _handle = GCHandle.Alloc(this);
        return GCHandle.ToIntPtr(_handle);
    }

    internal void Begun(nint slot) => _slot = slot;

    /// <summary>Takes the reply; whoever awaits it is woken by <see cref="Wake"/>.</summary>
    internal void Complete(ImmutableArray<BusValue> body)
    {
        _body = body;
        if (!_completion.Task.IsCompleted)
        {
            onReply?.Invoke(body);
        }
    }

    /// <summary>Wakes whoever awaits the reply that was taken.</summary>
    internal void Wake() => _completion.TrySetResult(_body);

    /// <summary>Ends the wait; the reply, should it still come, is dropped by whoever ends it first.</summary>
    internal bool Fail(Exception reason) => _completion.TrySetException(reason);

    internal bool Cancel(CancellationToken ct) => _completion.TrySetCanceled(ct);

    /// <summary>Lets go of what sd-bus holds; only by who holds the connection's gate.</summary>
    internal void Release()
    {
        if (_slot != 0)
        {
            SdBus.SlotUnref(_slot);
            _slot = 0;
        }

        if (_handle.IsAllocated)
        {
            _handle.Free();
        }
    }
}
