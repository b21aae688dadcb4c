namespace Qm.Fleet.Controller.Reconcile;

/// <summary>Says that there is something to look at; many sayings before a look are one.</summary>
internal sealed class Signal
{
    private TaskCompletionSource _raised = New();

    /// <summary>Raises the signal; never blocks.</summary>
    internal void Raise() => Volatile.Read(ref _raised).TrySetResult();

    /// <summary>Waits until the signal is raised, or at most <paramref name="atMost"/>; lowers it.</summary>
    /// <remarks>What was raised before this returns is to be looked at after it: the signal is lowered before the caller looks.</remarks>
    internal async Task WaitAsync(TimeSpan atMost, TimeProvider time, CancellationToken ct)
    {
        // Awaited as it is, so that the caller goes on where it waited.
        var raised = Volatile.Read(ref _raised);
        using var timer = time.CreateTimer(static state => ((TaskCompletionSource)state!).TrySetResult(), raised, atMost, Timeout.InfiniteTimeSpan);
        using var registration = ct.UnsafeRegister(static (state, token) => ((TaskCompletionSource)state!).TrySetCanceled(token), raised);
        try
        {
            await raised.Task;
        }
        finally
        {
            Interlocked.Exchange(ref _raised, New());
        }
    }

    private static TaskCompletionSource New() => new(TaskCreationOptions.RunContinuationsAsynchronously);
}
