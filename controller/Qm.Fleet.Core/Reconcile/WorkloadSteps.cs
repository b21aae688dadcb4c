using Qm.Fleet.Core.Revisions;

namespace Qm.Fleet.Core.Reconcile;

/// <summary>What there is to do inside a QM that runs.</summary>
internal static class WorkloadSteps
{
    /// <summary>What runs inside QM, in the order in which it depends on each other: the agent first, it carries the rest.</summary>
    /// <returns>The next step; null where nothing is left to do.</returns>
    internal static NodeStep? Next(NodeView view, RenderedRevision desired, NodeEvidence evidence, bool isTold, DateTimeOffset now)
    {
        if (view.QmUnits.GetValueOrDefault(QmNode.AgentUnit) is not { } agent)
        {
            return NodeWaits.Unread(QmNode.AgentUnit, now);
        }

        if (evidence.IsNewer(new(OwnedFileKind.QmBlueChiAgentConf, ""), agent))
        {
            return new NodeStep.RestartQmAgent("its configuration is newer than its start");
        }

        // Retired by one revision and wanted again by the next, before anybody confirmed: it stays.
        foreach (var name in evidence.RetiredWorkloads.Where(name => desired.Environment.Workloads.All(workload => workload.Name != name)))
        {
            if (view.QmUnits.GetValueOrDefault(name + ".service") is { ActiveState: "active" or "activating" or "reloading" })
            {
                return new NodeStep.StopWorkload(name + ".service", "the environment no longer has it");
            }
        }

        foreach (var workload in desired.Environment.Workloads)
        {
            if (Of(view, desired, evidence, workload.Name, isTold, now) is { } step)
            {
                return step;
            }
        }

        return null;
    }

    private static NodeStep? Of(NodeView view, RenderedRevision desired, NodeEvidence evidence, string name, bool isTold, DateTimeOffset now)
    {
        var unitName = name + ".service";
        if (view.QmUnits.GetValueOrDefault(unitName) is not { } unit)
        {
            return NodeWaits.Unread(unitName, now);
        }

        if (unit.IsMoving)
        {
            return new NodeStep.Wait("Workload", $"{unitName} is {unit.ActiveState} ({unit.SubState})", now + NodeReconciler.LookSoon, NodeReconciler.QmDeadline);
        }

        // Without its file there is nothing to start.
        if (isTold && !evidence.Files.ContainsKey(new(OwnedFileKind.Workload, name)))
        {
            return null;
        }

        var runs = unit.ActiveState == "active";
        if (!unit.IsLoaded || evidence.IsNewer(new(OwnedFileKind.Workload, name), unit))
        {
            return new NodeStep.RunWorkload(unitName, runs, unit.IsLoaded ? "its file is newer than its start" : "QM's systemd does not know it yet");
        }

        // Ended by itself and well: a container may have done its work.
        if (!runs && unit.Result != "success" && !view.Left.Contains(unitName))
        {
            return new NodeStep.RunWorkload(unitName, false, $"it is {unit.ActiveState} ({unit.Result})") { Heals = true };
        }

        var wanted = NodeChecks.WantedScore(desired, name);
        return wanted is not null && !isTold && evidence.Oom.Nested.FirstOrDefault(process => process.Unit == unitName && process.Score != wanted) is { } other
            ? new NodeStep.RunWorkload(unitName, true, $"its process {other.Pid} has OOM score {other.Score}, wanted is {wanted}")
            : null;
    }
}
