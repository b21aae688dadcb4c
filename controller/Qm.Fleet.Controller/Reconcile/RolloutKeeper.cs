using System.Collections.Concurrent;
using System.Collections.Immutable;
using Qm.Fleet.Controller.Gateway;
using Qm.Fleet.Controller.Storage;
using Qm.Fleet.Core.Reconcile;
using Qm.Fleet.Core.Rollouts;

namespace Qm.Fleet.Controller.Reconcile;

/// <summary>Asks Core which nodes of a fleet may move, and remembers the answer for their workers.</summary>
internal sealed class RolloutKeeper(LiveNodes live, IAgentLinks agents, BlueChiLink blueChi, TimeProvider time)
{
    // After a start, a node in the middle of its way must be heard before another gets its turn.
    private static readonly TimeSpan Settling = TimeSpan.FromSeconds(10);

    private readonly long _started = time.GetTimestamp();
    private readonly ConcurrentDictionary<string, (DesiredFleet Fleet, RolloutDecision Decision)> _decisions = new(StringComparer.Ordinal);

    /// <summary>Whether a node of a fleet may change now.</summary>
    internal bool MayMove(string fleet, string node) =>
        _decisions.TryGetValue(fleet, out var known) && known.Decision.MayMove.Contains(node);

    /// <summary>The last answer for a fleet; null before the first.</summary>
    internal (DesiredFleet Fleet, RolloutDecision Decision)? Find(string fleet) => _decisions.TryGetValue(fleet, out var known) ? known : null;

    /// <summary>Asks anew.</summary>
    /// <returns>The answer, and the nodes that may move now and might not before.</returns>
    internal (RolloutDecision Decision, ImmutableSortedSet<string> Admitted) Advance(DesiredFleet fleet, IEnumerable<string> members)
    {
        var states = members.Select(name => ToMember(fleet, name)).ToArray();
        var decision = SequentialRollout.Advance(fleet.Rollout?.Phase ?? RolloutPhase.Progressing, states);
        if (time.GetElapsedTime(_started) < Settling && states.Any(member => IsUnheard(member.Name)))
        {
            decision = decision with
            {
                MayMove = decision.MayMove.Except(states.Where(member => member.State == MemberState.Waiting).Select(member => member.Name)),
                Message = decision.Message + "; the controller has just started and listens for the others first",
            };
        }

        var before = Find(fleet.Name)?.Decision.MayMove ?? [];
        _decisions[fleet.Name] = (fleet, decision);
        return (decision, decision.MayMove.Except(before));
    }

    internal void Forget(string fleet) => _decisions.TryRemove(fleet, out _);

    private bool IsUnheard(string node) => agents.LastReport(node) is null && blueChi.PresenceOf(node) != Presence.Offline;

    private RolloutMember ToMember(DesiredFleet fleet, string name)
    {
        if (live.Find(name) is not { } node || node.Assignment.Fleet?.Uid != fleet.Uid || node.Assignment.Fleet.Revision != fleet.Revision)
        {
            return new(name, MemberState.Unreachable, "not looked at yet");
        }

        var begun = node.Report?.Report.Revision == fleet.Revision;
        return new(name, node.Step switch
        {
            NodeStep.Failed => MemberState.Failed,
            // It came where the rollout brought it; what was changed since is left as it is.
            NodeStep.Ready or NodeStep.Wait { For: Drift.Step } => MemberState.Ready,
            _ when begun => MemberState.Moving,
            NodeStep.Wait { For: "BlueChi" or "Host" or "Extension" or "Uncordon" } or NodeStep.Idle => MemberState.Unreachable,
            _ => MemberState.Waiting,
        }, node.Step is NodeStep.Failed ? node.Step.Reason : $"{node.Step.Name}: {node.Step.Reason}");
    }
}
