using Qm.Fleet.BlueChi;
using Qm.Fleet.BlueChi.Jobs;
using Qm.Fleet.Controller.Reconcile;
using Qm.Fleet.Controller.Storage;
using Qm.Fleet.Core.Reconcile;
using Qm.Fleet.Core.Resources;
using Qm.Fleet.Core.Revisions;

namespace Qm.Fleet.Controller.Operations;

/// <summary>Does one operation through BlueChi, and finds out how it ended.</summary>
internal sealed partial class OperationRunner(OperationStore store, BlueChiLink blueChi, LiveNodes live, HostUnits hostUnits, TimeProvider time, ILogger<OperationRunner> logger)
{
    /// <summary>How long a unit is looked at that shows nothing of what was asked, before that is told: a command can lie in a socket for a while.</summary>
    public static readonly TimeSpan NotSeenFor = TimeSpan.FromSeconds(30);

    /// <summary>How long an operation may be unknown because its node is not heard.</summary>
    public static readonly TimeSpan UnknownFor = TimeSpan.FromHours(24);

    private static readonly TimeSpan LookAgain = TimeSpan.FromMilliseconds(500);

    /// <summary>Carries out an operation, or finds out what came of it, and waits for its end.</summary>
    /// <param name="running">The operation.</param>
    /// <param name="isNew">Whether nothing was done about it yet.</param>
    /// <param name="ct">Ends the wait; the operation goes on.</param>
    public async Task<UnitOutcome> RunAsync(RunningOperation running, bool isNew, CancellationToken ct)
    {
        var outcome = isNew
            ? await DoAsync(running, ct).ConfigureAwait(false)
            : UnitOutcome.Unknown("the controller was started anew while it went on");
        if (!outcome.IsKnown)
        {
            outcome = await ReadBackAsync(running, outcome.Message, ct).ConfigureAwait(false);
        }
        return running.Operation.Kind == OperationKind.RestartQm && outcome.Error.Length == 0 ? await QmAsync(running, ct).ConfigureAwait(false) : outcome;
    }

    /// <summary>Asks systemd to cancel a job; whether it did is seen in how the job ends.</summary>
    public async Task CancelAsync(IUnitJob job, CancellationToken ct)
    {
        try
        {
            await job.CancelAsync(ct).ConfigureAwait(false);
        }
        catch (Exception e) when (e is BlueChiException or OperationCanceledException)
        {
            Log.NotCancelled(logger, job.Unit, job.Node, e.Message);
        }
    }

    private async Task<UnitOutcome> DoAsync(RunningOperation running, CancellationToken ct)
    {
        var operation = running.Operation;
        if (blueChi.For(hostUnits.PassFor(operation)) is not { } current)
        {
            return UnitOutcome.Failed($"BlueChi was lost before it was asked: {blueChi.NotConnectedBecause}; nothing was done");
        }

        var (node, unit) = UnitTarget.KeyOf(operation);
        try
        {
            switch (operation.Kind)
            {
                case OperationKind.FreezeUnit:
                    await current.FreezeUnitAsync(node, unit, ct).ConfigureAwait(false);
                    return UnitOutcome.Done(UnitOutcome.Said(operation));
                case OperationKind.ThawUnit:
                    await current.ThawUnitAsync(node, unit, ct).ConfigureAwait(false);
                    return UnitOutcome.Done(UnitOutcome.Said(operation));
                case OperationKind.SetUnitProperties:
                    await current.SetUnitPropertiesAsync(node, unit, runtime: true, [.. Wanted(operation).Select(NodeActor.ToWire)], ct).ConfigureAwait(false);
                    return UnitOutcome.Done(UnitOutcome.Said(operation));
                default:
                    var job = await current.BeginJobAsync(UnitTarget.JobOf(operation.Kind)!.Value, node, unit, JobMode.Replace, ct).ConfigureAwait(false);
                    if (running.Began(job))
                    {
                        await CancelAsync(job, ct).ConfigureAwait(false);
                    }
                    var outcome = await job.Outcome.WaitAsync(ct).ConfigureAwait(false);
                    return UnitOutcome.Of(running.Operation, outcome);
            }
        }
        catch (BlueChiException e) when (e is BlueChi.OutcomeUnknownException or ConnectionLostException)
        {
            return UnitOutcome.Unknown(e.Message);
        }
        catch (BlueChiException e)
        {
            return UnitOutcome.Failed($"nothing was done: {e.Message}");
        }
    }

