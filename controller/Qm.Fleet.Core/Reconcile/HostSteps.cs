using Qm.Fleet.Core.Revisions;

namespace Qm.Fleet.Core.Reconcile;

/// <summary>What comes before QM on the way of one node: its files, the agent of BlueChi that carries the rest, and what its systemd is to forget.</summary>
internal static class HostSteps
{
    // Owned files: staged everywhere at once, committed in turn.
    internal static NodeStep? Files(NodeView view, RenderedRevision desired, NodeEvidence evidence)
    {
        var changed = Drift.Files(desired, evidence);
        var slot = desired.Environment.RootfsArchive?.Sha256;
        var isMissing = slot is not null && !evidence.Rootfs.Slots.Contains(slot);
        if (changed.Count == 0 && evidence.Revision == desired.Name && !isMissing)
        {
            return null;
        }

        if (isMissing && evidence.Rootfs.Fetch is { Failure.Length: 0 } fetch && fetch.Sha256 == slot)
        {
            return new NodeStep.Wait("Rootfs", $"the agent extension prepares rootfs {slot[..12]}: {fetch.Progress}");
        }

        var reason = isMissing ? $"rootfs {slot![..12]} is not on the node"
            : changed.Count == 0 ? $"the node has revision '{evidence.Revision}'" : $"changes {string.Join(", ", changed)}";
        return (evidence.StagedRevision == desired.Name, view.MayMove) switch
        {
            (false, _) => new NodeStep.Stage(desired, reason),
            (true, false) => NodeWaits.Turn(),
            (true, true) => new NodeStep.Commit(desired.Name, ConfirmDeadline.For(view, evidence, changed), reason),
        };
    }

    // The host's agent before everything else: what comes after it goes over the link it makes.
    internal static NodeStep? Agent(NodeView view, NodeEvidence evidence, DateTimeOffset now)
    {
        if (evidence.HostAgentConfChangedAt == 0)
        {
            return null;
        }

        if (view.HostUnits.GetValueOrDefault(QmNode.AgentUnit) is not { } agent)
        {
            return NodeWaits.Unread(QmNode.AgentUnit, now);
        }

        if (agent.StartedAt >= evidence.HostAgentConfChangedAt)
        {
            return null;
        }

        return view.MayMove ? new NodeStep.RestartHostAgent("its configuration is newer than its start") : NodeWaits.Turn();
    }

    // A removal reads everything again in any case. Its owner starts a safety unit with what systemd knows, which the file that is gone has told it.
    internal static NodeStep? ScoresTaken(NodeView view, RenderedRevision desired, NodeEvidence evidence, DateTimeOffset now)
    {
        foreach (var name in desired.IsRemoval ? [] : evidence.RetiredSafetyUnits)
        {
            if (view.HostUnits.GetValueOrDefault(name) is not { } unit)
            {
                return NodeWaits.Unread(name, now);
            }

            if (unit is { IsLoaded: true, NeedsReload: true })
            {
                return view.MayMove ? new NodeStep.ReloadHost($"systemd still knows the score of {name} that was taken away") : NodeWaits.Turn();
            }
        }

        return null;
    }
}
