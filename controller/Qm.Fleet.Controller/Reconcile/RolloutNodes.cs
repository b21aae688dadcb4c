using Qm.Fleet.Controller.Gateway;
using Qm.Fleet.Controller.Storage;
using Qm.Fleet.Controller.Supervise;
using Qm.Fleet.Core.Reconcile;
using Qm.Fleet.Core.Revisions;
using Qm.Fleet.Core.Rollouts;

namespace Qm.Fleet.Controller.Reconcile;

/// <summary>Shows the engine what is known of a node.</summary>
internal sealed class RolloutNodes(LiveNodes live, IAgentLinks agents, HealingDesk healing, TimeProvider time)
{
    private static readonly Dictionary<string, string> NoLabels = [];

    private readonly DateTimeOffset _since = time.GetUtcNow();

    internal RolloutNode View(DesiredFleet fleet, string name)
    {
        var node = live.Find(name);
        if (node?.Assignment.Fleet is not { } seen || seen.Uid != fleet.Uid || seen.Revision != fleet.Revision)
        {
            var reason = node is null ? "not looked at yet" : $"not looked at yet, because it is at {node.Decided.Name}: {node.Decided.Reason}";
            return new() { Labels = NoLabels, Availability = Availability.Unheard, Reason = reason, IsKnown = false, WatchedSince = _since, KnownBad = fleet.Failures.GetValueOrDefault(name) };
        }

        return Of(fleet, node, node.Assignment.Labels, node.Assignment.Cordoned, UnitOf);
    }

    /// <summary>A node that was looked at, as its fleet's rollout sees it.</summary>
    /// <param name="fleet">The fleet.</param>
    /// <param name="node">The node as it was last looked at.</param>
    /// <param name="labels">Its labels.</param>
    /// <param name="cordoned">Whether it is to be left alone.</param>
    /// <param name="unitOf">A unit of a host, by node and unit; null when it is not known.</param>
    internal RolloutNode Of(DesiredFleet fleet, NodeLive node, IReadOnlyDictionary<string, string> labels, bool cordoned, Func<string, string, UnitReading?> unitOf)
    {
        var (view, evidence) = (node.View, node.View.Evidence);
        var availability = AvailabilityOf(view);
        return new()
        {
            Labels = labels,
            Cordoned = cordoned || node.Supervision.Quarantine is not null,
            Availability = availability,
            GoesDown = healing.TakesDown(node.Name),
            WatchedSince = _since,
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
            Health = node.Health,
            Pressure = agents.Usage(node.Name)?.Usage.Qm?.MemoryPressure?.Some?.Avg60,
            KnownBad = fleet.Failures.GetValueOrDefault(node.Name),
            Condemned = node.Revert,
            Blocked = Blocked(fleet, node.Name, unitOf) ?? (node.Held is { For: "Precondition" } held ? new(held.Reason, Never: false) : null),
            Postponed = view.Desired?.Name == fleet.Revision && evidence?.Revision != fleet.Revision && node.Decided is NodeStep.Wait { For: "Precondition" or "Window" },
        };
    }

    /// <summary>The first precondition that does not hold for a node; null when all do.</summary>
    internal UnmetPrecondition? Blocked(DesiredFleet fleet, string name, Func<string, string, UnitReading?> unitOf) =>
        fleet.Policy.Preconditions.IsEmpty ? null : FirstUnmet(fleet.Policy.Preconditions, name, unitOf);

    /// <summary>A unit of a host as it was last read; null when it was not.</summary>
    internal UnitReading? UnitOf(string node, string unit) => live.Find(node)?.View.HostUnits.GetValueOrDefault(unit);

    private static Availability AvailabilityOf(NodeView view) => view switch
    {
        { Host: Presence.Unknown } => Availability.Unheard,
        { Host: Presence.Offline } => Availability.Away,
        // It runs what it runs; whether it does so well, nobody tells.
        { Evidence: null } => Availability.Away,
        { QmUnit: null } => Availability.Unheard,
        { QmUnit.ActiveState: "active" or "reloading", Qm: Presence.Online } => Availability.Serving,
        { QmUnit.ActiveState: "active" or "reloading" } => Availability.Unregistered,
        _ => Availability.Down,
    };

    // Only what is certain: a unit between two states may be on its way up.
    private static string? FaultOf(NodeView view)
    {
        if (view.QmUnit is { ActiveState: "failed" or "inactive", IsMoving: false } qm)
        {
            return $"{QmNode.Unit} is {qm.ActiveState} ({qm.Result})";
        }

        // Asked of every node at every pass, and nearly always in vain.
        foreach (var (unit, reading) in view.QmUnits)
        {
            if (reading is { ActiveState: "failed", IsMoving: false } && view.Desired?.Environment.Workloads.Any(workload => workload.Name + ".service" == unit) == true)
            {
                return $"{unit} is failed ({reading.Result})";
            }
        }

        return null;
    }

    private UnmetPrecondition? FirstUnmet(IEnumerable<Precondition> preconditions, string name, Func<string, string, UnitReading?> unitOf) =>
        preconditions.Select(condition => Unmet(condition, name, unitOf)).FirstOrDefault(problem => problem is not null);

    private UnmetPrecondition? Unmet(Precondition condition, string name, Func<string, string, UnitReading?> unitOf)
    {
        var where = condition.Node.Length == 0 ? name : condition.Node;
        return unitOf(where, condition.Unit) switch
        {
            null when live.Find(where) is null => new($"{condition.Unit} of {where} has to be {condition.State}, and no such node is known", Never: true),
            null => new($"{condition.Unit} of {where} is not known, and has to be {condition.State}", Never: false),
            { LoadState: "not-found" } when condition.State != "inactive" => new($"{condition.Unit} does not exist on {where}, and has to be {condition.State}", Never: true),
            var unit when unit.ActiveState == condition.State => null,
            var unit => new($"{condition.Unit} of {where} is {unit.ActiveState}, and has to be {condition.State}", Never: false),
        };
    }
}
