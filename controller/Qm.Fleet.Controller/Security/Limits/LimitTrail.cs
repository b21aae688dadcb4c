using Qm.Fleet.Controller.Telemetry;

namespace Qm.Fleet.Controller.Security.Limits;

/// <summary>Tells that somebody met a limit: each time in the metrics, and once a minute for each of them and each limit in the event log and the journal.</summary>
internal sealed partial class LimitTrail(RefusalTrail trail, ControllerMetrics metrics, ILogger<LimitTrail> logger)
{
    /// <summary>The event's reason.</summary>
    public const string Reason = "LimitReached";

    /// <summary>Notes one refusal.</summary>
    /// <param name="actor">Who was refused, as the audit trail names them.</param>
    /// <param name="limit">Which limit, as <c>deploy/docs/limits.md</c> names it.</param>
    /// <param name="refusal">A sentence.</param>
    public async Task NoteAsync(string actor, string limit, string refusal)
    {
        metrics.Limited(limit);
        if (await trail.NoteAsync(actor, limit, refusal, Reason).ConfigureAwait(false))
        {
            Log.Reached(logger, actor, limit, refusal);
        }
    }

    private static partial class Log
    {
        [LoggerMessage(1250, LogLevel.Warning, "{Actor} reached the limit {Limit}: {Refusal} More of it within a minute is counted only", EventName = nameof(Reached))]
        public static partial void Reached(ILogger logger, string actor, string limit, string refusal);
    }
}
