using Qm.Fleet.Core.Revisions;
using Qm.Fleet.Core.Supervision;
using Qm.Fleet.Simulation.Models;
using Qm.Fleet.Simulation.Runs;

namespace Qm.Fleet.Simulation.Rules;

/// <summary>Rule 9: what heals keeps to its budgets, never touches what is well, and stops where many fail at once.</summary>
internal sealed class HealingRules(World world)
{
    private readonly List<(TimeSpan At, string Node, string Unit, string Revision)> _heals = [];
    private readonly Dictionary<(string Node, string Unit), TimeSpan> _troubled = [];
    private readonly Dictionary<(string Node, string Unit), List<TimeSpan>> _starts = [];
    private readonly Dictionary<(string Node, string Unit), (int Run, int Restarts)> _seen = [];
    private readonly Dictionary<string, (string Name, TimeSpan Since)> _revisions = new(StringComparer.Ordinal);
    private readonly Dictionary<string, TimeSpan> _released = new(StringComparer.Ordinal);

    /// <summary>After every step.</summary>
    internal void Look(SimulatedNode node)
    {
        if (_revisions.GetValueOrDefault(node.Name).Name != node.Agent.Revision)
        {
            _revisions[node.Name] = (node.Agent.Revision, world.Time.Elapsed);
        }

        Look(node, QmNode.Unit, node.Qm, node.NeedsQm);
        foreach (var (name, unit) in node.Workloads)
        {
            Look(node, name + ".service", unit, !unit.IsActive);
        }
    }

    /// <summary>Somebody released a node: what was done on it before counts no more.</summary>
    internal void Released(string node)
    {
        _released[node] = world.Time.Elapsed;
        _heals.RemoveAll(heal => heal.Node == node);
    }

    /// <summary>BlueChi is asked to change something.</summary>
    internal void Mutated(string node, string unit, string what) => world.Referee.Require(
        world.Store.Healed.GetValueOrDefault(node) is not { Quarantine: not null } || world.Referee.WasAsked, $"quarantine: {what} of {unit} on {node}, which is to be left alone");

    /// <summary>A unit is about to be restarted because it, or what is in it, failed.</summary>
    internal void Begins(string name, string unit)
    {
        var (node, now, policy) = (world.Node(name), world.Time.Elapsed, world.Store.Supervision);
        // What people changed a moment ago may not have been read, and a clock that was set moves what was stored.
        if (world.Referee.WasAsked || world.Referee.ClockMoved(policy.QmBudget.Window + policy.Restart.Budget.Window))
        {
            node.LastNeed = unit == QmNode.Unit ? now : node.LastNeed;
            _heals.Add((now, name, unit, node.Agent.Revision));
            return;
        }

        var isQm = unit == QmNode.Unit;
        var inQm = node.Workloads.Keys.Select(workload => workload + ".service").ToArray();
        world.Referee.Require(IsIll(name, unit, policy, now) || (isQm && inQm.Any(inside => IsIll(name, inside, policy, now))), $"healing: {unit} of {name} is restarted, and is well");
        if (isQm && !IsIll(name, unit, policy, now))
        {
            world.Referee.TakesDown(node);
        }

        node.LastNeed = isQm ? now : node.LastNeed;
        _heals.Add((now, name, unit, node.Agent.Revision));
        var budget = isQm ? policy.QmBudget : policy.Restart.Budget;
        var mine = Counting(budget).Count(heal => heal.Node == name && heal.Unit == unit && (isQm || heal.At >= _revisions[name].Since));
        world.Referee.Require(mine <= budget.Count, $"healing budget: {unit} of {name} is restarted {mine} times, allowed are {budget}");
        var all = Counting(policy.FleetBudget).Count();
        world.Referee.Require(all <= policy.FleetBudget.Count, $"healing budget: {all} restarts in the fleet, allowed are {policy.FleetBudget}");
        var size = world.Store.Members.Count();
        var atOnce = _heals.Where(heal => now - heal.At < policy.Within - Slack && heal.Revision == world.Node(heal.Node).Agent.Revision).Select(heal => heal.Node).Distinct().Count();
        world.Referee.Require(atOnce < policy.CorrelatedOf(size), $"common cause: {atOnce} of {size} nodes are healed within {policy.Within.TotalSeconds:0} s");
    }

    // What is stored before it is done lies a little further back than what is seen here, and so does what was seen before it was judged.
    private static TimeSpan Slack => TimeSpan.FromSeconds(3);

    private void Look(SimulatedNode node, string name, SimulatedUnit unit, bool isIll)
    {
        var key = (node.Name, name);
        if (isIll)
        {
            _troubled[key] = world.Time.Elapsed;
        }

        if (_seen.TryGetValue(key, out var seen) && (seen.Run != unit.Run || seen.Restarts < unit.Restarts))
        {
            if (!_starts.TryGetValue(key, out var starts))
            {
                _starts[key] = starts = [];
            }

            starts.Add(world.Time.Elapsed);
        }

        _seen[key] = (unit.Run, unit.Restarts);
    }

    // It did not run when it was last looked at, or does not stay up.
    private bool IsIll(string node, string unit, SupervisionPolicy policy, TimeSpan now) =>
        (_troubled.TryGetValue((node, unit), out var at) && now - at < Referee.OnItsWay)
        || (_starts.TryGetValue((node, unit), out var starts) && starts.Count(start => now - start < policy.Restart.Budget.Window + Referee.OnItsWay) >= policy.RestartsTolerated);

    private IEnumerable<(TimeSpan At, string Node, string Unit, string Revision)> Counting(RestartBudget budget) =>
        _heals.Where(heal => world.Time.Elapsed - heal.At < budget.Window - Slack && heal.At > world.Referee.AskedAt);
}
