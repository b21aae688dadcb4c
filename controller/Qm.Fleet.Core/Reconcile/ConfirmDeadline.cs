using Qm.Fleet.Core.Revisions;

namespace Qm.Fleet.Core.Reconcile;

/// <summary>How long a node waits for the confirmation of a commit before it goes back by itself.</summary>
public static class ConfirmDeadline
{
    /// <summary>For a change of a BlueChi agent's configuration, which could cut the node off: the agent restarts and registers within seconds.</summary>
    public static readonly TimeSpan Link = TimeSpan.FromSeconds(60);

    /// <summary>
    /// For any other change: nothing of it can keep the controller from mending it, so this only ends what nobody ever looked at, such as a commit whose
    /// controller is gone for good. Longer than an update of the controller takes.
    /// </summary>
    public static readonly TimeSpan Other = TimeSpan.FromMinutes(30);

    /// <summary>The deadline of one commit.</summary>
    /// <param name="view">The node before it.</param>
    /// <param name="evidence">What is on the node before it.</param>
    /// <param name="changed">The files it changes.</param>
    /// <remarks>
    /// The confirmation comes last, after QM and its workloads were seen to run. What of that the commit sets off is granted the time that the
    /// reconciler itself grants it; a node must not go back while it is still being waited for.
    /// </remarks>
    public static TimeSpan For(NodeView view, NodeEvidence evidence, IReadOnlyCollection<OwnedFileId> changed)
    {
        // Over a revision that nobody confirmed the way back leads further than this commit's own changes.
        var cutsOff = changed.Any(file => file.Kind is OwnedFileKind.HostBlueChiAgentConf or OwnedFileKind.QmBlueChiAgentConf) || evidence.AwaitsConfirmation;
        if (!cutsOff)
        {
            return Other;
        }

        var starts = changed.Count(file => file.Kind == OwnedFileKind.Workload)
            + (view.Qm != Presence.Online || changed.Any(file => file.Kind == OwnedFileKind.QmContainerDropIn) ? 1 : 0);
        var within = view.LinkConfirmWithin + starts * NodeReconciler.QmDeadline;
        return within < Other ? within : Other;
    }
}
