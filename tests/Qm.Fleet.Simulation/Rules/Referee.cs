using Qm.Fleet.BlueChi.Jobs;
using Qm.Fleet.Controller.Storage;
using Qm.Fleet.Core.Reconcile;
using Qm.Fleet.Core.Revisions;
using Qm.Fleet.Core.Rollouts;
using Qm.Fleet.Simulation.Models;
using Qm.Fleet.Simulation.Runs;
using Qm.Fleet.V1;

namespace Qm.Fleet.Simulation.Rules;

/// <summary>Holds what the controller does against what is so in the world, never against what the controller believes.</summary>
/// <remarks>
/// What is new in the world has to get to the controller first, and what the controller decided has to get to the node: each rule names the time it grants
/// for that. A node counts as known to be down after it has been so for <see cref="Known"/>.
/// </remarks>
internal sealed class Referee(World world)
{
    /// <summary>Longer than BlueChi's heartbeat, the extension's, a lost signal's net and the start of a controller take together.</summary>
    internal static readonly TimeSpan Known = TimeSpan.FromMinutes(3);

    /// <summary>Longer than what was decided takes to its node behind a command that gets no answer.</summary>
    internal static readonly TimeSpan OnItsWay = TimeSpan.FromSeconds(75);

    /// <summary>Longer than a command lies behind another one after it was decided.</summary>
    private static readonly TimeSpan AMoment = TimeSpan.FromSeconds(35);

    private readonly Dictionary<(string Revision, string Node), TimeSpan> _failed = [];
    private readonly Dictionary<string, (string Revision, TimeSpan At)> _asWanted = new(StringComparer.Ordinal);
    private string _to = "";
    private string _earlier = "";
    private TimeSpan _toSince;
    private RolloutStop? _stop;
    private bool _isAborted;
    private TimeSpan _askedAt;
    private TimeSpan _clockSetAt = TimeSpan.FromDays(-1);

    /// <summary>The first rule that was broken; null while none is.</summary>
    internal string? Broken { get; private set; }

    /// <summary>From now on nothing may be changed on these nodes; empty for no such time.</summary>
    internal HashSet<string> Quiet { get; } = new(StringComparer.Ordinal);

    /// <summary>What heals.</summary>
    internal HealingRules Healing { get; } = new(world);

    /// <summary>Revisions that failed somewhere.</summary>
    internal string[] FailedRevisions => [.. _failed.Keys.Select(failure => failure.Revision).Where(name => name != Removal.Revision).Distinct().Order(StringComparer.Ordinal)];

    internal void Require(bool holds, string rule)
    {
        if (!holds && Broken is null)
        {
            Broken = rule;
            world.Trace.Add($"BROKEN: {rule}");
        }
    }

    /// <summary>People asked for something, and were told that it is so.</summary>
    internal void Asked()
    {
        var now = world.Time.Elapsed;
        _askedAt = now;
        if (world.Store.Rollout is not { } rollout)
        {
            return;
        }

        if (rollout.ToRevision != _to)
        {
            (_earlier, _to, _toSince) = (_to, rollout.ToRevision, now);
        }

        (_stop, _isAborted) = (rollout.State.Stop, rollout.Phase == RolloutPhase.Aborted);
    }

    /// <summary>People asked that revisions be tried again where they failed.</summary>
    internal void Retried() => _failed.Clear();

    /// <summary>People asked that one revision be tried again where it failed.</summary>
    internal void Retried(string revision)
    {
        foreach (var failure in _failed.Keys.Where(failure => failure.Revision == revision).ToArray())
        {
            _failed.Remove(failure);
        }
    }

    /// <summary>When people last asked for something.</summary>
    internal TimeSpan AskedAt => _askedAt;

    /// <summary>Whether people asked for something a moment ago.</summary>
    internal bool WasAsked => world.Time.Elapsed - _askedAt < OnItsWay;

    /// <summary>Whether the clock was set within some time.</summary>
    internal bool ClockMoved(TimeSpan within) => world.Time.Elapsed - _clockSetAt < within;

    internal void ClockWasSet() => _clockSetAt = world.Time.Elapsed;

    /// <summary>After every step.</summary>
    internal void Look()
    {
        var now = world.Time.Elapsed;
        foreach (var node in world.Nodes)
        {
            if (node.NeedsQm)
            {
                node.LastNeed = now;
            }

            Healing.Look(node);
            node.OutSince = node.IsHeard ? null : node.OutSince ?? now;
            node.DrivingSince = node.ParkedTarget.IsActive ? null : node.DrivingSince ?? now;
            node.ExtensionOutSince = node.IsExtensionCut ? node.ExtensionOutSince ?? now : null;
            node.ServingSince = node.IsServing ? node.ServingSince ?? now : null;
            if (IsAsWanted(node))
            {
                _asWanted[node.Name] = (node.Agent.Revision, now);
            }

            // Rule 11. A node that nothing is wanted of is what it is, whether its QM runs or not.
            if ((node.Agent.Revision == Removal.Revision ? IsLong(node.ExtensionOutSince) : IsKnownDown(node)) && world.Controller is { } controller && now - controller.Since > Known
                && controller.Live.Find(node.Name) is { Step: NodeStep.Ready })
            {
                Require(false, $"honesty: {node.Name} is called Ready, and has not served since {(node.OutSince ?? node.ExtensionOutSince)?.TotalSeconds:0} s");
            }
        }
    }

