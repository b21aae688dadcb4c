using Microsoft.Extensions.Logging;
using Qm.Fleet.BlueChi.Jobs;

namespace Qm.Fleet.BlueChi.Client;

/// <content>Jobs on units.</content>
internal sealed partial class BlueChiClient
{
    public Task<JobOutcome> StartUnitAsync(string node, string unit, CancellationToken ct) => RunJobAsync(JobType.Start, node, unit, ct);

    public Task<JobOutcome> StopUnitAsync(string node, string unit, CancellationToken ct) => RunJobAsync(JobType.Stop, node, unit, ct);

    public Task<JobOutcome> RestartUnitAsync(string node, string unit, CancellationToken ct) => RunJobAsync(JobType.Restart, node, unit, ct);

    public Task<JobOutcome> ReloadUnitAsync(string node, string unit, CancellationToken ct) => RunJobAsync(JobType.Reload, node, unit, ct);

    public async Task<IUnitJob> BeginJobAsync(JobType type, string node, string unit, JobMode mode, CancellationToken ct)
    {
        var method = type + "Unit";
        var turn = await _turns.TakeAsync(node, unit, ct);
        try
        {
            var before = await ReadBeforeAsync(method, node, unit, ct);
            unsettled.Superseded(node, unit);
            var job = new UnitJob(this, type, node, unit, before, time.GetUtcNow());
            try
            {
                // From here on the job's end is listened for, and on the connection's thread nothing can come between.
                await CallNodeAsync(node, method, [unit, Wire.ToWord(mode)], unit, CancellationToken.None, reply => job.Accepted(Replies.ToText(reply), jobs));
            }
            catch (BlueChiException e) when (e is OutcomeUnknownException or ConnectionLostException)
            {
                job.NotAnswered(e);
            }

            job.Outcome = FollowAsync(job, turn);
            return job;
        }
        catch (Exception)
        {
            turn.Dispose();
            throw;
        }
    }

    private async Task<JobOutcome> RunJobAsync(JobType type, string node, string unit, CancellationToken ct)
    {
        try
        {
            var job = await BeginJobAsync(type, node, unit, JobMode.Replace, ct);
            return await job.Outcome.WaitAsync(ct);
        }
        catch (BlueChiException e) when (e is RefusedException or UnknownUnitException)
        {
            return new(JobResult.Refused, e.Message, e.ErrorName);
        }
    }

    private async Task<UnitState> ReadBeforeAsync(string method, string node, string unit, CancellationToken ct)
    {
        try
        {
            return UnitState.From(await ReadPropertiesAsync(node, unit, "", options.ProbeDeadline, ct));
        }
        catch (OutcomeUnknownException e)
        {
            throw Silent(node, $"{method} of {unit}", e);
        }
    }

    private async Task<JobOutcome> FollowAsync(UnitJob job, IDisposable turn)
    {
        using (turn)
        {
            try
            {
                var outcome = await EndAsync(job);
                return outcome.Result == JobResult.Unknown ? await SettleAsync(job, outcome) : outcome;
            }
            finally
            {
                jobs.Forget(job.Path, job.Node, job.Unit);
            }
        }
    }

    // BlueChi has no limit for a job, and a job that was merged with another is never heard to end: systemd is asked now and then whether it has any.
    private async Task<JobOutcome> EndAsync(UnitJob job)
    {
        var began = time.GetTimestamp();
        var idle = 0;
        while (true)
        {
            try
            {
                return await job.End.WaitAsync(options.JobProbeInterval, time, CancellationToken.None);
            }
            catch (TimeoutException)
            {
                if (time.GetElapsedTime(began) >= options.JobDeadline)
                {
                    return new(JobResult.Unknown, $"{job.What}: no end of the job within {options.JobDeadline.TotalSeconds:0} s");
                }
            }

            idle = await TryReadStateAsync(job) is { JobId: 0 } ? idle + 1 : 0;
            if (idle == 2)
            {
                return new(JobResult.Unknown, $"{job.What}: nobody told the end of the job, and systemd has none on the unit any more");
            }
        }
    }

    private async Task<JobOutcome> SettleAsync(UnitJob job, JobOutcome unknown)
    {
        var after = await TryReadStateAsync(job);
        var settlement = Settlements.Judge(job.Type, job.Before, after);
        if (settlement is Settlement.NotSeen or Settlement.CannotTell)
        {
            unsettled.Add(job.Node, job.Unit, job.Type, job.AskedAt, job.Before.InvocationId);
        }

        Log.Settled(logger, unknown.Detail, settlement);
        return unknown with { Settlement = settlement, State = after };
    }

    private async Task<UnitState?> TryReadStateAsync(UnitJob job)
    {
        try
        {
            return UnitState.From(await ReadPropertiesAsync(job.Node, job.Unit, "", options.ProbeDeadline, CancellationToken.None));
        }
        catch (BlueChiException e)
        {
            Log.NotReadBack(logger, job.What, e.Message);
            return null;
        }
    }

    private static partial class Log
    {
        [LoggerMessage(1010, LogLevel.Warning, "{Type} of {Unit} on {Node}, asked for at {AskedAt} and given up, was carried out after all", EventName = nameof(LateExecution))]
        internal static partial void LateExecution(ILogger logger, JobType type, string unit, string node, DateTimeOffset askedAt);

        [LoggerMessage(1011, LogLevel.Information, "{Reason}; the unit's state tells: {Settlement}", EventName = nameof(Settled))]
        internal static partial void Settled(ILogger logger, string reason, Settlement settlement);

        [LoggerMessage(1012, LogLevel.Debug, "{What}: the state could not be read: {Reason}", EventName = nameof(NotReadBack))]
        internal static partial void NotReadBack(ILogger logger, string what, string reason);
    }
}
