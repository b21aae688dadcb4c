using Qm.Fleet.Lab.Agents;

namespace Qm.Fleet.Lab.Control;

/// <summary>A flood of signals from one agent, from its making until it is disposed of or its time is over.</summary>
internal sealed class SignalFlood : IAsyncDisposable
{
    private static readonly TimeSpan Tick = TimeSpan.FromMilliseconds(20);
    private readonly CancellationTokenSource _end;
    private readonly Task _running;

    /// <summary>Begins.</summary>
    /// <param name="links">Where the signals go.</param>
    /// <param name="node">Whose agent sends them.</param>
    /// <param name="rate">Signals per second, 1 to 100000.</param>
    /// <param name="duration">For how long; null for until it is disposed of.</param>
    /// <param name="time">The clock.</param>
    public SignalFlood(IAgentLinks links, string node, int rate, TimeSpan? duration, TimeProvider time)
    {
        (Rate, Duration) = (rate, duration);
        _end = new CancellationTokenSource(duration ?? Timeout.InfiniteTimeSpan, time);
        _running = Task.Run(() => RunAsync(links, node, time));
    }

    /// <summary>Signals per second.</summary>
    public int Rate { get; }

    /// <summary>How long it lasts from its beginning; null for until it is ended.</summary>
    public TimeSpan? Duration { get; }

    /// <summary>Whether it still goes on.</summary>
    public bool IsOn => !_running.IsCompleted;

    public async ValueTask DisposeAsync()
    {
        await _end.CancelAsync().ConfigureAwait(false);
        await _running.ConfigureAwait(false);
        _end.Dispose();
    }

    // In bursts of a tick; a tick that comes late does not make up for more than a second.
    private async Task RunAsync(IAgentLinks links, string node, TimeProvider time)
    {
        using var timer = new PeriodicTimer(Tick, time);
        var (last, owed) = (time.GetTimestamp(), 0.0);
        try
        {
            while (await timer.WaitForNextTickAsync(_end.Token).ConfigureAwait(false))
            {
                var now = time.GetTimestamp();
                owed = Math.Min(owed + (time.GetElapsedTime(last, now).TotalSeconds * Rate), Rate);
                links.Chatter(node, (int)owed);
                (last, owed) = (now, owed - (int)owed);
            }
        }
        catch (OperationCanceledException) when (_end.IsCancellationRequested)
        {
            // Its time is over.
        }
    }
}
