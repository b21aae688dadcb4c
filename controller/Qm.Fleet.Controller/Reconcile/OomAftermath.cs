using Qm.Fleet.Controller.Storage;
using Qm.Fleet.Core.OutOfMemory;
using Qm.Fleet.Core.Reconcile;
using Qm.Fleet.Core.Revisions;

namespace Qm.Fleet.Controller.Reconcile;

/// <summary>
/// Brings together a kill for memory and systemd's restart of the unit, whichever is heard of first. Safe for any thread; what finds no
/// counterpart is forgotten.
/// </summary>
internal sealed class OomAftermath(TimeProvider time)
{
    // What belongs to a kill follows within this time, or is something else.
    private static readonly TimeSpan Memory = TimeSpan.FromMinutes(2);

    private readonly Lock _lock = new();
    private readonly Dictionary<(string Node, string Unit), DateTimeOffset> _kills = [];
    private readonly Dictionary<(string Node, string Unit), DateTimeOffset> _restarts = [];

    /// <summary>Notes a kill; answers the events of restarts that were seen already.</summary>
    internal IReadOnlyList<EventDraft> Killed(OomKill kill, TimeSpan ago, string node, string fleet)
    {
        var at = time.GetUtcNow() - ago;
        lock (_lock)
        {
            Forget();
            var restarted = OomKillEvents.Restarting(kill).FirstOrDefault(unit => _restarts.TryGetValue((node, unit), out var seen) && seen >= at);
            if (restarted is not null && _restarts.Remove((node, restarted), out var when))
            {
                return [OomKillEvents.Healed(node, fleet, restarted, when - at)];
            }

            if (ago < Memory)
            {
                foreach (var unit in OomKillEvents.Restarting(kill))
                {
                    _kills[(node, unit)] = at;
                }
            }

            return [];
        }
    }

    /// <summary>Compares two looks at a node; answers the events of restarts whose kill is known.</summary>
    internal IReadOnlyList<EventDraft> Looked(NodeLive? before, NodeLive after)
    {
        if (before is null)
        {
            return [];
        }

        string[] restarted =
        [
            .. IsRestarted(before.View.QmUnit, after.View.QmUnit) ? [QmNode.Unit] : Array.Empty<string>(),
            .. after.View.QmUnits.Where(unit => IsRestarted(before.View.QmUnits.GetValueOrDefault(unit.Key), unit.Value)).Select(unit => unit.Key),
        ];
        if (restarted.Length == 0)
        {
            return [];
        }

        var now = time.GetUtcNow();
        var drafts = new List<EventDraft>();
        lock (_lock)
        {
            Forget();
            foreach (var unit in restarted)
            {
                if (_kills.Remove((after.Name, unit), out var at))
                {
                    drafts.Add(OomKillEvents.Healed(after.Name, after.Assignment.Fleet?.Name ?? "", unit, now - at));
                }
                else
                {
                    _restarts[(after.Name, unit)] = now;
                }
            }
        }

        return drafts;
    }

    // NRestarts counts what systemd does by itself, and nothing that anybody asked for.
    private static bool IsRestarted(UnitReading? before, UnitReading? after) =>
        before is not null && after is { ActiveState: "active" } && after.InvocationId != before.InvocationId && after.Restarts > before.Restarts;

    private void Forget()
    {
        var oldest = time.GetUtcNow() - Memory;
        foreach (var book in (Dictionary<(string, string), DateTimeOffset>[])[_kills, _restarts])
        {
            foreach (var old in book.Where(entry => entry.Value < oldest).Select(entry => entry.Key).ToArray())
            {
                book.Remove(old);
            }
        }
    }
}
