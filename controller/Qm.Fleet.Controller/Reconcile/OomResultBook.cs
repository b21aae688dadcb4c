using System.Collections.Concurrent;
using Qm.Fleet.Controller.Storage;
using Qm.Fleet.Core.OutOfMemory;
using Qm.Fleet.Core.Revisions;

namespace Qm.Fleet.Controller.Reconcile;

/// <summary>What systemd says of units that ended for memory, for each node beside what its agent extension tells. Safe for any thread.</summary>
internal sealed class OomResultBook(TimeProvider time)
{
    private readonly ConcurrentDictionary<string, OomResults> _nodes = new(StringComparer.Ordinal);

    /// <summary>Takes a look at a node; answers the events of kills that nobody but systemd tells of.</summary>
    internal IReadOnlyList<EventDraft> Looked(NodeLive after)
    {
        var (results, now, view) = (Of(after.Name), time.GetUtcNow(), after.View);
        lock (results)
        {
            if (view.QmUnit is { } qm)
            {
                results.Look(QmNode.Unit, OomPlace.Qm, qm.InvocationId, qm.Result, now);
            }

            foreach (var (unit, reading) in view.QmUnits)
            {
                results.Look(unit, unit == QmNode.AgentUnit ? OomPlace.Qm : OomPlace.Nested, reading.InvocationId, reading.Result, now);
            }

            // What runs on the host under a name that QM has, too, is told by its own node.
            foreach (var (unit, reading) in view.HostUnits.Where(unit => !view.QmUnits.ContainsKey(unit.Key)))
            {
                results.Look(unit, OomPlace.Host, reading.InvocationId, reading.Result, now);
            }

            return [.. results.Due(view.Evidence is not null, now).Select(kill => OomKillEvents.Of(kill, null, after.Name, after.Assignment.Fleet?.Shown ?? ""))];
        }
    }

    /// <summary>Takes a kill that a node told; null when it is none, or an event already.</summary>
    internal OomKill? Take(string node, OomKill? kill)
    {
        if (kill is null)
        {
            return null;
        }

        var results = Of(node);
        lock (results)
        {
            return results.Take(kill, time.GetUtcNow());
        }
    }

    private OomResults Of(string node) => _nodes.GetOrAdd(node, static _ => new());
}
