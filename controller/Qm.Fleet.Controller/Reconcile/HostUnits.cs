using System.Collections.Frozen;
using Qm.Fleet.BlueChi;
using Qm.Fleet.Controller.Storage;
using Qm.Fleet.Core.Reconcile;
using Qm.Fleet.Core.Revisions;

namespace Qm.Fleet.Controller.Reconcile;

/// <summary>Knows which units outside QM are listed. One change of the list is in force for the next call.</summary>
internal sealed class HostUnits(HostUnitStore store, NodeStore nodes, IReconcileStore events)
{
    private FrozenDictionary<string, HostUnit>? _listed;

    /// <summary>How a unit of a node's host is listed; null when it is out of reach there, also on a node that nobody knows.</summary>
    public HostUnit? Find(string node, string unit) =>
        (Volatile.Read(ref _listed) ?? Refresh()).GetValueOrDefault(unit) is { } listed && nodes.Find(node) is { } known && listed.IsFor(unit, known.Labels) ? listed : null;

    /// <summary>Takes up what was stored.</summary>
    public FrozenDictionary<string, HostUnit> Refresh()
    {
        // What this version does not understand gives nobody anything.
        var listed = store.Load().Select(static unit => HostUnit.Parse(unit.Unit, unit.Reason, unit.Selector)).Where(static parsed => parsed.Problems.Count == 0)
            .Select(static parsed => parsed.Value!).ToFrozenDictionary(static unit => unit.Unit, StringComparer.Ordinal);
        Volatile.Write(ref _listed, listed);
        return listed;
    }

    /// <summary>What lets an operation at the unit of a host that it is about, and at no other.</summary>
    public HostUnitPass PassFor(StoredOperation operation) => new(this, events, operation);
}

/// <summary>Lets one operation that a person asked for at the one listed unit it is about, and has each use be known.</summary>
internal sealed class HostUnitPass(HostUnits listed, IReconcileStore events, StoredOperation operation)
{
    /// <summary>Whether it is the unit of the operation, and still listed.</summary>
    public bool IsFor(string bluechiNode, string unit) =>
        operation.OnHost && bluechiNode == operation.Node && unit == operation.Unit && QmNode.HostOf(bluechiNode, out var isQm) == bluechiNode && !isQm && listed.Find(bluechiNode, unit) is not null;

    /// <summary>Has the event of a use be on disk.</summary>
    /// <exception cref="RefusedException">It cannot be stored, and what is not known is not done.</exception>
    public async Task NoteAsync(string node, string unit, UnitVerb verb)
    {
        var reason = listed.Find(node, unit)?.Reason ?? "";
        try
        {
            await events.AppendEventsAsync(
                [new("HostUnitUsed", EventSeverity.Warning, operation.Actor, "", node, unit, $"{verb} of {unit} on {node}, outside QM, for {operation.Name}; it is listed because: {reason}")], CancellationToken.None);
        }
        catch (StoreException e)
        {
            throw new RefusedException($"{verb} of {unit} on {node} could not be noted, and nothing is done outside of QM that nobody knows of: {e.Message}", inner: e);
        }
    }
}