    // A timeout means unknown: how it ended is what the unit says, whenever it can be asked.
    private async Task<UnitOutcome> ReadBackAsync(RunningOperation running, string why, CancellationToken ct)
    {
        await NoteAsync(running, $"its outcome is unknown until {running.Operation.Unit} is read back: {why}", ct).ConfigureAwait(false);
        var began = time.GetTimestamp();
        long? notSeenSince = null;
        while (true)
        {
            var operation = running.Operation;
            var settlement = ReadBack.Judge(operation, await TryReadAsync(UnitTarget.KeyOf(operation), ct).ConfigureAwait(false), Wanted(operation));
            var isHeard = blueChi.PresenceOf(UnitTarget.KeyOf(operation).Node) == Presence.Online;
            notSeenSince = settlement is Settlement.NotSeen || (settlement is Settlement.CannotTell && isHeard) ? notSeenSince ?? time.GetTimestamp() : null;
            switch (settlement)
            {
                case Settlement.CarriedOut:
                    return UnitOutcome.Done($"{UnitOutcome.Said(operation)}, as the unit's state tells; {why}");
                case Settlement.TriedAndFailed:
                    return UnitOutcome.Failed($"{operation.Unit} was started and failed, as its state tells; {why}");
                case not Settlement.UnderWay when operation.CancelledBy.Length > 0:
                    return UnitOutcome.Failed($"{operation.CancelledBy} gave it up while its outcome was unknown: {why}. It may still be carried out");
                case not Settlement.UnderWay when notSeenSince is { } since && time.GetElapsedTime(since) >= NotSeenFor:
                    return UnitOutcome.Failed($"its outcome is unknown: {why}, and nothing of it was to be seen for {NotSeenFor.TotalSeconds:0} s after. Look at {operation.Unit}, and ask again");
                case not Settlement.UnderWay when time.GetElapsedTime(began) >= UnknownFor:
                    return UnitOutcome.Failed($"its outcome is unknown: {why}, and {operation.Node} was not heard for {UnknownFor.TotalHours:0} hours. Look at {operation.Unit} when it is back");
            }

            await running.Signal.WaitAsync(LookAgain, time, ct).ConfigureAwait(false);
        }
    }

    // Done is not ready: QM serves when BlueChi's agent in it answers.
    private async Task<UnitOutcome> QmAsync(RunningOperation running, CancellationToken ct)
    {
        var operation = running.Operation;
        var qm = QmNode.NameFor(operation.Node);
        await NoteAsync(running, $"QM was restarted; waits until {qm} answers", ct).ConfigureAwait(false);
        var began = time.GetTimestamp();
        while (time.GetElapsedTime(began) < NodeReconciler.QmDeadline)
        {
            if (await TryReadAsync(new(qm, QmNode.AgentUnit), ct).ConfigureAwait(false) is { } properties && UnitState.From(properties).ActiveState == "active")
            {
                return UnitOutcome.Done($"{UnitOutcome.Said(operation)}, and {qm} answers");
            }

            if (running.CancelledBy.Length > 0)
            {
                return UnitOutcome.Done($"{UnitOutcome.Said(operation)}; {running.CancelledBy} did not wait until {qm} answers");
            }

            await running.Signal.WaitAsync(LookAgain, time, ct).ConfigureAwait(false);
        }

        return UnitOutcome.Failed($"{UnitOutcome.Said(operation)}, and {qm} has not answered within {NodeReconciler.QmDeadline.TotalMinutes:0} minutes; qmfleet describe node {operation.Node} says what is known");
    }

    private IReadOnlyList<LiveProperty> Wanted(StoredOperation operation) => operation.Kind == OperationKind.SetUnitProperties
        ? [.. LiveProperty.Of(UnitProperties.Stored(operation.Properties), live.Find(operation.Node)?.View.Evidence?.Machine ?? new MachineFacts(0, 0))]
        : [];

    private async Task<IReadOnlyDictionary<string, PropertyValue>?> TryReadAsync(UnitKey key, CancellationToken ct)
    {
        if (blueChi.Current is not { } current || blueChi.PresenceOf(key.Node) != Presence.Online)
        {
            return null;
        }

        try
        {
            return await current.GetUnitPropertiesAsync(key.Node, key.Unit, "", ct).ConfigureAwait(false);
        }
        catch (BlueChiException e)
        {
            Log.NotRead(logger, key.Unit, key.Node, e.Message);
            return null;
        }
    }

    // What it waits for is for those who look; without it the operation goes on all the same.
    private async Task NoteAsync(RunningOperation running, string message, CancellationToken ct)
    {
        try
        {
            await store.NoteAsync(running.Operation.Id, message, ct).ConfigureAwait(false);
        }
        catch (StoreException e)
        {
            Log.NotNoted(logger, running.Operation.Name, message, e.Message);
        }
    }

    private static partial class Log
    {
        [LoggerMessage(1334, LogLevel.Debug, "{Unit} on {Node} could not be read: {Reason}", EventName = nameof(NotRead))]
        public static partial void NotRead(ILogger logger, string unit, string node, string reason);

        [LoggerMessage(1335, LogLevel.Warning, "The job of {Unit} on {Node} could not be cancelled: {Reason}", EventName = nameof(NotCancelled))]
        public static partial void NotCancelled(ILogger logger, string unit, string node, string reason);

        [LoggerMessage(1336, LogLevel.Warning, "{Operation}: {Message}; that could not be stored: {Reason}", EventName = nameof(NotNoted))]
        public static partial void NotNoted(ILogger logger, string operation, string message, string reason);
    }
}
