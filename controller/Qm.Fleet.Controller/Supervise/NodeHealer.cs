using System.Collections.Immutable;
using Qm.Fleet.Controller.Reconcile;
using Qm.Fleet.Controller.Storage;
using Qm.Fleet.Core.Reconcile;
using Qm.Fleet.Core.Revisions;
using Qm.Fleet.Core.Rollouts;
using Qm.Fleet.Core.Supervision;

namespace Qm.Fleet.Controller.Supervise;

/// <summary>Asks the supervisor about one node, and keeps what it says: stored before anything is done, so that a controller that is killed keeps to its budgets.</summary>
internal sealed class NodeHealer(string name, HealingDesk desk, IReconcileStore store, EventSink events, Decisions decisions, Func<double> random)
{
    private const int OwedEventsMax = 32;
    private static readonly TimeSpan LookLater = TimeSpan.FromSeconds(1);

    // What the store did not take, as it was before, and what was to be told with it: nothing that was decided may be known to this process alone.
    private NodeSupervision? _owed;
    private ImmutableArray<EventDraft> _owedEvents = [];
    private string _told = "";

    /// <summary>The time that judgements and waits go by.</summary>
    internal DateTimeOffset Now => desk.Now;

    /// <summary>What is known of the node over time.</summary>
    internal NodeSupervision State => desk.Of(name);

    /// <summary>Why the node shall go back to the revision it had before; null when it shall not.</summary>
    internal string? Revert { get; private set; }

    /// <summary>When to look again without being told; null when only the node can change anything.</summary>
    internal DateTimeOffset? Wake { get; private set; }

    /// <summary>The units to read again before workloads that fail are restarted: those, and the QM they are in; empty when QM itself fails, of which its units do not tell all.</summary>
    internal ImmutableArray<string> Concerned
    {
        get
        {
            string[] failing = [.. State.Failing.Select(static unit => unit.Key)];
            return failing.Length == 0 || failing.Contains(QmNode.Unit) ? [] : [.. failing, QmNode.Unit];
        }
    }

    /// <summary>Whether a node has what it shall have, and neither its rollout nor a person is at work on it.</summary>
    internal static bool IsSettled(NodeView view, RolloutMember? member) =>
        view is { Desired: { IsRemoval: false } desired, Evidence: { Confirmed: true } evidence, Host: Presence.Online, Cordoned: false, Operation: null } && evidence.Revision == desired.Name
        && (Drift.IsOnlyTold(desired, evidence) || Drift.Files(desired, evidence).Count == 0)
        && member is null or { State: MemberState.Waiting or MemberState.Done or MemberState.Returned or MemberState.Stuck };

    /// <summary>What is done about the node, all things considered.</summary>
    /// <param name="assignment">What is wanted of it.</param>
    /// <param name="view">What is known of it now.</param>
    /// <param name="canRevert">Whether there is an earlier revision to go back to.</param>
    /// <param name="step">What would be done if nobody looked after it.</param>
    /// <param name="probes">What its probes say.</param>
    /// <param name="operated">Units that a person has in hand, or had since the last look, each with whether it was to stop.</param>
    /// <param name="gate">Says whether the node may be disrupted.</param>
    /// <param name="ct">Ends the write of what happened.</param>
    internal async Task<NodeStep> JudgeAsync(
        NodeAssignment assignment, NodeView view, bool canRevert, NodeStep step, IReadOnlyDictionary<string, ProbeReading> probes,
        ImmutableSortedDictionary<string, bool> operated, MoveGate gate, CancellationToken ct)
    {
        var before = State;
        (Revert, Wake) = (null, null);
        if (assignment.Fleet is not { } fleet || view.Desired is not { } desired)
        {
            return before.Quarantine is null ? step : Released(step, before.Quarantine);
        }

        var verdict = decisions.Judge(View(assignment, view, desired, view.Evidence?.Revision ?? before.Revision, canRevert, probes) with { Operated = operated }, before, fleet.Supervision, desk.Now);
        var (state, ours) = (verdict.State, Choose(view, step, verdict.Step));
        var disrupts = IsDisruption(view, ours, verdict.Revert);
        var blocked = disrupts ? await gate.BlockedAsync(fleet, ct) : null;
        ImmutableArray<EventDraft> drafts = [.. _owedEvents, .. verdict.Notices.Select(notice => ToEvent(notice, fleet.Shown, name))];
        try
        {
            if (ours is NodeStep.Heal heal)
            {
                (state, var hold) = await desk.AskAsync(fleet, name, before, state, heal, disrupts ? members => gate.MayDisrupt(fleet, view.Qm, members, blocked) : null, ct);
                ours = hold is null ? heal : Held(heal.Reason, hold);
            }
            else if (!desk.TrySet(name, before, state))
            {
                // Somebody decided about it meanwhile; the next look takes that into account.
                return new NodeStep.Wait("Reading", "somebody decided about the node", desk.Now);
            }
            else if (blocked is not null)
            {
                ours = Held(ours!.Reason, new("Precondition", blocked.Reason, null));
            }

            drafts = [.. drafts, .. Told(ours, disrupts, fleet.Shown)];
            await KeepAsync(_owed ?? before, state, drafts, ct);
            (_owed, _owedEvents) = (null, []);
        }
        catch (StoreException e) when (e.IsTransient)
        {
            (_owed, _owedEvents) = (_owed ?? before, [.. drafts.TakeLast(OwedEventsMax)]);

            // What is not stored is not done.
            return new NodeStep.Wait("Store", $"what is to be done could not be stored: {e.Message}", desk.Now + HealingDesk.AskAgain);
        }

        (Revert, Wake) = (ReferenceEquals(ours, verdict.Step) ? verdict.Revert : null, verdict.Wake);
        return ours;
    }

