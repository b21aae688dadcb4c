namespace Qm.Fleet.Controller.Reconcile;

/// <summary>Says that there is something to look at; many sayings before a look are one.</summary>
internal sealed class Signal
{
    private TaskCompletionSource<bool> _raised = New();

    /// <summary>Raises the signal; never blocks.</summary>
    internal void Raise() => Volatile.Read(ref _raised).TrySetResult(true);

    /// <summary>Waits until the signal is raised, or at most <paramref name="atMost"/>, and no less when it is not; lowers it.</summary>
    /// <remarks>What was raised before this returns is to be looked at after it: the signal is lowered before the caller looks.</remarks>
    internal async Task WaitAsync(TimeSpan atMost, TimeProvider time, CancellationToken ct)
    {
        // Timers go by a clock that is milliseconds coarse, and come early by as much: who looks then finds that nothing is due, and waits once more for longer than was left.
        var begun = time.GetTimestamp();
        var left = atMost;
        while (!await RaisedAsync(left, time, ct) && (left = atMost - time.GetElapsedTime(begun)) > TimeSpan.Zero)
        {
            // A moment is left.
        }
    }

    private async Task<bool> RaisedAsync(TimeSpan within, TimeProvider time, CancellationToken ct)
    {
        // Awaited as it is, so that the caller goes on where it waited.
        var raised = Volatile.Read(ref _raised);
        using var timer = time.CreateTimer(
            static state => ((TaskCompletionSource<bool>)state!).TrySetResult(false), raised, TimeSpan.FromMilliseconds(Math.Ceiling(within.TotalMilliseconds)), Timeout.InfiniteTimeSpan);
        using var registration = ct.UnsafeRegister(static (state, token) => ((TaskCompletionSource<bool>)state!).TrySetCanceled(token), raised);
        try
        {
            return await raised.Task;
        }
        finally
        {
            Interlocked.Exchange(ref _raised, New());
        }
    }

    private static TaskCompletionSource<bool> New() => new(TaskCreationOptions.RunContinuationsAsynchronously);
}
