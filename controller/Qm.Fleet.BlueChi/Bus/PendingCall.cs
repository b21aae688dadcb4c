using System.Collections.Immutable;
using System.Runtime.InteropServices;

namespace Qm.Fleet.BlueChi.Bus;

/// <summary>A call whose reply has not come; its slot is touched only on the connection's thread.</summary>
/// <param name="onReply">Runs on the connection's thread, in the order of the wire, before anybody who awaits is woken.</param>
internal sealed class PendingCall(Action<ImmutableArray<BusValue>>? onReply)
{
    private readonly TaskCompletionSource<ImmutableArray<BusValue>> _completion = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private nint _slot;
    private GCHandle _handle;

    internal Task<ImmutableArray<BusValue>> Reply => _completion.Task;

    /// <summary>Keeps this alive while sd-bus may call back; the result is its userdata.</summary>
    internal nint Pin()
    {
        _handle = GCHandle.Alloc(this);
        return GCHandle.ToIntPtr(_handle);
    }

    internal void Begun(nint slot) => _slot = slot;

    internal void Complete(ImmutableArray<BusValue> body)
    {
        if (!_completion.Task.IsCompleted)
        {
            onReply?.Invoke(body);
        }

        _completion.TrySetResult(body);
    }

    /// <summary>Ends the wait; the reply, should it still come, is dropped by whoever ends it first.</summary>
    internal bool Fail(Exception reason) => _completion.TrySetException(reason);

    internal bool Cancel(CancellationToken ct) => _completion.TrySetCanceled(ct);

    /// <summary>Lets go of what sd-bus holds; on the connection's thread only.</summary>
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
