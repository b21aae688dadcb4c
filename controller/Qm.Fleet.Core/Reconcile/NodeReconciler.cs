using Qm.Fleet.Core.Plans;
using Qm.Fleet.Core.Revisions;

namespace Qm.Fleet.Core.Reconcile;

/// <summary>Decides what to do next for one node, from what was read back and nothing else.</summary>
/// <remarks>
/// The way is: stage, commit, take effect, verify, confirm. Every question is asked of the node's present state, so a
/// controller that was killed anywhere starts again, looks, and goes on; over a converged node nothing is ever decided but Ready.
/// </remarks>
public static class NodeReconciler
{
    /// <summary>How long something that was done may take to be seen, before it is held to have been in vain.</summary>
    public static readonly TimeSpan EffectDeadline = TimeSpan.FromSeconds(15);

    /// <summary>How long QM may take to start, or to register with BlueChi.</summary>
    public static readonly TimeSpan QmDeadline = TimeSpan.FromMinutes(2);

    /// <summary>How long QM may be offline before a restart of QM is held to be what its agent needs; a restarted agent is back in seconds.</summary>
    public static readonly TimeSpan AgentGrace = TimeSpan.FromSeconds(20);

    internal static readonly TimeSpan LookSoon = TimeSpan.FromMilliseconds(100);
    internal static readonly TimeSpan LookLater = TimeSpan.FromSeconds(1);

    /// <summary>The next step for a node.</summary>
    /// <param name="view">What is known about it.</param>
    /// <param name="now">The time, for waits and their deadlines.</param>
    public static NodeStep Decide(NodeView view, DateTimeOffset now)
    {
        var memory = view.Memory;
        return Next(view, now) switch
        {
            NodeStep.Act and not NodeStep.Stage when view.Operation is { } operation => new NodeStep.Wait("Operation", $"{operation} is at work on the node"),
            // Neither what was tried on the way here nor how long it lasts makes a failure of the revision of it.
            NodeStep.Act { Heals: true } heal when view.IsSupervised => heal,
            NodeStep.Wait { For: "Qm" or "QmInit" or "QmOnline" or "Workload" } wait when view.IsSupervised => wait,
            NodeStep.Act when memory.Refused || memory.Attempts >= NodeMemory.MaxAttempts => new NodeStep.Failed(memory.LastError),
            NodeStep.Act act when memory.WasInVain(act, view) =>
                Expire(new("Effect", $"{act.Name} was done, but is not seen: {act.Reason}", now + LookSoon, EffectDeadline), memory, now),
            NodeStep.Act act when view.Held is { } held && IsHeld(act, held) => held,
            NodeStep.Act when now < memory.NotBefore => new NodeStep.Wait("Retry", memory.LastError, memory.NotBefore),
            NodeStep.Wait wait => Expire(wait, memory, now),
            var step => step,
        };
    }

    /// <summary>Whether what an act needs is to be looked at once more right before it is done.</summary>
    public static bool IsGuarded(NodeStep.Act act) => act is NodeStep.Commit || Disruptions.Of(act) > Disruption.None;

    /// <summary>What an act is about; acts of the same key replace each other in the memory.</summary>
    internal static string KeyOf(NodeStep.Act act) => act switch
    {
        NodeStep.StopWorkload stop => $"{act.Name} {stop.Unit}",
        NodeStep.RunWorkload run => $"{act.Name} {run.Unit}",
        _ => act.Name,
    };

