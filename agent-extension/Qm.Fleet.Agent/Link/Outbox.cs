using Qm.Fleet.Agent.Probes;
using Qm.Fleet.Agent.Usage;
using Qm.Fleet.V1;

namespace Qm.Fleet.Agent.Link;

/// <summary>
/// What waits to be sent on one stream: the newest report only, the results of commands, which come one at a time, the newest usage, probes
/// and heartbeat, kills for memory, and a few pieces of a diagnosis, which wait for everything else.
/// </summary>
internal sealed class Outbox : IDisposable
{
    private readonly Lock _lock = new();
    private readonly Queue<CommandResult> _results = new();
    private readonly SemaphoreSlim _filled = new(0, 1);
    private readonly Queue<Diagnostics> _pieces = new();
    private TaskCompletionSource _urgent = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly SemaphoreSlim _room = new(PiecesMax, PiecesMax);
    private readonly UsageChanges _usageChanges = new();
    private readonly ProbeChanges _probeChanges = new();
    private NodeReport? _report;
    private V1.Usage? _usage;
    private IReadOnlyList<ProbeResult>? _probes;
    private Heartbeat? _heartbeat;
    private Func<OomKills?>? _kills;
    private bool _isEnding;
    private StaticChecks? _checksSent;
    private V1.Facts? _factsSent;

    /// <summary>Most results that wait; the controller sends the next command only after a result, so more is its mistake.</summary>
    public const int ResultsMax = 16;

    /// <summary>Most pieces of a diagnosis that wait.</summary>
    public const int PiecesMax = 2;

    /// <summary>Whether what was taken last is the last there is.</summary>
    public bool HasEnded { get; private set; }

    /// <summary>Has what waits now be the last.</summary>
    public void End()
    {
        lock (_lock)
        {
            _isEnding = true;
            WakeNow();
        }
    }

    /// <summary>Puts a report in place of any that was not sent yet.</summary>
    public void Report(NodeReport report)
    {
        lock (_lock)
        {
            _report = report;
            Wake();
        }
    }

    /// <summary>Puts usage, all of it, in place of any that was not sent yet.</summary>
    public void Report(V1.Usage usage)
    {
        lock (_lock)
        {
            _usage = usage;
            Wake();
        }
    }

    /// <summary>Puts what probes say, all of it, in place of any that was not sent yet.</summary>
    public void Report(IReadOnlyList<ProbeResult> probes)
    {
        lock (_lock)
        {
            _probes = probes;
            Wake();
        }
    }

    /// <summary>Puts a heartbeat in place of any that was not sent yet.</summary>
    public void Beat(Heartbeat heartbeat)
    {
        lock (_lock)
        {
            _heartbeat = heartbeat;
            Wake();
        }
    }

    /// <summary>Has kills told; they are asked for when they can be sent, and again only when somebody calls again.</summary>
    public void Kills(Func<OomKills?> kills)
    {
        lock (_lock)
        {
            _kills = kills;
            Wake();
        }
    }

    /// <summary>Adds a result, together with the evidence it led to, which is sent before it.</summary>
    /// <returns>False when <see cref="ResultsMax"/> wait already.</returns>
    public bool TryAnswer(CommandResult result, NodeReport evidence)
    {
        lock (_lock)
        {
            if (_results.Count == ResultsMax)
            {
                return false;
            }

            _report = evidence;
            _results.Enqueue(result);
            WakeNow();
            return true;
        }
    }

    /// <summary>Adds a piece of a diagnosis as soon as fewer than <see cref="PiecesMax"/> wait.</summary>
    public async Task SendAsync(Diagnostics piece, CancellationToken cancellationToken)
    {
        await _room.WaitAsync(cancellationToken).ConfigureAwait(false);
        lock (_lock)
        {
            _pieces.Enqueue(piece);
            WakeNow();
        }
    }

    /// <summary>
    /// Waits for something and takes it: the report first, every result, usage, probes and heartbeat, then one piece of a diagnosis. What is as the last
    /// one taken said is left out: static checks and facts of a report, each cgroup of usage, and each probe.
    /// </summary>
    public async Task<IReadOnlyList<AgentMessage>> TakeAsync(CancellationToken cancellationToken)
    {
        await _filled.WaitAsync(cancellationToken).ConfigureAwait(false);
        lock (_lock)
        {
            List<AgentMessage> messages = _report is null ? [] : [new AgentMessage { Report = WithoutKnown(_report) }];
            messages.AddRange(_results.Select(result => new AgentMessage { Result = result }));
            if (_usage is not null && _usageChanges.Take(_usage) is { } news)
            {
                messages.Add(new AgentMessage { Usage = news });
            }

            if (_probes is not null && _probeChanges.Take(_probes) is { } results)
            {
                messages.Add(new AgentMessage { ProbeResults = results });
            }

            if (_heartbeat is not null)
            {
                messages.Add(new AgentMessage { Heartbeat = _heartbeat });
            }

            if (_kills?.Invoke() is { } kills)
            {
                messages.Add(new AgentMessage { OomKills = kills });
            }

            (_report, _usage, _probes, _heartbeat, _kills) = (null, null, null, null, null);
            _results.Clear();
            if (_pieces.TryDequeue(out var piece))
            {
                messages.Add(new AgentMessage { Diagnostics = piece });
                _room.Release();
            }

            _urgent = new(TaskCreationOptions.RunContinuationsAsynchronously);
            if (_pieces.Count > 0)
            {
                WakeNow();
            }

            HasEnded = _isEnding;
            return messages;
        }
    }

    /// <summary>
    /// Waits a while after something was taken, so that what changes meanwhile is sent once and as it is then. What the controller waits for, which are results and pieces
    /// of a diagnosis, is not kept waiting, nor what goes with it.
    /// </summary>
    public async Task RestAsync(TimeSpan spacing, TimeProvider time, CancellationToken cancellationToken)
    {
        Task urgent;
        lock (_lock)
        {
            urgent = _urgent.Task;
        }

        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        await Task.WhenAny(Task.Delay(spacing, time, stop.Token), urgent).ConfigureAwait(false);
        await stop.CancelAsync().ConfigureAwait(false);
        cancellationToken.ThrowIfCancellationRequested();
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _filled.Dispose();
        _room.Dispose();
    }

    private NodeReport WithoutKnown(NodeReport report)
    {
        var (knowsChecks, knowsFacts) = (report.Checks is { } checks && checks.Equals(_checksSent), report.Facts is { } facts && facts.Equals(_factsSent));
        (_checksSent, _factsSent) = (report.Checks ?? _checksSent, report.Facts ?? _factsSent);
        if (!knowsChecks && !knowsFacts)
        {
            return report;
        }

        var shorter = report.Clone();
        shorter.Checks = knowsChecks ? null : shorter.Checks;
        shorter.Facts = knowsFacts ? null : shorter.Facts;
        return shorter;
    }

    private void Wake()
    {
        if (_filled.CurrentCount == 0)
        {
            _filled.Release();
        }
    }

    private void WakeNow()
    {
        _urgent.TrySetResult();
        Wake();
    }
}