    /// <summary>A rollout's next state is about to be stored.</summary>
    internal void Advances(RolloutState before, RolloutState after, DateTimeOffset decided)
    {
        var began = after.Members.Where(member => member.Value.IsInTheAir && before.Members.GetValueOrDefault(member.Key) is not { IsInTheAir: true }).Select(member => member.Key).ToArray();
        foreach (var name in began.Where(name => after.Members[name].State == MemberState.Moving))
        {
            Require(before.Stop is null, $"pause: {name} begins while the rollout is paused");
            if (world.Store.Policy.Windows is { Length: > 0 } windows && world.Time.Elapsed - _askedAt > OnItsWay)
            {
                Require(windows.Any(window => window.IsOpen(decided)), $"window: {name} begins at {decided:u}, outside of {string.Join(", ", windows)}");
            }
        }

        foreach (var (name, _) in after.Members.Where(member => member.Value.State == MemberState.Done && before.Members.GetValueOrDefault(member.Key) is not { State: MemberState.Done }))
        {
            Require(world.Node(name).Agent.EverConfirmed.Contains(after.To), $"confirmation: {name} is done with {after.To}, which was never confirmed there");
        }

        Budget([.. began.Where(name => IsKnownToServe(world.Node(name)))], after);
    }

    /// <summary>A rollout's state was stored.</summary>
    internal void Stored(StoredRollout rollout)
    {
        Require(rollout.ToRevision == _to && rollout.State.To == _to, $"durability: {_to} was applied, and the rollout goes to {rollout.State.To}");
        Require(Equals(rollout.State.Stop, _stop), $"durability: people {(_stop is null ? "let the rollout go on" : "paused the rollout")}, and it is {(rollout.State.Stop is null ? "not " : "")}paused");
        Require(!_isAborted || rollout.Phase == RolloutPhase.Aborted, $"durability: people ended the rollout, and it is {rollout.Phase}");
        foreach (var (name, _) in rollout.State.Members.Where(member => member.Value.HasFailed))
        {
            _failed.TryAdd((rollout.ToRevision, name), world.Time.Elapsed);
        }
    }

    /// <summary>A fleet that was deleted is about to be forgotten.</summary>
    internal void Forgets(DesiredFleet seen)
    {
        foreach (var member in world.Store.IsDeleting && world.Time.Elapsed - _askedAt > OnItsWay ? world.Store.Members : [])
        {
            var agent = world.Node(member.Name).Agent;
            Require(agent.Revision == Removal.Revision && agent.IsConfirmed, $"deletion: {seen.Name} is forgotten, and {member.Name} still has {agent.Revision}");
        }
    }

    /// <summary>A command has come to an agent.</summary>
    internal void Arrived(SimulatedNode node, Command command)
    {
        Require(command.ActionCase == Command.ActionOneofCase.Inspect || !Quiet.Contains(node.Name), $"quiet: {command.ActionCase} for {node.Name}, where all is as wanted");
        switch (command.ActionCase)
        {
            case Command.ActionOneofCase.Commit:
                Committed(node, command.Commit.Revision);
                break;
            case Command.ActionOneofCase.Confirm:
                var (revision, at) = _asWanted.GetValueOrDefault(node.Name);
                Require(revision == command.Confirm.Revision && world.Time.Elapsed - at < OnItsWay, $"confirmation: {command.Confirm.Revision} is confirmed on {node.Name}, which has not got it as wanted");
                break;
        }
    }

    /// <summary>The controller asks BlueChi to change something.</summary>
    internal void Mutated(string bluechiNode, string unit, string what)
    {
        var node = QmNode.HostOf(bluechiNode, out var isQm);
        Require(isQm || unit is QmNode.Unit or "", $"ASIL guard: {what} of {unit} on {node}");
        Require(!Quiet.Contains(node), $"quiet: {what} of {unit} on {bluechiNode}, where all is as wanted");
        Healing.Mutated(node, unit, what);
    }

    /// <summary>A job is carried out on a node.</summary>
    internal void Carried(SimulatedNode node, bool isQm, string unit, JobType type, TimeSpan sent)
    {
        world.Trace.Add($"{node.Name} {type} {(isQm ? "in QM " : "")}{unit}");
        if (!isQm)
        {
            // Rule 9, and the traps of jobs that are told wrongly, late or never.
            if (world.Store.Rollout is { } rollout && rollout.State.Members.GetValueOrDefault(node.Name) is { State: MemberState.Moving } && node.IsServing && world.Time.Elapsed - _askedAt > OnItsWay
                && world.Time.Elapsed - sent < OnItsWay && node.Agent.Revision == rollout.ToRevision)
            {
                Parked(node, $"QM is {type}ed on", sent);
            }

            Require(type != JobType.Stop && node.LastNeed >= sent - OnItsWay, $"healing: QM of {node.Name} is {type}ed, and needed nothing since {node.LastNeed.TotalSeconds:0} s");
        }
    }

