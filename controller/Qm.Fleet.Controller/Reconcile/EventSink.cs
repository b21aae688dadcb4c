using System.Threading.Channels;
using Qm.Fleet.Controller.Storage;

namespace Qm.Fleet.Controller.Reconcile;

/// <summary>Writes what happened on nodes to the event log, many at once, so that a node does not wait for the disk.</summary>
internal sealed partial class EventSink(IReconcileStore store, TimeProvider time, ILogger<EventSink> logger) : BackgroundService
{
    private const int Capacity = 4096;
    private const int Batch = 256;
    private static readonly TimeSpan Pause = TimeSpan.FromSeconds(1);

    private readonly Channel<EventDraft> _drafts = Channel.CreateBounded<EventDraft>(new BoundedChannelOptions(Capacity) { SingleReader = true });

    /// <summary>How many events wait for the log.</summary>
    internal int Waiting => _drafts.Reader.Count;

    /// <summary>Queues an event; waits only when the log cannot keep up.</summary>
    internal ValueTask AddAsync(EventDraft draft, CancellationToken ct) => _drafts.Writer.WriteAsync(draft, ct);

    /// <summary>For those who may not wait; what does not fit is in the log only.</summary>
    internal void Note(EventDraft draft)
    {
        if (!_drafts.Writer.TryWrite(draft))
        {
            Log.NotKept(logger, draft.Reason, draft.Node, draft.Message);
        }
    }

    protected override Task ExecuteAsync(CancellationToken stoppingToken) => RunAsync(stoppingToken);

    /// <summary>Writes until cancelled, where it was called.</summary>
    internal async Task RunAsync(CancellationToken stoppingToken)
    {
        var batch = new List<EventDraft>(Batch);
        try
        {
            while (await _drafts.Reader.WaitToReadAsync(stoppingToken))
            {
                Take(batch);
                await WriteAsync(batch, stoppingToken);
                batch.Clear();
            }
        }
        catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
        {
            // What happened before the end belongs in the log, too; there is no second try any more.
            do
            {
                Take(batch);
                await store.AppendEventsAsync(batch, CancellationToken.None);
                batch.Clear();
            }
            while (_drafts.Reader.TryPeek(out _));
        }
    }

    private void Take(List<EventDraft> batch)
    {
        while (batch.Count < Batch && _drafts.Reader.TryRead(out var draft))
        {
            batch.Add(draft);
        }
    }

    // An event is not lost because the disk is full for a while; the queue holds the nodes back before memory does.
    private async Task WriteAsync(List<EventDraft> batch, CancellationToken ct)
    {
        while (true)
        {
            try
            {
                await store.AppendEventsAsync(batch, ct);
                return;
            }
            catch (StoreException e) when (e.IsTransient)
            {
                Log.NotWritten(logger, batch.Count, e.Message);
                await Task.Delay(Pause, time, ct);
            }
        }
    }

    private static partial class Log
    {
        [LoggerMessage(1330, LogLevel.Warning, "{Count} events could not be written yet: {Reason}", EventName = nameof(NotWritten))]
        internal static partial void NotWritten(ILogger logger, int count, string reason);

        [LoggerMessage(1331, LogLevel.Warning, "No room for the event {Reason} of {Node}: {Message}", EventName = nameof(NotKept))]
        internal static partial void NotKept(ILogger logger, string reason, string node, string message);
    }
}
