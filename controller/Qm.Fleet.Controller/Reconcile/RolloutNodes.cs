using System.Globalization;
using Qm.Fleet.Controller.Gateway;
using Qm.Fleet.Controller.Storage;
using Qm.Fleet.Core.Reconcile;
using Qm.Fleet.Core.Revisions;
using Qm.Fleet.Core.Rollouts;

namespace Qm.Fleet.Controller.Reconcile;

/// <summary>Shows the engine what is known of a node.</summary>
internal sealed class RolloutNodes(LiveNodes live, IAgentLinks agents)
{
    private static readonly Dictionary<string, string> NoLabels = [];

    internal RolloutNode View(DesiredFleet fleet, string name)
    {
        if (live.Find(name) is not { } node || node.Assignment.Fleet?.Uid != fleet.Uid || node.Assignment.Fleet.Revision != fleet.Revision)
        {
            return new() { Labels = NoLabels, Availability = Availability.Unheard, Reason = "not looked at yet", IsKnown = false, KnownBad = fleet.Failures.GetValueOrDefault(name) };
        }

        var (view, evidence) = (node.View, node.View.Evidence);
        var availability = AvailabilityOf(view);
        return new()
        {
            Labels = node.Assignment.Labels,
            Cordoned = node.Assignment.Cordoned,
            Availability = availability,
            Target = view.Desired?.Name ?? "",
            Progress = node.Decided switch
            {
                NodeStep.Failed => NodeProgress.Failed,
                // It came where the rollout brought it; what was changed since is left as it is.
                NodeStep.Ready or NodeStep.Wait { For: Drift.Step } => NodeProgress.Ready,
                _ => NodeProgress.Working,
            },
            Reason = node.Decided is NodeStep.Failed or NodeStep.Idle ? node.Decided.Reason : $"{node.Decided.Name}: {node.Decided.Reason}",
            IsKnown = node.Report is not null,
            Revision = evidence?.Revision ?? node.Report?.Report.Revision ?? "",
            Staged = evidence?.StagedRevision ?? "",
            Fault = availability < Availability.Down ? null : FaultOf(view),
            Health = new(OomKills(evidence), view.QmUnits.Values.Sum(unit => unit.Restarts) + (view.QmUnit?.Restarts ?? 0)),
            Pressure = agents.Usage(name)?.Usage.Qm?.MemoryPressure?.Some?.Avg60,
            KnownBad = fleet.Failures.GetValueOrDefault(name),
            Blocked = fleet.Policy.Preconditions.Select(condition => Unmet(condition, name)).FirstOrDefault(problem => problem is not null),
        };
    }

    private static Availability AvailabilityOf(NodeView view) => view switch
    {
        { Host: Presence.Unknown } => Availability.Unheard,
        { Host: Presence.Offline } => Availability.Away,
        // It runs what it runs; whether it does so well, nobody tells.
        { Evidence: null } => Availability.Away,
        { QmUnit: null } => Availability.Unheard,
        { QmUnit.ActiveState: "active" or "reloading", Qm: Presence.Online } => Availability.Serving,
        _ => Availability.Down,
    };

    // Only what is certain: a unit between two states may be on its way up.
    private static string? FaultOf(NodeView view)
    {
        if (view.QmUnit is { ActiveState: "failed" or "inactive", JobId: 0 } qm)
        {
            return $"{QmNode.Unit} is {qm.ActiveState} ({qm.Result})";
        }

        var workloads = view.Desired?.Environment.Workloads.Select(workload => workload.Name + ".service") ?? [];
        return workloads.Where(unit => view.QmUnits.GetValueOrDefault(unit) is { ActiveState: "failed", JobId: 0 })
            .Select(unit => $"{unit} is failed ({view.QmUnits[unit].Result})").FirstOrDefault();
    }

    private static long OomKills(NodeEvidence? evidence) =>
        evidence?.Cgroup.GetValueOrDefault("memory.events")?.Split('\n').Select(line => line.Split(' ')).FirstOrDefault(line => line is ["oom_kill", _]) is [_, var count]
            && long.TryParse(count, NumberStyles.None, CultureInfo.InvariantCulture, out var kills) ? kills : 0;

    private string? Unmet(Precondition condition, string name)
    {
        var where = condition.Node.Length == 0 ? name : condition.Node;
        return live.Find(where)?.View.HostUnits.GetValueOrDefault(condition.Unit) is not { } unit ? $"{condition.Unit} of {where} is not known, and has to be {condition.State}"
            : unit.ActiveState == condition.State ? null
            : $"{condition.Unit} of {where} is {unit.ActiveState}, and has to be {condition.State}";
    }
}
