using System.Globalization;
using Qm.Fleet.Controller.Storage;
using Qm.Fleet.Core.Text;

namespace Qm.Fleet.Controller.Security;

/// <summary>Puts refusals into the event log, so that it tells also what was tried. One a minute for each caller and method; those between are counted, and the next one tells how many.</summary>
/// <remarks>What is kept is bounded: 10,000 callers and methods, the oldest forgotten first.</remarks>
internal sealed partial class RefusalTrail(Database database, TimeProvider time, ILogger<RefusalTrail> logger)
{
    /// <summary>The event's reason.</summary>
    public const string Reason = "AccessRefused";

    private const int MostKept = 10_000;
    private const int LongestMessage = 500;

    /// <summary>Between two events of one caller and method.</summary>
    public static readonly TimeSpan Window = TimeSpan.FromMinutes(1);

    private readonly Lock _gate = new();
    private readonly Dictionary<(string Actor, string Method), (DateTimeOffset Since, int LeftOut)> _told = [];
    private readonly Queue<((string Actor, string Method) Key, DateTimeOffset Since)> _order = [];

    /// <summary>Notes a refusal. That the log cannot be written changes nothing of it: that is told in the journal.</summary>
    /// <param name="actor">Who was refused.</param>
    /// <param name="method">What they called, such as <c>/qm.fleet.v1.FleetService/Apply</c>.</param>
    /// <param name="refusal">Why, and of what; cut and cleaned here, since it repeats names that the caller chose.</param>
    /// <param name="reason">The event's reason.</param>
    /// <returns>Whether this one is told.</returns>
    public Task<bool> NoteAsync(string actor, string method, string refusal, string reason = Reason) =>
        NoteAsync(method, new(reason, EventSeverity.Warning, actor, "", "", "", $"{method}: {ShownText.Of(refusal, LongestMessage)}"));

    /// <summary>Notes a refusal as an event of its own kind.</summary>
    /// <param name="about">What they called, and about what: of one caller and the same, one a minute is told.</param>
    /// <param name="told">The event; its message holds nothing that the caller chose.</param>
    /// <returns>Whether this one is told.</returns>
    public async Task<bool> NoteAsync(string about, EventDraft told)
    {
        if (Take(told.Actor, about) is not var (leftOut, since))
        {
            return false;
        }
        var more = leftOut == 0 ? "" : string.Create(CultureInfo.InvariantCulture, $" {leftOut} more since {since:u} were left out.");
        try
        {
            // Also of somebody who hung up meanwhile. Many who wait for the disk at once are turned away by the store.
            await database.WriteAsync(
                tx =>
                {
                    tx.Append(told with { Message = $"{told.Message}{more}" });
                    return true;
                },
                commit: true, CancellationToken.None).ConfigureAwait(false);
        }
        catch (StoreException e)
        {
            Log.NotNoted(logger, told.Actor, about, e);
        }
        return true;
    }

    /// <summary>Whether this one is told, and how many were not since the one before.</summary>
    private (int LeftOut, DateTimeOffset Since)? Take(string actor, string method)
    {
        lock (_gate)
        {
            var (key, now) = ((actor, method), time.GetUtcNow());
            if (_told.TryGetValue(key, out var told) && now - told.Since < Window)
            {
                _told[key] = told with { LeftOut = told.LeftOut + 1 };
                return null;
            }
            _told[key] = (now, 0);
            _order.Enqueue((key, now));
            while (_order.Count > MostKept)
            {
                var (oldest, since) = _order.Dequeue();
                if (_told.TryGetValue(oldest, out var kept) && kept.Since == since)
                {
                    _told.Remove(oldest);
                }
            }
            return (told.LeftOut, told.Since);
        }
    }

    private static partial class Log
    {
        [LoggerMessage(1206, LogLevel.Error, "That {Actor} was refused {Method} is not in the event log", EventName = nameof(NotNoted))]
        public static partial void NotNoted(ILogger logger, string actor, string method, Exception failure);
    }
}
