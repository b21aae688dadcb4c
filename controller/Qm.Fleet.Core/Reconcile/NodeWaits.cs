namespace Qm.Fleet.Core.Reconcile;

/// <summary>What more than one part of a node's way waits for.</summary>
internal static class NodeWaits
{
    internal static NodeStep.Wait Turn() => new("Turn", "other nodes of the fleet go first");

    internal static NodeStep.Wait Unread(string unit, DateTimeOffset now) =>
        new("Reading", $"{unit} could not be read through BlueChi", now + NodeReconciler.LookLater, NodeReconciler.QmDeadline);
}
