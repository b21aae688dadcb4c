using System.Collections.Immutable;
using Qm.Fleet.Core.Resources;
using Qm.Fleet.Core.Revisions;

namespace Qm.Fleet.Core.Reconcile;

/// <summary>What there is to do about QM itself.</summary>
internal static class QmSteps
{
    /// <summary>qm.service: known to systemd, running, with its limits, its score and its rootfs, and heard of by BlueChi.</summary>
    /// <returns>The next step; null where nothing is left to do.</returns>
    internal static NodeStep? Next(NodeView view, RenderedRevision desired, NodeEvidence evidence, bool isTold, DateTimeOffset now)
    {
        if (view.QmUnit is not { } unit)
        {
            return new NodeStep.Wait("Reading", $"{QmNode.Unit} could not be read through BlueChi", now + NodeReconciler.LookLater);
        }

        if (unit.IsMoving)
        {
            return new NodeStep.Wait("Qm", $"{QmNode.Unit} is {unit.ActiveState} ({unit.SubState})", now + NodeReconciler.LookSoon, NodeReconciler.QmDeadline);
        }

        if (unit.ActiveState != "active")
        {
            return new NodeStep.StartQm($"{QmNode.Unit} is {unit.ActiveState}") { Heals = true };
        }

        // A running unit that systemd no longer knows has lost its restart protection; reading the files again brings it back.
        if (!unit.IsLoaded)
        {
            return new NodeStep.ReloadHost($"systemd does not know {QmNode.Unit} ({unit.LoadState})");
        }

        if (evidence.Oom.QmInit == 0)
        {
            return new NodeStep.Wait("QmInit", "QM is active, but its init is not seen yet", now + NodeReconciler.LookSoon, NodeReconciler.QmDeadline);
        }

        return (isTold ? null : Values(view, desired, evidence, unit)) ?? (view.Qm == Presence.Online ? null : Offline(view, evidence, unit, now));
    }

    // Limits, score and rootfs of a QM that runs.
    private static NodeStep.Act? Values(NodeView view, RenderedRevision desired, NodeEvidence evidence, UnitReading unit)
    {
        var limits = NodeChecks.LimitsToSet(desired, evidence).ToImmutableArray();
        if (limits.Length > 0)
        {
            return new NodeStep.SetLimits(
                [.. LiveProperty.Of(limits, evidence.Machine)],
                $"sets {string.Join(", ", limits.Select(limit => $"{limit.Key}={limit.Value}"))}");
        }

        if (desired.Environment.Oom.Qm is { } score && evidence.Oom.Qm != score)
        {
            return new NodeStep.RestartQm($"QM's init has OOM score {evidence.Oom.Qm}, wanted is {score}");
        }

        if (NodeChecks.RunsFromOtherRootfs(desired, evidence))
        {
            return new NodeStep.RestartQm($"QM runs from {evidence.Rootfs.Running}, wanted is {NodeChecks.WantedRootfs(desired)}");
        }

        // Says the same as /proc by now, unless somebody else's files were read since; the next start would be wrong.
        if (desired.Environment.Oom.Qm is { } known && unit.OomScoreAdjust != known)
        {
            return new NodeStep.ReloadHost($"systemd would start {QmNode.Unit} with OOM score {unit.OomScoreAdjust}, wanted is {known}");
        }

        foreach (var (name, wanted) in desired.Environment.Oom.Asil)
        {
            if (view.HostUnits.GetValueOrDefault(name) is { IsLoaded: true } asil && asil.OomScoreAdjust != wanted)
            {
                return new NodeStep.ReloadHost($"systemd would start {name} with OOM score {asil.OomScoreAdjust}, wanted is {wanted}");
            }
        }

        return null;
    }

    // The agent inside QM cannot be restarted through BlueChi while it is offline. Only when it stays so, and has a
    // configuration that it may never have read, is all of QM restarted for it. Once confirmed, it was read: then QM runs, and the link is at fault.
    private static NodeStep Offline(NodeView view, NodeEvidence evidence, UnitReading unit, DateTimeOffset now)
    {
        var wait = new NodeStep.Wait("QmOnline", $"QM is active, but {QmNode.NameFor(view.Name)} has not registered with BlueChi", now + NodeReconciler.LookLater, NodeReconciler.QmDeadline);
        var restart = new NodeStep.RestartQm($"{QmNode.NameFor(view.Name)} is offline, and its agent's configuration is newer than QM's start");
        return !evidence.Confirmed && evidence.IsNewer(new(OwnedFileKind.QmBlueChiAgentConf, ""), unit) && !view.Memory.WasInVain(restart, view)
            && view.Memory.Step == wait.Name && now - view.Memory.StepSince >= NodeReconciler.AgentGrace ? restart : wait;
    }
}
