using Qm.Fleet.BlueChi.Bus;

namespace Qm.Fleet.BlueChi.Jobs;

/// <summary>Pairs jobs with their ends, for one incarnation of BlueChi: ids begin at 1 again with the next.</summary>
internal sealed class JobTracker
{
    // Ends of jobs that nobody waits for yet; the reply that names the job comes first on the wire, but not by any promise.
    private const int Remembered = 256;

    private readonly Lock _gate = new();
    private readonly Dictionary<(string Path, string Node, string Unit), TaskCompletionSource<JobOutcome>> _waiting = [];
    private readonly Dictionary<(string Path, string Node, string Unit), string> _early = [];
    private readonly Queue<(string Path, string Node, string Unit)> _order = new();
    private string? _ended;

    /// <summary>A job that was accepted; completes with its end, or with Unknown when it cannot be heard any more.</summary>
    internal Task<JobOutcome> Await(string path, string node, string unit)
    {
        lock (_gate)
        {
            if (_early.Remove((path, node, unit), out var result))
            {
                return Task.FromResult(ToOutcome(result));
            }

            if (_ended is { } reason)
            {
                return Task.FromResult(new JobOutcome(JobResult.Unknown, reason));
            }

            var completion = new TaskCompletionSource<JobOutcome>(TaskCreationOptions.RunContinuationsAsynchronously);
            _waiting[(path, node, unit)] = completion;
            return completion.Task;
        }
    }

    /// <summary>Takes a JobRemoved signal: id, job, node, unit, result.</summary>
    internal void Removed(BusSignal signal)
    {
        if (signal.Body is not [_, BusValue.ObjectPath path, BusValue.Text node, BusValue.Text unit, BusValue.Text result])
        {
            return;
        }

        var key = (path.Value, node.Value, unit.Value);
        lock (_gate)
        {
            if (_waiting.Remove(key, out var completion))
            {
                completion.TrySetResult(ToOutcome(result.Value));
                return;
            }

            _early[key] = result.Value;
            _order.Enqueue(key);
            if (_order.Count > Remembered)
            {
                _early.Remove(_order.Dequeue());
            }
        }
    }

    /// <summary>A node was lost: BlueChi forgets its jobs without a word.</summary>
    internal void NodeLost(string node) => End(key => key.Node == node, $"{node} went offline while the job was under way");

    /// <summary>BlueChi was lost, and with it every job.</summary>
    internal void Ended(string reason)
    {
        lock (_gate)
        {
            _ended = reason;
        }

        End(_ => true, reason);
    }

    /// <summary>Nobody waits for the job any more.</summary>
    internal void Forget(string path, string node, string unit)
    {
        lock (_gate)
        {
            _waiting.Remove((path, node, unit));
        }
    }

    private void End(Func<(string Path, string Node, string Unit), bool> which, string reason)
    {
        lock (_gate)
        {
            foreach (var key in _waiting.Keys.Where(which).ToArray())
            {
                _waiting[key].TrySetResult(new(JobResult.Unknown, reason));
                _waiting.Remove(key);
            }
        }
    }

    private static JobOutcome ToOutcome(string result) => result switch
    {
        "done" => new(JobResult.Done, result),
        // The unit goes on unaffected; only BlueChi's own book-keeping ended.
        "cancelled due to shutdown" => new(JobResult.Unknown, "bluechi-controller shut down while the job was under way"),
        _ => new(JobResult.Failed, result),
    };
}
