using Qm.Fleet.V1;

namespace Qm.Fleet.Agent.Link;

/// <summary>What waits to be sent on one stream: the newest report only, and the results of commands, which come one at a time.</summary>
internal sealed class Outbox : IDisposable
{
    private readonly Lock _lock = new();
    private readonly Queue<CommandResult> _results = new();
    private readonly SemaphoreSlim _filled = new(0, 1);
    private NodeReport? _report;

    /// <summary>Most results that wait; the controller sends the next command only after a result, so more is its mistake.</summary>
    public const int ResultsMax = 16;

    /// <summary>Puts a report in place of any that was not sent yet.</summary>
    public void Report(NodeReport report)
    {
        lock (_lock)
        {
            _report = report;
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
            Wake();
            return true;
        }
    }

    /// <summary>Waits for something and takes all of it, the report first.</summary>
    public async Task<IReadOnlyList<AgentMessage>> TakeAsync(CancellationToken cancellationToken)
    {
        await _filled.WaitAsync(cancellationToken).ConfigureAwait(false);
        lock (_lock)
        {
            List<AgentMessage> messages = _report is null ? [] : [new AgentMessage { Report = _report }];
            messages.AddRange(_results.Select(result => new AgentMessage { Result = result }));
            _report = null;
            _results.Clear();
            return messages;
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _filled.Dispose();

    private void Wake()
    {
        if (_filled.CurrentCount == 0)
        {
            _filled.Release();
        }
    }
}