    /// <summary>The state an act is meant to change; when it is the same afterwards, the act was in vain.</summary>
    /// <remarks>Starts and restarts have no state: once is enough, what ends again after that is the supervisor's business.</remarks>
    internal static string StateOf(NodeStep.Act act, NodeView view) => act switch
    {
        // A failed fetch and a slot that came or went are reasons to stage again.
        NodeStep.Stage or NodeStep.Commit => Text(view.Evidence?.Files.Select(file => $"{file.Key} {file.Value.Sha256}")
            .Concat(view.Evidence.Rootfs.Slots).Append(view.Evidence.Rootfs.Fetch?.Failure ?? "")),
        // Usage figures stand among the limits and change by themselves.
        NodeStep.SetLimits limits => $"{Text(limits.Properties.Select(property => $"{property}"))} over {Text(view.Evidence?.Cgroup
            .Where(file => file.Key is not ("memory.current" or "memory.events")).Concat(view.Evidence.ManagedOom).Select(value => $"{value.Key}={value.Value}"))}",
        _ => "",
    };

    private static string Text(IEnumerable<string>? parts) => string.Join(' ', parts?.Order(StringComparer.Ordinal) ?? Enumerable.Empty<string>());

    private static NodeStep Expire(NodeStep.Wait wait, NodeMemory memory, DateTimeOffset now)
    {
        if (wait.FailsAfter is not { } limit || memory.Step != wait.Name)
        {
            return wait;
        }

        var end = memory.StepSince + limit;
        return now >= end
            ? new NodeStep.Failed($"{wait.Reason} (gave up after {limit.TotalSeconds:0} s)")
            : wait with { LookAgain = wait.LookAgain is { } look && look < end ? look : end };
    }

    private static NodeStep Next(NodeView view, DateTimeOffset now)
    {
        if (view.Desired is not { } desired)
        {
            return new NodeStep.Idle(view.NotDesiredBecause);
        }

        return view switch
        {
            { Cordoned: true } => new NodeStep.Wait("Uncordon", "the node is cordoned"),
            { KnownBad: { } reason } => new NodeStep.Failed(reason),
            // Told by the agent extension, whose link outlives BlueChi's: asked before BlueChi is. Where it was given its turn again, it forgot while it staged.
            { MayMove: true, Evidence.Reverted: { } reverted } when reverted.Revision == desired.Name => new NodeStep.Failed($"the node went back from it: {reverted.Reason}"),
            { Host: Presence.Unknown } => new NodeStep.Wait("BlueChi", "BlueChi is not heard, so nothing is known of the node"),
            { Host: Presence.Offline } => new NodeStep.Wait("Host", $"BlueChi says {view.Name} is offline"),
            { Evidence: null } => new NodeStep.Wait("Extension", "the agent extension is not connected"),
            _ => Way(view, desired, view.Evidence, Drift.IsOnlyTold(desired, view.Evidence), now),
        };
    }

    // Where drift is only told, what is down is still started, and what differs is left as it is.
    private static NodeStep Way(NodeView view, RenderedRevision desired, NodeEvidence evidence, bool isTold, DateTimeOffset now) =>
        (isTold ? null : HostSteps.Files(view, desired, evidence))
        ?? HostSteps.Agent(view, evidence, now)
        ?? HostSteps.ScoresTaken(view, desired, evidence, now)
        ?? InTurn(view, desired.IsRemoval ? RemovalSteps.Next(view, desired, evidence, now) : Running(view, desired, evidence, isTold, now))
        ?? Settled(view, desired, evidence, isTold, now);

    private static NodeStep? Running(NodeView view, RenderedRevision desired, NodeEvidence evidence, bool isTold, DateTimeOffset now) =>
        QmSteps.Next(view, desired, evidence, isTold, now) ?? WorkloadSteps.Next(view, desired, evidence, isTold, now);

    private static NodeStep? InTurn(NodeView view, NodeStep? step) => step is NodeStep.Act && !view.MayMove ? NodeWaits.Turn() : step;

    private static NodeStep Settled(NodeView view, RenderedRevision desired, NodeEvidence evidence, bool isTold, DateTimeOffset now)
    {
        if (isTold && Drift.Tell(desired, evidence) is { Length: > 0 } differences)
        {
            return new NodeStep.Wait(Drift.Step, $"{differences}; the environment says drift: report, so it is left as it is until it is undone by hand or drift is set to heal");
        }

        var checks = NodeChecks.Evaluate(desired, evidence);
        var failing = checks.Where(check => check.Result == CheckResult.Fail).ToArray();
        if (failing.Length > 0)
        {
            return new NodeStep.Wait("Verification", string.Join("; ", failing.Select(check => $"{check.Name} is {check.Found}, wanted is {check.Wanted}: {check.Message}")), now + LookSoon, EffectDeadline);
        }

        // A kernel without a controller never shows its limits; that is told, and holds nothing up.
        var unread = string.Join(", ", checks.Where(check => check.Result == CheckResult.Unreadable).Select(check => check.Name));
        var reason = unread.Length == 0 ? "every value was read back as wanted" : $"as wanted as far as it can be read back; not readable on this node: {unread}";
        return evidence.Confirmed ? new NodeStep.Ready(reason)
            : view.MayMove ? new NodeStep.Confirm(desired.Name, reason)
            : NodeWaits.Turn();
    }

    // A window is asked for where a move begins: what has begun is brought to its end, because leaving it half-way would disrupt no less.
    // A precondition is asked for at every step that disrupts; when it stays away, the agent extension goes back by itself for want of the confirmation.
    private static bool IsHeld(NodeStep.Act act, NodeStep.Wait held) => act is NodeStep.Commit || (held.For == "Precondition" && IsGuarded(act));
}
