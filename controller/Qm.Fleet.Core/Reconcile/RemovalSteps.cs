using System.Collections.Immutable;
using Qm.Fleet.Core.Resources;
using Qm.Fleet.Core.Revisions;

namespace Qm.Fleet.Core.Reconcile;

/// <summary>What is left to do on a node once the files of a deleted fleet are gone: what runs is not to keep what they gave it.</summary>
/// <remarks>QM need not be heard by BlueChi for that, nor run at all: what does not run has kept nothing.</remarks>
internal static class RemovalSteps
{
    /// <summary>The next step; null when nothing is left.</summary>
    internal static NodeStep? Next(NodeView view, RenderedRevision desired, NodeEvidence evidence, DateTimeOffset now)
    {
        if (view.QmUnit is not { } unit)
        {
            return new NodeStep.Wait("Reading", $"{QmNode.Unit} could not be read through BlueChi", now + NodeReconciler.LookLater);
        }

        if (unit.IsMoving)
        {
            return new NodeStep.Wait("Qm", $"{QmNode.Unit} is {unit.ActiveState} ({unit.SubState})", now + NodeReconciler.LookSoon, NodeReconciler.QmDeadline);
        }

        // Once it was seen and confirmed, what somebody else changes is theirs.
        if (evidence.Confirmed)
        {
            return null;
        }

        if (!view.Memory.DoneIn.ContainsKey(nameof(NodeStep.ReloadHost)))
        {
            return new NodeStep.ReloadHost("systemd still knows what was taken away");
        }

        return unit.ActiveState == "active" ? Running(view, desired, evidence, unit, now) : null;
    }

    private static NodeStep? Running(NodeView view, RenderedRevision desired, NodeEvidence evidence, UnitReading unit, DateTimeOffset now)
    {
        if (evidence.Oom.QmInit == 0)
        {
            return new NodeStep.Wait("QmInit", "QM is active, but its init is not seen yet", now + NodeReconciler.LookSoon, NodeReconciler.QmDeadline);
        }

        var limits = NodeChecks.LimitsToSet(desired, evidence).ToImmutableArray();
        if (limits.Length > 0)
        {
            return new NodeStep.SetLimits(
                [.. LiveProperty.Of(limits, evidence.Machine)],
                $"lifts {string.Join(", ", limits.Select(limit => $"{limit.Key} to {limit.Value}"))}");
        }

        if (RootfsSlot.DigestOf(evidence.Rootfs.Running) is not null)
        {
            return new NodeStep.RestartQm($"QM runs from {evidence.Rootfs.Running}, which the fleet had brought");
        }

        return unit.OomScoreAdjust is { } own && evidence.Oom.Qm is { } found && own != found
            ? new NodeStep.RestartQm($"QM's init has OOM score {found}, and {own} without the fleet")
            : Workloads(view, evidence, now) ?? Back(view, now);
    }

    // What was restarted for it is waited for, so that the next node does not go down before this one is up; in vain, where QM has no way to BlueChi of its own.
    private static NodeStep.Wait? Back(NodeView view, DateTimeOffset now)
    {
        var wait = new NodeStep.Wait("QmOnline", $"QM was restarted, and {QmNode.NameFor(view.Name)} has not registered with BlueChi", now + NodeReconciler.LookLater);
        return view.Qm == Presence.Online || !view.Memory.DoneIn.ContainsKey(nameof(NodeStep.RestartQm)) || (view.Memory.Step == wait.Name && now - view.Memory.StepSince >= NodeReconciler.QmDeadline)
            ? null : wait;
    }

    private static NodeStep? Workloads(NodeView view, NodeEvidence evidence, DateTimeOffset now)
    {
        foreach (var unit in evidence.RetiredWorkloads.Select(name => name + ".service"))
        {
            if (view.Qm != Presence.Online)
            {
                return new NodeStep.Wait("QmOnline", $"{unit} is to be stopped, and {QmNode.NameFor(view.Name)} has not registered with BlueChi", now + NodeReconciler.LookLater, NodeReconciler.QmDeadline);
            }

            if (view.QmUnits.GetValueOrDefault(unit) is not { } reading)
            {
                return new NodeStep.Wait("Reading", $"{unit} could not be read through BlueChi", now + NodeReconciler.LookLater, NodeReconciler.QmDeadline);
            }

            if (reading.ActiveState is "active" or "activating" or "reloading")
            {
                return new NodeStep.StopWorkload(unit, "the fleet that brought it is deleted");
            }
        }

        return null;
    }
}
