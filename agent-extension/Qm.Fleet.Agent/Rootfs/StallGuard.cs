namespace Qm.Fleet.Agent.Rootfs;

/// <summary>A deadline that begins anew with every sign of life.</summary>
internal sealed class StallGuard : IAsyncDisposable
{
    private readonly CancellationTokenSource _fired = new();
    private readonly TimeSpan _limit;
    private readonly ITimer _timer;

    public StallGuard(TimeSpan limit, TimeProvider time)
    {
        _limit = limit;
        _timer = time.CreateTimer(static fired => ((CancellationTokenSource)fired!).Cancel(), _fired, limit, Timeout.InfiniteTimeSpan);
    }

    /// <summary>Cancelled when there was no sign of life for too long.</summary>
    public CancellationToken Token => _fired.Token;

    /// <summary>Whether that has happened.</summary>
    public bool HasFired => _fired.IsCancellationRequested;

    /// <summary>There was a sign of life.</summary>
    public void Restart() => _timer.Change(_limit, Timeout.InfiniteTimeSpan);

    /// <summary>No sign of life is due until <see cref="Restart"/>.</summary>
    public void Suspend() => _timer.Change(Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await _timer.DisposeAsync().ConfigureAwait(false);
        _fired.Dispose();
    }
}
