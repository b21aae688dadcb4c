using Qm.Fleet.BlueChi.Jobs;
using Qm.Fleet.Controller.Reconcile;
using Qm.Fleet.Controller.Storage;
using Qm.Fleet.Core.Reconcile;
using Qm.Fleet.Core.Revisions;

namespace Qm.Fleet.Controller.Operations;

/// <summary>Where what is asked of a unit goes, and what it is.</summary>
internal static class UnitTarget
{
    /// <summary>The unit as BlueChi names it: qm.service is on the host, everything else inside QM unless the host is asked for.</summary>
    public static UnitKey KeyOf(OperationKind kind, string node, string unit, bool onHost) =>
        onHost || kind == OperationKind.RestartQm || (kind == OperationKind.SetUnitProperties && unit == QmNode.Unit) ? new(node, unit) : new(QmNode.NameFor(node), unit);

    /// <inheritdoc cref="KeyOf(OperationKind, string, string, bool)"/>
    public static UnitKey KeyOf(StoredOperation operation) => KeyOf(operation.Kind, operation.Node, operation.Unit, operation.OnHost);

    /// <summary>What it does to the unit.</summary>
    public static UnitVerb VerbOf(OperationKind kind) => kind switch
    {
        OperationKind.StartUnit => UnitVerb.Start,
        OperationKind.StopUnit => UnitVerb.Stop,
        OperationKind.RestartUnit or OperationKind.RestartQm => UnitVerb.Restart,
        OperationKind.FreezeUnit => UnitVerb.Freeze,
        OperationKind.ThawUnit => UnitVerb.Thaw,
        _ => UnitVerb.SetProperties,
    };

    /// <summary>The job it is in systemd; null when it is none.</summary>
    public static JobType? JobOf(OperationKind kind) => kind switch
    {
        OperationKind.StartUnit => JobType.Start,
        OperationKind.StopUnit => JobType.Stop,
        OperationKind.RestartUnit or OperationKind.RestartQm => JobType.Restart,
        _ => null,
    };
}
