using Qm.Fleet.Agent.Revisions;
using Qm.Fleet.Core.Environments;
using Qm.Fleet.Core.Supervision;
using Qm.Fleet.V1;

namespace Qm.Fleet.Agent.Probes;

/// <summary>Probes workloads as the controller asks, each on a schedule of its own, whether or not there is a link.</summary>
/// <param name="targets">Says which containers run.</param>
/// <param name="prober">Makes the probes.</param>
/// <param name="jitter">Random numbers from 0 to 1, so that a fleet does not probe as one.</param>
/// <param name="time">Times everything.</param>
internal sealed class ProbeDesk(IProbeTargets targets, IProber prober, Func<double> jitter, TimeProvider time) : IDisposable
{
    /// <summary>Between two looks for containers that started or ended.</summary>
    public static readonly TimeSpan LookInterval = TimeSpan.FromSeconds(2);

    // Spreads the first probes; of a probe that is made once an hour nobody wants to wait an hour for the first.
    private static readonly TimeSpan SpreadMax = TimeSpan.FromSeconds(10);

    private readonly Lock _lock = new();
    private readonly SemaphoreSlim _turns = new(LivenessProbeParser.MaxProbesAtOnce, LivenessProbeParser.MaxProbesAtOnce);
    private readonly SortedDictionary<string, WatchedProbe> _watched = new(StringComparer.Ordinal);
    private TaskCompletionSource _asked = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private TaskCompletionSource _changed = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>Ends when <see cref="Results"/> are not as they were when this was read.</summary>
    public Task Changed
    {
        get
        {
            lock (_lock)
            {
                return _changed.Task;
            }
        }
    }

    /// <summary>What every probe says, by unit.</summary>
    public IReadOnlyList<ProbeResult> Results()
    {
        lock (_lock)
        {
            return [.. _watched.Values.Select(watched => watched.ToWire())];
        }
    }

    /// <summary>Probes these workloads and no others; one whose probe stays as it was goes on with what it counted.</summary>
    /// <exception cref="CommandRefusedException">One is wrong; nothing was changed.</exception>
    public void Set(SetProbes asked)
    {
        var workloads = WireProbes.Read(asked);
        lock (_lock)
        {
            foreach (var (probe, workload) in asked.Probes.Zip(workloads))
            {
                if (_watched.GetValueOrDefault(workload.Unit) is { } known)
                {
                    if (known.Asked.Equals(probe))
                    {
                        continue;
                    }

                    known.Dispose();
                }

                _watched[workload.Unit] = new(probe.Clone(), workload);
            }

            foreach (var gone in _watched.Keys.Except(workloads.Select(workload => workload.Unit), StringComparer.Ordinal).ToArray())
            {
                _watched.Remove(gone, out var watched);
                watched?.Dispose();
            }

            Tell();
            _asked.TrySetResult();
        }
    }

    /// <summary>Probes until cancelled.</summary>
    public async Task RunAsync(CancellationToken cancellationToken)
    {
        while (true)
        {
            Task asked;
            bool any;
            lock (_lock)
            {
                if (_asked.Task.IsCompleted)
                {
                    _asked = new(TaskCreationOptions.RunContinuationsAsynchronously);
                }

                asked = _asked.Task;
                any = _watched.Count > 0;
            }

            if (any)
            {
                await LookAsync(cancellationToken).ConfigureAwait(false);
            }

            using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
            // A node without probes looks for nothing.
            await Task.WhenAny(asked, Task.Delay(any ? LookInterval : Timeout.InfiniteTimeSpan, time, stop.Token)).ConfigureAwait(false);
            await stop.CancelAsync().ConfigureAwait(false);
            cancellationToken.ThrowIfCancellationRequested();
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        lock (_lock)
        {
            foreach (var watched in _watched.Values)
            {
                watched.Dispose();
            }
        }
    }

    private async Task LookAsync(CancellationToken cancellationToken)
    {
        var found = targets.Read();
        Task[] failed;
        lock (_lock)
        {
            foreach (var watched in _watched.Values)
            {
                var target = found.GetValueOrDefault(watched.Workload.Unit);
                if (target != watched.Target)
                {
                    watched.Begin(target, (container, stop) => ProbeAsync(watched, container, stop), cancellationToken);
                    Tell();
                }
            }

            failed = [.. _watched.Values.Select(watched => watched.Probes).Where(probes => probes.IsFaulted)];
        }

        // What nobody foresaw ends the agent, which systemd starts again, and is not a workload that is never probed any more.
        await Task.WhenAll(failed).ConfigureAwait(false);
    }

    private async Task ProbeAsync(WatchedProbe watched, ProbeTarget target, CancellationToken cancellationToken)
    {
        var probe = watched.Workload.Probe;
        var period = TimeSpan.FromSeconds(probe.PeriodSeconds);
        try
        {
            await Task.Delay(TimeSpan.FromSeconds(probe.InitialDelaySeconds) + (jitter() * (period < SpreadMax ? period : SpreadMax)), time, cancellationToken).ConfigureAwait(false);
            while (true)
            {
                var started = time.GetTimestamp();
                Note(watched, target, await ProbeInTurnAsync(watched.Workload, target, cancellationToken).ConfigureAwait(false), cancellationToken);
                var rest = period - time.GetElapsedTime(started);
                await Task.Delay(rest > TimeSpan.Zero ? rest : TimeSpan.Zero, time, cancellationToken).ConfigureAwait(false);
            }
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
            // Another container's turn, another probe's, or the end.
        }
    }

    private async Task<ProbeOutcome> ProbeInTurnAsync(ProbedWorkload workload, ProbeTarget target, CancellationToken cancellationToken)
    {
        await _turns.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            return await prober.ProbeAsync(workload, target, cancellationToken).ConfigureAwait(false);
        }
        finally
        {
            _turns.Release();
        }
    }

    private void Note(WatchedProbe watched, ProbeTarget target, ProbeOutcome outcome, CancellationToken cancellationToken)
    {
        // What ended while it was probed did not fail for being ill; the next look tells.
        if (outcome.HasSucceeded != true && !targets.Runs(target))
        {
            return;
        }

        lock (_lock)
        {
            if (cancellationToken.IsCancellationRequested)
            {
                return;
            }

            var before = watched.ToWire();
            watched.State = watched.State.After(watched.Workload.Probe, outcome);
            if (!watched.ToWire().Equals(before))
            {
                Tell();
            }
        }
    }

    private void Tell()
    {
        _changed.TrySetResult();
        _changed = new(TaskCreationOptions.RunContinuationsAsynchronously);
    }
}
