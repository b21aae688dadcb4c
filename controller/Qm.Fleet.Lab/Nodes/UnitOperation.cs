namespace Qm.Fleet.Lab.Nodes;

/// <summary>What a unit is asked to do; <see cref="AutoRestart"/> is systemd's own.</summary>
internal enum JobType
{
    Start = 1,
    Stop,
    Restart,
    Reload,
    AutoRestart,
}

/// <summary>One operation on a unit, from its acceptance to its result. Changed only under its node's gate.</summary>
internal sealed class UnitOperation(EmulatedUnit unit, JobType type) : IDisposable
{
    private readonly TaskCompletionSource _ended = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly CancellationTokenSource _canceled = new();
    private bool _begun;

    public EmulatedUnit Unit { get; } = unit;

    public JobType Type { get; } = type;

    /// <summary>Called with <c>running</c> or <c>waiting</c>.</summary>
    public Action<string>? StateChanged { get; set; }

    /// <summary>
    /// Called once with systemd's result, such as <c>done</c>. An operation of the same type that folds into this one takes the place of the
    /// earlier listener, who then never hears of it: this is how BlueChi loses merged jobs.
    /// </summary>
    public Action<string>? Finished { get; set; }

    /// <summary>The operation that must end first.</summary>
    public Task Before { get; init; } = Task.CompletedTask;

    /// <summary>Set when another operation or a caller cancels this one.</summary>
    public CancellationToken Canceled => _canceled.Token;

    /// <summary>Ends when nothing of the operation is going on any more.</summary>
    public Task Ended => _ended.Task;

    public bool IsPending => !_ended.Task.IsCompleted;

    /// <summary>True for the first caller only: a merged operation is run by the one who asked first.</summary>
    public bool TryBegin() => !Interlocked.Exchange(ref _begun, true);

    public void Cancel()
    {
        if (IsPending)
        {
            _canceled.Cancel();
        }
    }

    /// <summary>Ends the operation; <paramref name="result"/> goes to <see cref="Finished"/>.</summary>
    public void End(string result)
    {
        Finished?.Invoke(result);
        Dispose();
    }

    public void Dispose()
    {
        _ended.TrySetResult();
        _canceled.Dispose();
    }
}
