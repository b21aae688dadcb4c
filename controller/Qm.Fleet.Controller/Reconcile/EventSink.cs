using System.Threading.Channels;
using Qm.Fleet.Controller.Storage;

namespace Qm.Fleet.Controller.Reconcile;

/// <summary>Writes what happened on nodes to the event log, many at once, so that a node does not wait for the disk.</summary>
internal sealed class EventSink(IReconcileStore store) : BackgroundService
{
    private const int Capacity = 4096;
    private const int Batch = 256;

    private readonly Channel<EventDraft> _drafts = Channel.CreateBounded<EventDraft>(new BoundedChannelOptions(Capacity) { SingleReader = true });

    /// <summary>Queues an event; waits only when the log cannot keep up.</summary>
    internal ValueTask AddAsync(EventDraft draft, CancellationToken ct) => _drafts.Writer.WriteAsync(draft, ct);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        var batch = new List<EventDraft>(Batch);
        while (await _drafts.Reader.WaitToReadAsync(stoppingToken))
        {
            while (batch.Count < Batch && _drafts.Reader.TryRead(out var draft))
            {
                batch.Add(draft);
            }

            await store.AppendEventsAsync(batch, stoppingToken);
            batch.Clear();
        }
    }
}
