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

    // What a node says of when it was does not have in it how long that was under way, which on a loaded machine is longer than a restart takes.
    private static readonly TimeSpan Way = TimeSpan.FromSeconds(5);

    // Units come and go with revisions.
    private const int UnitsMax = 1000;

    private readonly Lock _lock = new();
    private readonly Dictionary<string, Dictionary<string, UnitReading>> _active = new(StringComparer.Ordinal);
    private readonly Dictionary<(string Node, string Unit), DateTimeOffset> _kills = [];
    private readonly Dictionary<(string Node, string Unit), DateTimeOffset> _restarts = [];

    /// <summary>Notes a kill; answers the events of restarts that were seen already.</summary>
    /// <param name="kill">The kill.</param>
    /// <param name="at">When it was; later, by its way, than it really was.</param>
    /// <param name="node">The node.</param>
    /// <param name="fleet">Its fleet; empty when none.</param>
    internal IReadOnlyList<EventDraft> Killed(OomKill kill, DateTimeOffset at, string node, string fleet)
    {
        lock (_lock)
        {
            Forget();
            var restarted = OomKillEvents.Restarting(kill).FirstOrDefault(unit => _restarts.TryGetValue((node, unit), out var seen) && seen >= at - Way);
            if (restarted is not null && _restarts.Remove((node, restarted), out var when))
            {
                return [OomKillEvents.Healed(node, fleet, restarted, when > at ? when - at : TimeSpan.Zero)];
            }

            if (at > time.GetUtcNow() - Memory)
            {
                foreach (var unit in OomKillEvents.Restarting(kill))
                {
                    _kills[(node, unit)] = at;
                }
            }

            return [];
        }
    }

    /// <summary>Takes a look at a node; answers the events of restarts whose kill is known.</summary>
    internal IReadOnlyList<EventDraft> Looked(NodeLive after) => Looked(
        after.Name, after.Assignment.Fleet?.Shown ?? "", after.View.QmUnits.Append(new(QmNode.Unit, after.View.QmUnit!)).Where(unit => unit.Value is { ActiveState: "active" }));

    /// <summary>Takes a look at the units of a node that are active; answers the events of restarts whose kill is known.</summary>
    internal IReadOnlyList<EventDraft> Looked(string node, string fleet, IEnumerable<KeyValuePair<string, UnitReading>> active)
    {
        var now = time.GetUtcNow();
        var drafts = new List<EventDraft>();
        lock (_lock)
        {
            Forget();
            var known = _active.GetValueOrDefault(node) ?? [];
            _active[node] = known;
            foreach (var (unit, reading) in active)
            {
                // A unit is seen on its way, too: what counts is when it was last seen active.
                var before = known.GetValueOrDefault(unit);
                known[unit] = reading;
                if (before is null || !IsRestarted(before, reading))
                {
                    continue;
                }

                if (_kills.Remove((node, unit), out var at))
                {
                    drafts.Add(OomKillEvents.Healed(node, fleet, unit, now - at));
                }
                else
                {
                    _restarts[(node, unit)] = now;
                }
            }

            if (known.Count > UnitsMax)
            {
                known.Clear();
            }
        }

        return drafts;
    }

    // NRestarts counts what systemd does by itself, and nothing that anybody asked for.
    private static bool IsRestarted(UnitReading before, UnitReading after) => after.InvocationId != before.InvocationId && after.Restarts > before.Restarts;

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
