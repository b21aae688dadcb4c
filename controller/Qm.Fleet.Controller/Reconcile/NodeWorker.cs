using System.Collections.Immutable;
using Qm.Fleet.Controller.Gateway;
using Qm.Fleet.Controller.Supervise;
using Qm.Fleet.Core.Reconcile;
using Qm.Fleet.Core.Revisions;
using Qm.Fleet.Core.Supervision;

namespace Qm.Fleet.Controller.Reconcile;

/// <summary>Brings one node to what is wanted of it: looks, decides, does one thing, and looks again.</summary>
/// <remarks>Each node has its own, so that a slow call to one delays no other. Everything it knows is read from the node.</remarks>
internal sealed partial class NodeWorker(
    string name, NodeActor actor, UnitLeases leases, IAgentLinks agents, BlueChiLink blueChi, RolloutKeeper rollouts, LiveNodes live,
    EventSink events, NodeHealer healer, NodeShedder shedder, Decisions decisions, Func<double> random, TimeSpan linkConfirmWithin, TimeProvider time, ILogger<NodeWorker> logger)
{
    // A slow pass in case a signal was lost; each comes earlier by a random part, or all nodes of a fleet that got ready together would have theirs together.
    private static readonly TimeSpan Net = NodeUnits.Net;

    // An agent that BlueChi calls online and that does not answer: no signal tells when it does again.
    private static readonly TimeSpan Unanswered = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan ShortestWait = TimeSpan.FromMilliseconds(20);

    private readonly Signal _signal = new();
    private readonly ProbeSender _probes = new(name, agents, logger);
    private readonly MoveGate _gate = new(name, blueChi, rollouts, decisions, time, logger);
    private readonly NodeWish _wish = new(name, agents, rollouts);
    private readonly NodeEventPace _told = new(name);
    private readonly NodeUnits _units = new(name, blueChi, time, logger);

    private NodeMemory _memory = new();
    private TimeSpan? _convergedAfter;
    private string _brought = "";
    private bool _moved;
    private ImmutableSortedDictionary<string, bool> _operated = UnitLeases.NoUnits;

    // Waits and their ends go by this one: a clock that is set must not let a wait be over, and what follows from that be done.
    private DateTimeOffset SteadyNow => healer.Now;

    /// <summary>Sets what is wanted and wakes the worker.</summary>
    internal void Assign(NodeAssignment assignment)
    {
        _wish.Assignment = assignment;
        Wake(unitsToo: true);
    }

    /// <summary>Something about the node may have changed.</summary>
    /// <param name="unitsToo">Whether its units are to be read again.</param>
    internal void Wake(bool unitsToo)
    {
        if (unitsToo)
        {
            _units.Mark(BlueChiLink.All);
        }

        _signal.Raise();
    }

    /// <summary>A signal about a unit came.</summary>
    internal void UnitChanged(string unit)
    {
        if (_units.Mark(unit))
        {
            _signal.Raise();
        }
    }

    /// <summary>The node told what it uses, which matters where load is shed for it.</summary>
    internal void Measured()
    {
        if (_wish.Assignment.Fleet is { Supervision.LoadShedding.IsEmpty: false })
        {
            Wake(unitsToo: false);
        }
    }

    /// <summary>Works until cancelled.</summary>
    internal async Task RunAsync(CancellationToken ct)
    {
        while (!ct.IsCancellationRequested)
        {
            var view = await LookAsync(ct);
            await _probes.TellAsync(_wish.Assignment.Fleet?.Environments.GetValueOrDefault(_wish.Evidence()?.Revision ?? ""), ct);
            var step = decisions.Decide(view, SteadyNow);
            if (step is NodeStep.Act begun && _gate.Held is null && view.Desired?.Name == _wish.Assignment.Fleet?.Revision && NodeReconciler.IsGuarded(begun)
                && await _gate.AskAsync(_wish.Assignment.Fleet, SteadyNow, ct) is { } held)
            {
                view = view with { Held = held };
                step = decisions.Decide(view, SteadyNow);
            }

            step = await healer.JudgeAsync(_wish.Assignment, view, _wish.CanRevert(), step, agents.Probes(name), _operated, _gate, ct);
            step = step is NodeStep.Ready or NodeStep.Idle && healer.State.Quarantine is null ? await ShedAsync(view, step, ct) : step;
            await NoteAsync(view, step, ct);
            if (step is NodeStep.Act act)
            {
                await ActAsync(view, act, ct);
            }
            else
            {
                await WaitAsync(step, ct);
            }
        }
    }

    // A node that is in no fleet any more is not left with what was frozen for one.
    private async Task<NodeStep> ShedAsync(NodeView view, NodeStep step, CancellationToken ct)
    {
        var (act, frozen) = shedder.Next(view, healer.State.Frozen);
        return await healer.FreezesAsync(frozen, ct) ? act ?? step
            : act is null ? step
            : new NodeStep.Wait("Store", $"{act.Reason}, and that could not be stored yet", SteadyNow + HealingDesk.AskAgain);
    }

    private async Task<NodeView> LookAsync(CancellationToken ct)
    {
        // What a person does is noted before its effect is read, so that the last of it is seen with it.
        _operated = leases.TakeOperated(name);
        var assignment = _wish.Assignment;
        var (desired, mayMove) = _wish.Of(assignment);
        if (desired is not null && _brought != assignment.Fleet!.Revision)
        {
            (_brought, _moved, _convergedAfter) = (assignment.Fleet.Revision, false, null);
        }

        await ReadUnitsAsync(assignment, desired, ct);

        if (_gate.Held is not null)
        {
            await _gate.AskAsync(assignment.Fleet, SteadyNow, ct);
        }

        _memory = _memory.For(desired?.Name ?? "", SteadyNow);
        var host = blueChi.PresenceOf(name);
        var view = new NodeView
        {
            Name = name,
            Desired = desired,
            NotDesiredBecause = assignment.NotDesiredBecause,
            Cordoned = assignment.Cordoned,
            KnownBad = desired is not null && desired.Name == assignment.Fleet?.Revision ? assignment.Fleet.Failures.GetValueOrDefault(name) : null,
            MayMove = mayMove,
            // What heals a node is not held by what lets it move.
            Held = desired is not null && desired.Name == assignment.Fleet?.Revision ? _gate.Held : null,
            LinkConfirmWithin = linkConfirmWithin,
            Host = host,
            Qm = blueChi.PresenceOf(QmNode.NameFor(name)),
            Evidence = agents.IsConnected(name) ? _wish.Evidence()?.With(host == Presence.Online ? _units.Readings.Qm : null) : null,
            QmUnit = host == Presence.Online ? _units.Readings.Qm : null,
            HostUnits = _units.Readings.Host,
            QmUnits = _units.Readings.Inside,
            Memory = _memory,
            Operation = leases.OperationOn(name),
            Left = [.. healer.State.Units.Where(unit => _units.Readings.Inside.TryGetValue(unit.Key, out var reading) && unit.Value.IsLeft(reading)).Select(unit => unit.Key)],
        };
        view = view with { IsSupervised = NodeHealer.IsSettled(view, _wish.Member()) };
        return await shedder.ShedAsync(assignment, view, agents.Usage(name)?.Usage, SteadyNow, ct);
    }

    private Task ReadUnitsAsync(NodeAssignment assignment, RenderedRevision? desired, CancellationToken ct)
    {
        string[] onHost =
        [
            .. desired?.Environment.Oom.Asil.Keys ?? [],
            .. _wish.Evidence()?.RetiredSafetyUnits ?? [],
            .. assignment.Preconditions,
            .. _wish.Evidence() is { HostAgentConfChangedAt: > 0 } ? [QmNode.AgentUnit] : Array.Empty<string>(),
        ];
        string[] inside =
        [
            QmNode.AgentUnit,
            .. desired?.Environment.Workloads.Select(workload => workload.Name + ".service") ?? [],
            .. _wish.Evidence()?.RetiredWorkloads.Select(workload => workload + ".service") ?? [],
            .. healer.State.Frozen,
        ];
        return _units.ReadAsync([.. onHost.Distinct()], [.. inside.Distinct()], ct);
    }

    private async Task ActAsync(NodeView view, NodeStep.Act act, CancellationToken ct)
    {
        // Whoever was faster has it; what is to be done then is asked anew.
        if (!leases.TryTake(name, UnitLeases.UnitsOf(act, name), $"the reconciler ({act.Name}: {act.Reason})", out var lease, out _))
        {
            return;
        }

        using var taken = lease;
        _moved = true;
        using var activity = Telemetry.Sources.Activity.StartActivity(act.Name);
        activity?.SetTag("node", name);
        var started = time.GetTimestamp();
        var result = await actor.DoAsync(name, act, ct);
        Log.Acted(logger, name, act.Name, act.Reason, result.Outcome, result.Detail, time.GetElapsedTime(started).TotalMilliseconds);
        if (act is not NodeStep.Heal)
        {
            _memory = _memory.After(act, result.Outcome, result.Detail, view, SteadyNow);
            healer.Disturbed();
        }

        // Whether what heals did so is the supervisor's to see.
        await RefreshAsync(ct);
        if (NodeEvents.Of(act, result, name, _wish.Assignment.Fleet?.Shown ?? "") is { } draft)
        {
            await events.AddAsync(draft, ct);
        }
    }

    // What was read before an act says nothing about what is so after it.
    private async Task RefreshAsync(CancellationToken ct)
    {
        _units.Mark(BlueChiLink.All);
        if (agents.IsConnected(name))
        {
            await actor.InspectAsync(name, ct);
        }
    }

    private async Task WaitAsync(NodeStep step, CancellationToken ct)
    {
        var look = Earliest((step as NodeStep.Wait)?.LookAgain, healer.Wake, shedder.Wake, live.Find(name)?.Phase.Until(Pending));
        var net = blueChi.PresenceOf(name) == Presence.Online && _units.Readings.Qm is null ? Unanswered : Net * (1 - (random() / 3));
        var wait = look is null ? net : Clamp(look.Value - SteadyNow, net);
        var before = time.GetTimestamp();
        await _signal.WaitAsync(wait, time, ct);
        if (time.GetElapsedTime(before) < wait || step is NodeStep.Wait { For: "Retry" })
        {
            return;
        }

        if (step is NodeStep.Wait { For: "Backoff" } && healer.Concerned is { IsEmpty: false } units)
        {
            // Who heals looks at what it heals, and does not wait for the rest of the node.
            foreach (var unit in units)
            {
                _units.Mark(unit);
            }

            return;
        }

        await RefreshAsync(ct);
    }

    private TimeSpan Pending => (_wish.Assignment.Fleet?.Supervision ?? SupervisionPolicy.Default).Pending;

    private static DateTimeOffset? Earliest(params ReadOnlySpan<DateTimeOffset?> times)
    {
        DateTimeOffset? earliest = null;
        foreach (var time in times)
        {
            earliest = time is not null && (earliest is null || time < earliest) ? time : earliest;
        }

        return earliest;
    }

    // What is due soon is done when it is due; what was due already is not asked again without a pause.
    private static TimeSpan Clamp(TimeSpan wait, TimeSpan longest) => wait <= TimeSpan.Zero ? ShortestWait : wait > longest ? longest : wait;

    private async Task NoteAsync(NodeView view, NodeStep step, CancellationToken ct)
    {
        var now = time.GetUtcNow();
        _memory = _memory.Deciding(step, SteadyNow);
        var assignment = _wish.Assignment;
        var shown = _wish.Shown(assignment, view, step);
        if (step is NodeStep.Ready && _moved && assignment.Fleet?.Rollout is { } rollout && view.Desired?.Name == rollout.ToRevision)
        {
            _moved = false;
            _convergedAfter = now - rollout.StartedAt;
        }

        var before = live.Find(name);
        ImmutableArray<NodeCheck> checks = view is { Desired: { } desired, Evidence: { } evidence } ? [.. NodeChecks.Evaluate(desired, evidence)] : [];
        ImmutableArray<ProbeReading> probes = [.. agents.Probes(name).Values.OrderBy(reading => reading.Unit, StringComparer.Ordinal)];
        var after = new NodeLive
        {
            Name = name,
            Assignment = assignment,
            View = view,
            Step = shown,
            Decided = step,
            StepSince = _memory.StepSince,
            Checks = checks,
            Held = _gate.Held,
            Phase = NodePhases.Judge(Signals(view), before?.Phase, Pending, SteadyNow),
            Supervision = healer.State,
            Shed = shedder.Active,
            Revert = healer.Revert,
            OomInversions = OomOrder.Follow(before?.OomInversions ?? default, view.Evidence?.Oom),
            Conditions = NodeConditions.Judge(view, shown, checks, agents, before?.Conditions ?? default, now),
            Report = agents.LastReport(name),
            Probes = probes,
            FailingProbes = FailingProbes.Follow(before?.FailingProbes ?? FailingProbes.None, probes, view.Desired?.Environment.Workloads.Where(workload => workload.LivenessProbe is not null).Select(workload => workload.Name + ".service").ToArray()),
            ConvergedAfter = _convergedAfter,
        };
        foreach (var draft in _told.Admit(NodeEvents.Between(before, after), SteadyNow))
        {
            await events.AddAsync(draft, ct);
        }

        live.Set(after);
        healer.Noted(step);
    }

    private NodeSignals Signals(NodeView view) => new(
        name, view.Host, view.Qm, agents.IsConnected(name), view.QmUnit, string.Join("; ", healer.State.Failing.Select(unit => $"{unit.Key} {unit.Value.Failure}")));

    private static partial class Log
    {
        [LoggerMessage(1310, LogLevel.Information, "{Node}: {Act} ({Reason}): {Outcome} {Detail} after {ElapsedMs} ms", EventName = nameof(Acted))]
        internal static partial void Acted(
            ILogger logger, string node, string act, string reason, ActOutcome outcome, string detail, double elapsedMs);
    }
}
