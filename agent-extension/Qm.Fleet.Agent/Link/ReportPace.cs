using Qm.Fleet.V1;

namespace Qm.Fleet.Agent.Link;

/// <summary>
/// When to look at the node again and what is worth sending: often while something is under way, seldom otherwise; on change, and, to a
/// controller that asks for no heartbeats, at its interval.
/// </summary>
internal sealed class ReportPace(TimeProvider time)
{
    /// <summary>Between two looks while something is under way.</summary>
    public static readonly TimeSpan Fast = TimeSpan.FromMilliseconds(250);

    /// <summary>Between two looks otherwise; what can be noticed at once, files changed by hand and a QM that came or went, does not wait for them.</summary>
    public static readonly TimeSpan Slow = TimeSpan.FromSeconds(5);

    // A QM that is not there is looked for often at first; it may also be meant to be off.
    private static readonly TimeSpan Restarting = TimeSpan.FromMinutes(1);

    private readonly Lock _lock = new();
    private NodeReport? _sent;
    private long _sentAt;
    private long _lookedAt = time.GetTimestamp();
    private long _changedAt = time.GetTimestamp();
    private TaskCompletionSource _woken = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>Since the node was last looked at.</summary>
    public TimeSpan SinceLook => time.GetElapsedTime(Interlocked.Read(ref _lookedAt));

    /// <summary>Whether the report of a look tells something new, or the interval is over.</summary>
    /// <param name="report">What was just found.</param>
    /// <param name="interval">Longest time between two reports; infinite when changes only are told.</param>
    public bool IsDue(NodeReport report, TimeSpan interval)
    {
        Interlocked.Exchange(ref _lookedAt, time.GetTimestamp());
        lock (_lock)
        {
            return _sent is null || !Key(report).Equals(_sent) || (interval != Timeout.InfiniteTimeSpan && time.GetElapsedTime(_sentAt) >= interval);
        }
    }

    /// <summary>Notes what the controller knows now, from a look just taken.</summary>
    public void Sent(NodeReport report)
    {
        Interlocked.Exchange(ref _lookedAt, time.GetTimestamp());
        lock (_lock)
        {
            var key = Key(report);
            _sentAt = time.GetTimestamp();
            if (!key.Equals(_sent))
            {
                (_sent, _changedAt) = (key, _sentAt);
            }
        }
    }

    /// <summary>How long to wait after a report before looking again.</summary>
    public TimeSpan Pause(NodeReport report, TimeSpan interval)
    {
        lock (_lock)
        {
            // What the agent went back to waits for people, not for a confirmation.
            var underWay = report.RootfsFetch is { Phase: not RootfsFetch.Types.Phase.Failed }
                || (report.Revision.Length > 0 && !report.Confirmed && (report.Reverted is null || report.HasConfirmDueUs))
                || (report.Oom.QmInitPid == 0 && time.GetElapsedTime(_changedAt) < Restarting);
            var pause = underWay ? Fast : Slow;
            if (interval == Timeout.InfiniteTimeSpan)
            {
                return pause;
            }

            var rest = interval - time.GetElapsedTime(_sentAt);
            return rest < TimeSpan.Zero ? TimeSpan.Zero : rest < pause ? rest : pause;
        }
    }

    /// <summary>Waits for the pause to pass or for <see cref="Wake"/>.</summary>
    public async Task PauseAsync(NodeReport report, TimeSpan interval, CancellationToken cancellationToken)
    {
        Task woken;
        lock (_lock)
        {
            woken = _woken.Task;
        }

        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        await Task.WhenAny(Task.Delay(Pause(report, interval), time, stop.Token), woken).ConfigureAwait(false);
        await stop.CancelAsync().ConfigureAwait(false);
        cancellationToken.ThrowIfCancellationRequested();
        lock (_lock)
        {
            if (woken.IsCompleted)
            {
                _woken = new(TaskCreationOptions.RunContinuationsAsynchronously);
            }
        }
    }

    /// <summary>Ends the pause: a command may have started something.</summary>
    public void Wake()
    {
        lock (_lock)
        {
            _woken.TrySetResult();
        }
    }

    // Memory in use changes with every look and says nothing new, nor does how often QM was throttled; how far a fetch is can wait for the rest.
    private static NodeReport Key(NodeReport report)
    {
        var key = report.Clone();
        key.Cgroup.Remove("memory.current");
        if (key.Cgroup.TryGetValue("memory.events", out var events))
        {
            key.Cgroup["memory.events"] = string.Join('\n', events.Split('\n').Where(line => line.StartsWith("oom", StringComparison.Ordinal)));
        }

        key.RootfsFetch?.DoneBytes = key.RootfsFetch.TotalBytes == 0 ? 0 : 20 * key.RootfsFetch.DoneBytes / key.RootfsFetch.TotalBytes;
        return key;
    }
}
