using System.Globalization;

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
    private static uint _lastJob;
    private readonly TaskCompletionSource _ended = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly CancellationTokenSource _canceled = new();
    private bool _begun;

    public EmulatedUnit Unit { get; } = unit;

    public JobType Type { get; } = type;

    /// <summary>systemd's number of the job; 0 once it has ended, or was cancelled while the unit goes on.</summary>
    public uint JobId { get; private set; } = Interlocked.Increment(ref _lastJob);

    /// <summary>systemd's object of the job; the root when there is none.</summary>
    public string JobPath => JobId == 0 ? "/" : string.Create(CultureInfo.InvariantCulture, $"/org/freedesktop/systemd1/job/{JobId}");

    /// <summary>systemd's word for the job.</summary>
    public string JobWord => Type == JobType.AutoRestart ? "restart" : Type.ToString().ToLowerInvariant();

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

    /// <summary>Another job of the same type folds into this one; whoever asked before is never told the end.</summary>
    public void Join(Action<string>? stateChanged, Action<string>? finished)
    {
        (StateChanged, Finished) = (stateChanged, finished);
        JobId = JobId == 0 ? Interlocked.Increment(ref _lastJob) : JobId;
    }

    /// <summary>
    /// Cancels the job and not what it set going: a unit on its way goes on, and whoever asked is told <c>canceled</c>. One that has not begun never does.
    /// </summary>
    public void CancelJob()
    {
        if (!IsPending)
        {
            return;
        }

        var finished = Finished;
        (StateChanged, Finished, JobId) = (null, null, 0);
        finished?.Invoke("canceled");
        if (!Before.IsCompleted)
        {
            Cancel();
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
        JobId = 0;
        _ended.TrySetResult();
        _canceled.Dispose();
    }
}