    /// <summary>QM, which serves, is about to be restarted for what fails in it: a disruption as a rollout's.</summary>
    internal void TakesDown(SimulatedNode node)
    {
        world.Trace.Add($"QM of {node.Name}, which {(node.IsServing ? "serves" : "does not serve")}, is taken down to heal");
        if (IsKnownToServe(node) && world.Time.Elapsed - _askedAt > OnItsWay && world.Store.Rollout is { } rollout)
        {
            Parked(node, "QM is restarted to heal", world.Time.Elapsed);
            Budget([node.Name], rollout.State);
        }
    }

    private void Committed(SimulatedNode node, string revision)
    {
        var now = world.Time.Elapsed;
        var member = world.Store.Rollout?.State.Members.GetValueOrDefault(node.Name);
        var isBase = member?.Base == revision;
        if (!isBase && member is { State: MemberState.Moving } && now - _askedAt > OnItsWay)
        {
            Disturbed(node, $"{revision} is committed on");
        }

        Require(revision == _to || isBase || (revision == _earlier && now - _toSince < OnItsWay) || now - _askedAt < OnItsWay, $"superseded: {revision} is committed on {node.Name}, where {_to} was applied");
        Require(isBase || !_failed.TryGetValue((revision, node.Name), out var at) || now - at < OnItsWay, $"known bad: {revision} is committed on {node.Name}, where it has failed");
        Require(!world.Store.Nodes[node.Name].Cordoned || now - _askedAt < OnItsWay, $"cordon: {revision} is committed on {node.Name}, which is cordoned");
    }

    // Asked right before: what was so a moment ago, while the command was on its way, counts as well.
    private void Disturbed(SimulatedNode node, string what)
    {
        var now = world.Time.GetUtcNow();
        var policy = world.Store.Policy;
        Require(
            policy.IsOpen(now) || policy.IsOpen(now - AMoment) || world.Time.Elapsed - _clockSetAt < OnItsWay,
            $"window: {what} {node.Name} at {now:u}, outside of {string.Join(", ", policy.Windows)}");
        Parked(node, what, world.Time.Elapsed);
    }

    // What was sent before it drove off is carried out whenever it arrives.
    private void Parked(SimulatedNode node, string what, TimeSpan sent)
    {
        foreach (var condition in world.Store.Policy.Preconditions)
        {
            var asked = condition.Node.Length == 0 ? node : world.Node(condition.Node);
            Require(asked.DrivingSince is not { } since || sent - since < AMoment, $"precondition: {what} {node.Name}, and {asked.Name} is not parked");
        }
    }

    // Rule 3. A node that is taken down, and was not, must find room beside those in the air and those known to be down.
    private void Budget(string[] taken, RolloutState after)
    {
        // What people changed a moment ago may not have been read.
        if (taken.Length == 0 || world.Time.Elapsed - _askedAt < OnItsWay)
        {
            return;
        }

        var policy = world.Store.Policy;
        string GroupOf(string name) => policy.BudgetPer.Length == 0 ? "" : world.Store.Nodes[name].Labels.GetValueOrDefault(policy.BudgetPer, "");
        foreach (var group in taken.Select(GroupOf).Distinct())
        {
            var members = world.Store.Members.Where(node => GroupOf(node.Name) == group).ToArray();
            var down = members.Count(node => taken.Contains(node.Name) || after.Members.GetValueOrDefault(node.Name) is { IsInTheAir: true } || (IsKnownDown(world.Node(node.Name)) && !IsLetGo(node.Name, after)));
            var room = policy.MaxUnavailable.AtMostOf(members.Length);
            Require(down <= room, $"budget: {string.Join(", ", taken)} taken down, so that {down} of {members.Length} nodes{(group.Length > 0 ? $" of {group}" : "")} are, and maxUnavailable {policy.MaxUnavailable} allows {room}");
        }
    }

    // A deleted fleet has nothing more to do with what it left clean.
    private static bool IsLetGo(string name, RolloutState state) => state.IsRemoval && state.Members.GetValueOrDefault(name) is { State: MemberState.Done };

    // One that came up a moment ago is still thought to be down, and loses nothing by going first.
    private bool IsKnownToServe(SimulatedNode node) => node.ServingSince is { } since && world.Time.Elapsed - since > OnItsWay;

    // Each for itself: that one thing came back does not make known that another went a moment ago.
    private bool IsKnownDown(SimulatedNode node) => IsLong(node.OutSince) || IsLong(node.ExtensionOutSince);

    private bool IsLong(TimeSpan? since) => since is { } at && world.Time.Elapsed - at > Known;

    private bool IsAsWanted(SimulatedNode node) =>
        node.Agent.Revision == Removal.Revision ? node.IsClean : node.Agent.Revision.Length > 0 && world.Revisions[node.Agent.Revision].Environment is var wanted
        && !node.NeedsQm && node.MemoryHigh == node.WantedHigh
        && wanted.Workloads.All(workload => node.Workloads.GetValueOrDefault(workload.Name) is { IsActive: true });
}