    /// <summary>Keeps what load shedding froze.</summary>
    /// <returns>False when that could not be stored, or somebody decided about the node meanwhile: then nothing is frozen yet.</returns>
    internal async Task<bool> FreezesAsync(ImmutableSortedSet<string> frozen, CancellationToken ct)
    {
        var before = State;
        if (before.Frozen.SetEquals(frozen))
        {
            return true;
        }

        var state = before with { Frozen = frozen };
        if (!desk.TrySet(name, before, state))
        {
            return false;
        }

        try
        {
            await store.SuperviseAsync(name, state.By(desk.Ahead), [], ct);
            return true;
        }
        catch (StoreException e) when (e.IsTransient)
        {
            desk.TrySet(name, state, before);
            return false;
        }
    }

    /// <summary>What the node was seen to be is known to its fleet.</summary>
    /// <param name="step">What is done next.</param>
    internal void Noted(NodeStep step)
    {
        if (step is not NodeStep.Heal)
        {
            desk.Looked(name);
        }
    }

    /// <summary>Something else than healing was done to the node.</summary>
    internal void Disturbed()
    {
        for (var seen = State; !desk.TrySet(name, seen, seen.Disturbed);)
        {
            seen = State;
        }
    }

    internal static EventDraft ToEvent(SupervisionNotice notice, string fleet, string node) =>
        new(notice.Reason, (EventSeverity)notice.Severity, EventDraft.Controller, fleet, node, notice.Unit, notice.Message);

    // Where QM does not run, or is empty, nothing is lost by restarting it or by giving it another revision.
    private static bool IsDisruption(NodeView view, NodeStep? ours, string? revert) =>
        (ours is NodeStep.Heal { Unit: QmNode.Unit } || (revert is not null && ours is NodeStep.Wait { For: "Revert" })) && view is { QmUnit.ActiveState: "active" or "reloading", Evidence.Oom.QmInit: not 0 };

    private NodeStep.Wait Held(string reason, HealingHold hold) => new(hold.For, $"{reason}; {hold.Reason}", hold.Until ?? desk.Now + HealingDesk.AskAgain);

    // Once for as long as the same holds it; what holds a whole fleet is told of the fleet.
    private IEnumerable<EventDraft> Told(NodeStep? ours, bool disrupts, string fleet)
    {
        var told = _told;
        _told = disrupts && ours is NodeStep.Wait { For: "Precondition" or "Budget" } held ? held.For : "";
        return _told.Length > 0 && _told != told ? [new("HealingHeld", EventSeverity.Warning, EventDraft.Controller, fleet, name, QmNode.Unit, $"QM runs, and is not taken down yet: {ours!.Reason}")] : [];
    }

    private async Task KeepAsync(NodeSupervision before, NodeSupervision state, ImmutableArray<EventDraft> drafts, CancellationToken ct)
    {
        if (state.MustBeStored(before))
        {
            await store.SuperviseAsync(name, state.By(desk.Ahead), drafts, ct);
            return;
        }

        foreach (var draft in drafts)
        {
            await events.AddAsync(draft, ct);
        }
    }

    private SupervisionView View(
        NodeAssignment assignment, NodeView view, RenderedRevision desired, string revision, bool canRevert, IReadOnlyDictionary<string, ProbeReading> probes)
    {
        var workloads = desired.Environment.Workloads.Select(workload => workload.Name + ".service").ToHashSet(StringComparer.Ordinal);
        return new()
        {
            Revision = revision,
            IsSettled = view.IsSupervised,
            Silenced = assignment.Maintenance ? "the node is in maintenance" : assignment.Cordoned ? "the node is cordoned" : null,
            Host = view.Host,
            Qm = view.QmUnit,
            HasInit = view.Evidence is { } evidence ? evidence.Oom.QmInit != 0 : null,
            Workloads = view.QmUnits.RemoveRange(view.QmUnits.Keys.Where(unit => !workloads.Contains(unit))),
            Probes = probes,
            Frozen = [.. view.QmUnits.Where(static unit => unit.Value.IsFrozen).Select(static unit => unit.Key)],
            CanRevert = canRevert,
            Random = random(),
        };
    }

    // What puts values right comes first; what heals, and what would only be waited for, is the supervisor's.
    private NodeStep Choose(NodeView view, NodeStep step, NodeStep? ours) => (step, ours) switch
    {
        (_, NodeStep.Wait { For: "Release" }) => step is NodeStep.Idle ? step : ours,
        (NodeStep.Act { Heals: true } heal, null) when view.IsSupervised => new NodeStep.Wait("Supervision", heal.Reason, desk.Now + LookLater),
        (_, null) => step,
        (NodeStep.Ready or NodeStep.Act { Heals: true } or NodeStep.Wait { For: "Qm" or "QmInit" or "QmOnline" or "Workload" or Drift.Step or "Verification" }, _) when view.IsSupervised => ours,
        _ => step,
    };

    private static NodeStep Released(NodeStep step, Quarantine quarantine) =>
        step is NodeStep.Act ? new NodeStep.Wait("Release", $"it is in quarantine since {quarantine.Since:u}, because {quarantine.Reason}; qmfleet node release ends that") : step;
}
