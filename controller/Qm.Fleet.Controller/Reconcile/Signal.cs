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
        try
        {
            await Volatile.Read(ref _raised).Task.WaitAsync(atMost, time, ct);
            Interlocked.Exchange(ref _raised, New());
        }
        catch (TimeoutException)
        {
            // The caller looks anyway.
        }
    }

    private static TaskCompletionSource New() => new(TaskCreationOptions.RunContinuationsAsynchronously);
}
