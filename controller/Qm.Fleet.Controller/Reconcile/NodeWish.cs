using Qm.Fleet.Controller.Gateway;
using Qm.Fleet.Controller.Storage;
using Qm.Fleet.Core.Reconcile;
using Qm.Fleet.Core.Revisions;
using Qm.Fleet.Core.Rollouts;

namespace Qm.Fleet.Controller.Reconcile;

/// <summary>What is wanted of one node: what its fleet assigned to it, as far as the rollout lets it go.</summary>
/// <remarks>Read and rendered once, and again when it changed. Only its worker asks; anybody may assign.</remarks>
internal sealed class NodeWish(string name, IAgentLinks agents, RolloutKeeper rollouts)
{
    private volatile NodeAssignment _assignment = new("", null, "not read from the store yet", false);
    private AgentReport? _mapped;
    private NodeEvidence? _evidence;
    private (string Key, RenderedRevision? Revision) _rendered = ("", null);

    /// <summary>What its fleet assigned to it last.</summary>
    internal NodeAssignment Assignment
    {
        get => _assignment;
        set => _assignment = value;
    }

    /// <summary>The revision an assignment comes to now, null for none, and whether the node may move to it.</summary>
    internal (RenderedRevision? Desired, bool MayMove) Of(NodeAssignment assignment)
    {
        if (assignment.Fleet is not { } fleet)
        {
            return default;
        }

        var target = rollouts.TargetOf(fleet, name, Evidence()?.StagedRevision ?? "", revision => IsInPlace(fleet, revision));
        return (Rendered(fleet, target.Revision ?? ""), target.MayMove);
    }

    /// <summary>What the agent extension told last; null when it never did.</summary>
    internal NodeEvidence? Evidence()
    {
        var report = agents.LastReport(name);
        if (!ReferenceEquals(report, _mapped))
        {
            _mapped = report;
            _evidence = report is null ? null : EvidenceMapper.ToEvidence(report.Report);
        }

        return _evidence;
    }

    /// <summary>The node's part in its fleet's rollout; null when it has none.</summary>
    internal RolloutMember? Member() => _assignment.Fleet is { } fleet ? rollouts.MemberOf(fleet.Name, name) : null;

    /// <summary>Whether there is a revision that it had before and could have again.</summary>
    internal bool CanRevert() => Member() is { State: MemberState.Done, Base.Length: > 0 } member && _assignment.Fleet?.Environments.ContainsKey(member.Base) == true;

    /// <summary>A step as people are to see it: ready with what it had before is not where its fleet wants it.</summary>
    internal NodeStep Shown(NodeAssignment assignment, NodeView view, NodeStep step)
    {
        if (assignment.Fleet is not { } fleet || rollouts.MemberOf(fleet.Name, name) is not { } member)
        {
            return step;
        }

        return (member, step) switch
        {
            ({ HasFailed: true, State: not MemberState.Returning }, not NodeStep.Act) =>
                new NodeStep.Failed(member.State == MemberState.Returned && member.Base.Length > 0 ? $"{member.Failure}; it has {member.Base} again" : member.Failure),
            (_, NodeStep.Ready) when view.Desired?.Name != fleet.Revision =>
                new NodeStep.Wait("Turn", rollouts.Find(fleet.Name)?.Holds.GetValueOrDefault(name)?.Hold.Reason ?? "the rollout of its fleet brings it nothing else now"),
            _ => step,
        };
    }

    private RenderedRevision? Rendered(DesiredFleet fleet, string revision)
    {
        if (!fleet.Environments.TryGetValue(revision, out var environment))
        {
            return null;
        }

        var key = $"{fleet.Uid}/{revision}";
        if (_rendered.Key != key)
        {
            _rendered = (key, RevisionRenderer.Render(revision, environment, name));
        }

        return _rendered.Revision;
    }

    private bool IsInPlace(DesiredFleet fleet, string revision) =>
        Evidence() is { } evidence && evidence.Revision == revision && fleet.Environments.TryGetValue(revision, out var environment)
        && Drift.Files(RevisionRenderer.Render(revision, environment, name), evidence).Count == 0;
}
