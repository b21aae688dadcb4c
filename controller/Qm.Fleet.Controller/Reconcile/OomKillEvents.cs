using System.Globalization;
using Qm.Fleet.Controller.Storage;
using Qm.Fleet.Core.OutOfMemory;
using Qm.Fleet.Core.Revisions;

namespace Qm.Fleet.Controller.Reconcile;

/// <summary>What the event log says of kills for memory.</summary>
internal static class OomKillEvents
{
    private const int RecordMax = 200;
    private const int TextMax = 500;

    // A kill that is told later than this was told by an agent or a controller that was away.
    private static readonly TimeSpan Prompt = TimeSpan.FromSeconds(30);

    /// <summary>Reads a kill from the wire; null when it has no name to know it by.</summary>
    internal static OomKill? FromWire(V1.OomKill kill) => kill.Record is { Length: > 0 and <= RecordMax } ? new()
    {
        Record = kill.Record,
        Place = Defined((OomPlace)kill.Place),
        Cgroup = kill.Cgroup,
        Unit = Cut(kill.Unit),
        Pid = kill.Pid,
        Comm = Cut(kill.Comm),
        ScoreAdjust = kill.HasScoreAdjust ? kill.ScoreAdjust : null,
        Score = kill.HasScore ? kill.Score : null,
        AnonBytes = kill.HasAnonBytes ? kill.AnonBytes : null,
        Cause = Defined((OomCause)kill.Cause),
        LimitCgroup = kill.LimitCgroup,
        LimitBytes = kill.HasLimitBytes ? kill.LimitBytes : null,
        Killed = Math.Max(1, kill.Killed),
        GroupCgroup = kill.GroupCgroup,
        NotKnown = Cut(kill.NotKnown),
    } : null;

    /// <summary>The event of a kill.</summary>
    /// <param name="kill">The kill.</param>
    /// <param name="ago">How long ago it happened; null when unknown.</param>
    /// <param name="node">The node.</param>
    /// <param name="fleet">Its fleet; empty when none.</param>
    internal static EventDraft Of(OomKill kill, TimeSpan? ago, string node, string fleet) => new(
        "OomKilled",
        // What is killed in a container is what shall be killed first; QM itself or the host is where isolation is in question.
        kill is { Place: OomPlace.Nested, Cause: not OomCause.Machine } ? EventSeverity.Warning : EventSeverity.Critical,
        EventDraft.Controller, fleet, node, kill.Unit,
        $"{OomText.Describe(kill)}{(ago > Prompt ? string.Create(CultureInfo.InvariantCulture, $"; {ago.Value.TotalSeconds:0} s before it was told") : "")}");

    /// <summary>What a node could not tell one by one.</summary>
    internal static IEnumerable<EventDraft> OfMissing(V1.OomKills told, string node, string fleet)
    {
        if (told.LeftOut > 0)
        {
            yield return new("OomKillsLeftOut", EventSeverity.Critical, EventDraft.Controller, fleet, node, "",
                string.Create(CultureInfo.InvariantCulture, $"{told.LeftOut} more kills for memory than could be kept; the kernel log of the node has them"));
        }

        if (told.LostRecords > 0)
        {
            yield return new("KernelLogLost", EventSeverity.Warning, EventDraft.Controller, fleet, node, "",
                string.Create(CultureInfo.InvariantCulture, $"the kernel log overwrote {told.LostRecords} records before they were read; kills for memory may have been among them (log_buf_len= makes it larger)"));
        }
    }

    /// <summary>A unit that systemd restarted after a kill.</summary>
    internal static EventDraft Healed(string node, string fleet, string unit, TimeSpan after) => new(
        "Healed", EventSeverity.Info, EventDraft.Controller, fleet, node, unit,
        string.Create(CultureInfo.InvariantCulture, $"{unit} was restarted by systemd after the kill for memory, and seen active again after {after.TotalSeconds:0.0} s"));

    /// <summary>The units that may restart because of a kill.</summary>
    internal static IEnumerable<string> Restarting(OomKill kill) => kill.Place switch
    {
        OomPlace.Nested => [kill.Unit],
        OomPlace.Qm => ((string[])[kill.Unit, QmNode.Unit]).Distinct(),
        _ => [],
    };

    private static string Cut(string text) => text.Length > TextMax ? text[..TextMax] : text;

    private static T Defined<T>(T value)
        where T : struct, Enum => Enum.IsDefined(value) ? value : default;
}
