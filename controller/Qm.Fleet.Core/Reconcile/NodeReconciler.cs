using System.Collections.Immutable;
using Qm.Fleet.Core.Plans;
using Qm.Fleet.Core.Resources;
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
        (isTold ? null : Files(view, desired, evidence))
        ?? HostAgent(view, evidence, now)
        ?? ScoresTaken(view, desired, evidence, now)
        ?? (desired.IsRemoval ? Removed(view, desired, evidence, now) : Running(view, desired, evidence, isTold, now))
        ?? Settled(view, desired, evidence, isTold, now);

    private static NodeStep? Removed(NodeView view, RenderedRevision desired, NodeEvidence evidence, DateTimeOffset now) =>
        RemovalSteps.Next(view, desired, evidence, now) is { } step ? step is NodeStep.Act && !view.MayMove ? Turn() : step : null;

    private static NodeStep? Running(NodeView view, RenderedRevision desired, NodeEvidence evidence, bool isTold, DateTimeOffset now) =>
        Qm(view, desired, evidence, isTold, now)
        ?? Inside(view, desired, evidence, isTold, now);

    // Owned files: staged everywhere at once, committed in turn.
    private static NodeStep? Files(NodeView view, RenderedRevision desired, NodeEvidence evidence)
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
            (true, false) => Turn(),
            (true, true) => new NodeStep.Commit(desired.Name, ConfirmDeadline.For(view, evidence, changed), reason),
        };
    }

    // The host's agent before everything else: what comes after it goes over the link it makes.
    private static NodeStep? HostAgent(NodeView view, NodeEvidence evidence, DateTimeOffset now)
    {
        if (evidence.HostAgentConfChangedAt == 0)
        {
            return null;
        }

        if (view.HostUnits.GetValueOrDefault(QmNode.AgentUnit) is not { } agent)
        {
            return Unread(QmNode.AgentUnit, now);
        }

        if (agent.StartedAt >= evidence.HostAgentConfChangedAt)
        {
            return null;
        }

        return view.MayMove ? new NodeStep.RestartHostAgent("its configuration is newer than its start") : Turn();
    }

    // A removal reads everything again in any case. Its owner starts a safety unit with what systemd knows, which the file that is gone has told it.
    private static NodeStep? ScoresTaken(NodeView view, RenderedRevision desired, NodeEvidence evidence, DateTimeOffset now)
    {
        foreach (var name in desired.IsRemoval ? [] : evidence.RetiredSafetyUnits)
        {
            if (view.HostUnits.GetValueOrDefault(name) is not { } unit)
            {
                return Unread(name, now);
            }

            if (unit is { IsLoaded: true, NeedsReload: true })
            {
                return view.MayMove ? new NodeStep.ReloadHost($"systemd still knows the score of {name} that was taken away") : Turn();
            }
        }

        return null;
    }

    // qm.service: known to systemd, running, with its limits and its score.
    private static NodeStep? Qm(NodeView view, RenderedRevision desired, NodeEvidence evidence, bool isTold, DateTimeOffset now)
    {
        if (view.QmUnit is not { } unit)
        {
            return new NodeStep.Wait("Reading", $"{QmNode.Unit} could not be read through BlueChi", now + LookLater);
        }

        if (unit.IsMoving)
        {
            return new NodeStep.Wait("Qm", $"{QmNode.Unit} is {unit.ActiveState} ({unit.SubState})", now + LookSoon, QmDeadline);
        }

        var step = QmStep(view, desired, evidence, unit, isTold, now);
        return step is NodeStep.Act && !view.MayMove ? Turn() : step;
    }

    private static NodeStep? QmStep(NodeView view, RenderedRevision desired, NodeEvidence evidence, UnitReading unit, bool isTold, DateTimeOffset now)
    {
        if (unit.ActiveState != "active")
        {
            return new NodeStep.StartQm($"{QmNode.Unit} is {unit.ActiveState}") { Heals = true };
        }

        // A running unit that systemd no longer knows has lost its restart protection; reading the files again brings it back.
        if (!unit.IsLoaded)
        {
            return new NodeStep.ReloadHost($"systemd does not know {QmNode.Unit} ({unit.LoadState})");
        }

        if (evidence.Oom.QmInit == 0)
        {
            return new NodeStep.Wait("QmInit", "QM is active, but its init is not seen yet", now + LookSoon, QmDeadline);
        }

        return (isTold ? null : QmValues(view, desired, evidence, unit)) ?? (view.Qm == Presence.Online ? null : Offline(view, evidence, unit, now));
    }

    // Limits, score and rootfs of a QM that runs.
    private static NodeStep.Act? QmValues(NodeView view, RenderedRevision desired, NodeEvidence evidence, UnitReading unit)
    {
        var limits = NodeChecks.LimitsToSet(desired, evidence).ToImmutableArray();
        if (limits.Length > 0)
        {
            return new NodeStep.SetLimits(
                [.. LiveProperty.Of(limits, evidence.Machine)],
                $"sets {string.Join(", ", limits.Select(limit => $"{limit.Key}={limit.Value}"))}");
        }

        if (desired.Environment.Oom.Qm is { } score && evidence.Oom.Qm != score)
        {
            return new NodeStep.RestartQm($"QM's init has OOM score {evidence.Oom.Qm}, wanted is {score}");
        }

        if (NodeChecks.RunsFromOtherRootfs(desired, evidence))
        {
            return new NodeStep.RestartQm($"QM runs from {evidence.Rootfs.Running}, wanted is {NodeChecks.WantedRootfs(desired)}");
        }

        // Says the same as /proc by now, unless somebody else's files were read since; the next start would be wrong.
        if (desired.Environment.Oom.Qm is { } known && unit.OomScoreAdjust != known)
        {
            return new NodeStep.ReloadHost($"systemd would start {QmNode.Unit} with OOM score {unit.OomScoreAdjust}, wanted is {known}");
        }

        foreach (var (name, wanted) in desired.Environment.Oom.Asil)
        {
            if (view.HostUnits.GetValueOrDefault(name) is { IsLoaded: true } asil && asil.OomScoreAdjust != wanted)
            {
                return new NodeStep.ReloadHost($"systemd would start {name} with OOM score {asil.OomScoreAdjust}, wanted is {wanted}");
            }
        }

        return null;
    }

    // The agent inside QM cannot be restarted through BlueChi while it is offline. Only when it stays so, and has a
    // configuration that it may never have read, is all of QM restarted for it. Once confirmed, it was read: then QM runs, and the link is at fault.
    private static NodeStep Offline(NodeView view, NodeEvidence evidence, UnitReading unit, DateTimeOffset now)
    {
        var wait = new NodeStep.Wait("QmOnline", $"QM is active, but {QmNode.NameFor(view.Name)} has not registered with BlueChi", now + LookLater, QmDeadline);
        var restart = new NodeStep.RestartQm($"{QmNode.NameFor(view.Name)} is offline, and its agent's configuration is newer than QM's start");
        return !evidence.Confirmed && IsNewer(evidence, new(OwnedFileKind.QmBlueChiAgentConf, ""), unit) && !view.Memory.WasInVain(restart, view)
            && view.Memory.Step == wait.Name && now - view.Memory.StepSince >= AgentGrace ? restart : wait;
    }

    // What runs inside QM, in the order in which it depends on each other: the agent first, it carries the rest.
    private static NodeStep? Inside(NodeView view, RenderedRevision desired, NodeEvidence evidence, bool isTold, DateTimeOffset now)
    {
        var step = InsideStep(view, desired, evidence, isTold, now);
        return step is NodeStep.Act && !view.MayMove ? Turn() : step;
    }

    private static NodeStep? InsideStep(NodeView view, RenderedRevision desired, NodeEvidence evidence, bool isTold, DateTimeOffset now)
    {
        if (view.QmUnits.GetValueOrDefault(QmNode.AgentUnit) is not { } agent)
        {
            return Unread(QmNode.AgentUnit, now);
        }

        if (IsNewer(evidence, new(OwnedFileKind.QmBlueChiAgentConf, ""), agent))
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
            if (WorkloadStep(view, desired, evidence, workload.Name, isTold, now) is { } step)
            {
                return step;
            }
        }

        return null;
    }

    private static NodeStep? WorkloadStep(NodeView view, RenderedRevision desired, NodeEvidence evidence, string name, bool isTold, DateTimeOffset now)
    {
        var unitName = name + ".service";
        if (view.QmUnits.GetValueOrDefault(unitName) is not { } unit)
        {
            return Unread(unitName, now);
        }

        if (unit.IsMoving)
        {
            return new NodeStep.Wait("Workload", $"{unitName} is {unit.ActiveState} ({unit.SubState})", now + LookSoon, QmDeadline);
        }

        // Without its file there is nothing to start.
        if (isTold && !evidence.Files.ContainsKey(new(OwnedFileKind.Workload, name)))
        {
            return null;
        }

        var runs = unit.ActiveState == "active";
        if (!unit.IsLoaded || IsNewer(evidence, new(OwnedFileKind.Workload, name), unit))
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
            : Turn();
    }

    private static bool IsNewer(NodeEvidence evidence, OwnedFileId file, UnitReading unit) =>
        evidence.Files.GetValueOrDefault(file) is { } found && found.CommittedAt > unit.StartedAt;

    // A window is asked for where a move begins: what has begun is brought to its end, because leaving it half-way would disrupt no less.
    // A precondition is asked for at every step that disrupts; when it stays away, the agent extension goes back by itself for want of the confirmation.
    private static bool IsHeld(NodeStep.Act act, NodeStep.Wait held) => act is NodeStep.Commit || (held.For == "Precondition" && IsGuarded(act));

    private static NodeStep.Wait Turn() => new("Turn", "other nodes of the fleet go first");

    private static NodeStep.Wait Unread(string unit, DateTimeOffset now) =>
        new("Reading", $"{unit} could not be read through BlueChi", now + LookLater, QmDeadline);
}
