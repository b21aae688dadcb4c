using Microsoft.Extensions.Logging;
using Qm.Fleet.Agent.Files;
using Qm.Fleet.Core.OutOfMemory;

namespace Qm.Fleet.Agent.OutOfMemory;

/// <summary>
/// Notices every kill of the kernel's OOM killer on the node: in the kernel log, and in memory.events of QM where the log says nothing or may not
/// be read.
/// </summary>
/// <param name="root">The node.</param>
/// <param name="outbox">Where kills wait for the controller.</param>
/// <param name="qmChanged">Told when QM came, went, or is another one than in the last round, for that is seen here first.</param>
/// <param name="time">Times the rounds.</param>
/// <param name="logger">Where to log.</param>
internal sealed partial class OomWatch(NodeRoot root, OomOutbox outbox, Action qmChanged, TimeProvider time, ILogger<OomWatch> logger)
{
    /// <summary>Between two looks.</summary>
    public static readonly TimeSpan Interval = TimeSpan.FromMilliseconds(500);

    // A controller that could not store a kill is told again after so many rounds.
    private const int RemindRounds = 60;

    private string _problem = "";
    private string? _payload;

    /// <summary>Watches until cancelled.</summary>
    public async Task RunAsync(CancellationToken cancellationToken)
    {
        using var log = new KernelLog(root);
        var counters = new OomCounterReader(root);
        var correlator = new OomCorrelator();
        for (var round = 1; ; round++)
        {
            outbox.Add(Look(log, counters, correlator));
            if (round % RemindRounds == 0)
            {
                outbox.Remind();
            }

            await Task.Delay(Interval, time, cancellationToken).ConfigureAwait(false);
        }
    }

    /// <summary>One round: the counters first, for the kernel counts before it logs.</summary>
    internal OomRound Look(KernelLog log, OomCounterReader counters, OomCorrelator correlator)
    {
        var counted = counters.Read();
        correlator.Count(counted);
        if (counted?.Payload != _payload)
        {
            _payload = counted?.Payload;
            qmChanged();
        }

        foreach (var record in log.Read())
        {
            correlator.Feed(record);
        }

        if (log.Problem != _problem)
        {
            _problem = log.Problem;
            if (_problem.Length > 0)
            {
                Log.NotReadable(logger, _problem);
            }
        }

        var round = correlator.EndRound();
        foreach (var kill in round.Kills)
        {
            Log.Killed(logger, kill.Unit, OomText.Describe(kill));
        }

        return round;
    }

    private static partial class Log
    {
        [LoggerMessage(1180, LogLevel.Information, "Kills for memory are told without the process and the reason: {Reason}", EventName = "KernelLogUnreadable")]
        public static partial void NotReadable(ILogger logger, string reason);

        [LoggerMessage(1181, LogLevel.Warning, "Killed for memory in {Unit}: {What}", EventName = "OomKilled")]
        public static partial void Killed(ILogger logger, string unit, string what);
    }
}
