using System.Collections.Concurrent;
using Qm.Fleet.Controller.Reconcile;
using Qm.Fleet.Controller.Storage;

namespace Qm.Fleet.Controller.Operations;

/// <summary>Carries out what people ask of units, each by itself, and brings to an end what was begun under an earlier controller.</summary>
/// <remarks>What was asked is stored before anything is done. Of an operation that a controller before this one had begun nobody knows how it ended: the unit tells.</remarks>
internal sealed partial class UnitOperations(
    OperationStore store, OperationRunner runner, UnitLeases leases, LiveNodes live, TimeProvider time, ILogger<UnitOperations> logger) : IHostedService, IDisposable
{
    private static readonly TimeSpan StoreAgain = TimeSpan.FromSeconds(1);

    private readonly ConcurrentDictionary<string, (RunningOperation Running, Task Run)> _running = new(StringComparer.Ordinal);
    private readonly CancellationTokenSource _stop = new();
    private bool _isDisposed;

    /// <summary>Takes up what was begun under an earlier controller, before anybody else is at its units.</summary>
    public Task StartAsync(CancellationToken cancellationToken)
    {
        foreach (var operation in store.Open())
        {
            var key = UnitTarget.KeyOf(operation);
            // Two of one unit cannot be: whoever began the second did not get the unit.
            if (leases.TryTakeFor(operation.Node, key, operation.Kind == OperationKind.StopUnit, operation.ToString(), out var lease, out var heldBy))
            {
                Launch(operation, lease, isNew: false);
            }
            else
            {
                Log.NotTakenUp(logger, operation.Name, heldBy);
            }
        }
        return Task.CompletedTask;
    }

    /// <summary>Leaves what goes on to the next controller.</summary>
    public async Task StopAsync(CancellationToken cancellationToken)
    {
        await _stop.CancelAsync().ConfigureAwait(false);
        await Task.WhenAll(_running.Values.Select(static one => one.Run)).WaitAsync(cancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        // The container has it twice: as itself, and as what it starts and stops.
        if (!_isDisposed)
        {
            _isDisposed = true;
            _stop.Cancel();
            _stop.Dispose();
        }
    }

    /// <summary>Does what was stored.</summary>
    /// <param name="operation">What was asked.</param>
    /// <param name="lease">Its unit; let go of at the end.</param>
    public void Begin(StoredOperation operation, UnitLease lease) => Launch(operation, lease, isNew: true);

    /// <summary>Somebody asks for the end of an operation; the store has it already.</summary>
    /// <remarks>A job that waits in systemd's queue is cancelled; one that is under way may still be done.</remarks>
    public void Cancel(string id, string actor)
    {
        if (_running.TryGetValue(id, out var entry) && entry.Running.Cancel(actor) is { } job)
        {
            _ = runner.CancelAsync(job, _stop.Token);
        }
    }

    private void Launch(StoredOperation operation, UnitLease lease, bool isNew)
    {
        lease.WasUsed = true;
        var running = new RunningOperation(operation, lease);
        var begin = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        _running[operation.Id] = (running, RunAsync(running, isNew, begin.Task));
        begin.SetResult();
    }

    // One operation's trouble must not end the controller, whatever it is: it is logged, and the next controller looks at it.
#pragma warning disable CA1031
    private async Task RunAsync(RunningOperation running, bool isNew, Task begin)
    {
        await begin.ConfigureAwait(false);
        try
        {
            using (running.Lease)
            {
                var outcome = await runner.RunAsync(running, isNew, _stop.Token).ConfigureAwait(false);
                await EndAsync(running.Operation, outcome).ConfigureAwait(false);
            }
        }
        catch (OperationCanceledException) when (_stop.IsCancellationRequested)
        {
            Log.LeftBehind(logger, running.Operation.Name);
        }
        catch (Exception e)
        {
            Log.Broke(logger, running.Operation.Name, e);
        }
        finally
        {
            _running.TryRemove(running.Operation.Id, out _);
        }
    }
#pragma warning restore CA1031

    private async Task EndAsync(StoredOperation operation, UnitOutcome outcome)
    {
        while (true)
        {
            try
            {
                await store.EndAsync(operation.Id, outcome.Error, outcome.Message, live.Find(operation.Node)?.Assignment.Fleet?.Shown ?? "", _stop.Token).ConfigureAwait(false);
                return;
            }
            catch (StoreException e) when (e.IsTransient)
            {
                Log.NotStored(logger, operation.Name, e.Message);
                await Task.Delay(StoreAgain, time, _stop.Token).ConfigureAwait(false);
            }
        }
    }

    private static partial class Log
    {
        [LoggerMessage(1337, LogLevel.Error, "{Operation} broke; the next controller looks at what came of it", EventName = nameof(Broke))]
        public static partial void Broke(ILogger logger, string operation, Exception failure);

        [LoggerMessage(1338, LogLevel.Information, "{Operation} goes on while the controller stops; the next one looks at what came of it", EventName = nameof(LeftBehind))]
        public static partial void LeftBehind(ILogger logger, string operation);

        [LoggerMessage(1332, LogLevel.Warning, "The end of {Operation} could not be stored yet: {Reason}", EventName = nameof(NotStored))]
        public static partial void NotStored(ILogger logger, string operation, string reason);

        [LoggerMessage(1333, LogLevel.Error, "{Operation} is not taken up: {Holder} has its unit", EventName = nameof(NotTakenUp))]
        public static partial void NotTakenUp(ILogger logger, string operation, string holder);
    }
}
