using System.Collections.Immutable;
using Qm.Fleet.Core.Reconcile;
using Qm.Fleet.Core.Revisions;

namespace Qm.Fleet.Core.Supervision;

/// <summary>Decides what is done about a node on which something fails, from what was read back and nothing else.</summary>
/// <remarks>
/// It stands above systemd: what systemd is at, it leaves to systemd, and steps in where systemd has given up, where a unit does not stay up, or where it runs
/// and its probe says that it does no work. A lost link is no failure of what cannot be seen over it. Each step waits, has a budget, and is followed by the
/// next of the policy when its budget is used up; a unit that stays well for long enough begins at the first again.
/// </remarks>
public static class Supervisor
{
    /// <summary>How often a node may lose its link within the window of the restart budget before it is left alone.</summary>
    public const int LinkLossesMax = 5;

    /// <summary>How long QM may be active without an init, as it is while it boots.</summary>
    public static readonly TimeSpan BootGrace = TimeSpan.FromSeconds(30);

    /// <summary>Judges a node.</summary>
    /// <param name="view">What is known of it now.</param>
    /// <param name="state">What was known of it before.</param>
    /// <param name="policy">How its fleet is healed.</param>
    /// <param name="now">The time.</param>
    public static SupervisionVerdict Judge(SupervisionView view, NodeSupervision state, SupervisionPolicy policy, DateTimeOffset now)
    {
        var before = state.For(view.Revision);
        var seen = UnitHealth.Observe(view, before, policy, now);
        var notices = ImmutableArray.CreateBuilder<SupervisionNotice>();
        notices.AddRange(UnitHealth.Notices(before, seen, policy, now));
        var verdict = Decide(view, seen, policy, now, notices);
        return verdict with { State = verdict.State == state || Same(verdict.State, state) ? state : verdict.State, Notices = notices.ToImmutable() };
    }

    /// <summary>Notes that what was decided is being done.</summary>
    /// <param name="state">What is known of the node.</param>
    /// <param name="heal">What is done.</param>
    /// <param name="policy">How its fleet is healed.</param>
    /// <param name="now">The time.</param>
    public static NodeSupervision Acting(NodeSupervision state, NodeStep.Heal heal, SupervisionPolicy policy, DateTimeOffset now)
    {
        var isQm = heal.Unit == QmNode.Unit;
        return state with
        {
            QmRestarts = isQm ? [.. state.QmRestarts.Where(time => time > now - policy.Longest), now] : state.QmRestarts,
            Units = state.Units.SetItems(state.Units
                .Where(unit => unit.Key == heal.For || unit.Key == heal.Unit)
                .Select(unit => KeyValuePair.Create(unit.Key, unit.Value.Acted(unit.Key == heal.Unit && !isQm, policy, now)))),
        };
    }

    private static bool Same(NodeSupervision one, NodeSupervision other) =>
        (one.Revision, one.Quarantine, one.WasOnline) == (other.Revision, other.Quarantine, other.WasOnline)
        && one.QmRestarts.SequenceEqual(other.QmRestarts) && one.Earlier.SequenceEqual(other.Earlier) && one.LinkLosses.SequenceEqual(other.LinkLosses) && one.Frozen.SetEquals(other.Frozen) && one.Units.SequenceEqual(other.Units);

    private static SupervisionVerdict Decide(
        SupervisionView view, NodeSupervision state, SupervisionPolicy policy, DateTimeOffset now, ImmutableArray<SupervisionNotice>.Builder notices)
    {
        if (state.Quarantine is { } quarantine)
        {
            return new(state, new NodeStep.Wait("Release", $"it is in quarantine since {quarantine.Since:u}, because {quarantine.Reason}; qmfleet node release ends that"), []);
        }

        if (view.Silenced is null && policy.Steps.Contains(Escalation.Quarantine) && policy.Restart.Budget.Counting(state.LinkLosses, now).Count() >= LinkLossesMax)
        {
            return Quarantined(state, $"its link to BlueChi was lost {LinkLossesMax} times in {Environments.Durations.Text(policy.Restart.Budget.Window)}", "", now, notices);
        }

        // QM first: when it is down, so is everything in it. What systemd, or a job, is at is left to them.
        if (!view.IsSettled || state.Failing.Where(unit => !IsMoving(view, unit.Key)).OrderBy(static unit => unit.Key != QmNode.Unit).ThenBy(static unit => unit.Key, StringComparer.Ordinal).FirstOrDefault() is not { Key: { } name, Value: var watch })
        {
            return new(state, null, []) { Wake = Wake(state, policy, now) };
        }

        return view.Silenced is { } silenced
            ? new(state, new NodeStep.Wait("Silence", $"{name} {watch.Failure}, and nothing is done about it: {silenced}"), [])
            : Next(view, state, name, watch, policy, now, notices);
    }

    private static bool IsMoving(SupervisionView view, string unit) => (unit == QmNode.Unit ? view.Qm : view.Workloads.GetValueOrDefault(unit)) is { IsMoving: true };

    private static SupervisionVerdict Next(
        SupervisionView view, NodeSupervision state, string name, UnitWatch watch, SupervisionPolicy policy, DateTimeOffset now, ImmutableArray<SupervisionNotice>.Builder notices)
    {
        var isQm = name == QmNode.Unit;
        var doesNotStay = UnitHealth.DoesNotStay(watch, policy, now);
        for (var at = Math.Min(watch.Step, policy.Steps.Length - 1); at < policy.Steps.Length; at++)
        {
            var isLast = at == policy.Steps.Length - 1;
            var step = policy.Steps[at];
            if (step is Escalation.RestartUnit or Escalation.RestartQm)
            {
                // What systemd restarts again and again, one more restart of the same does not cure.
                var isUseless = doesNotStay && (isQm || step == Escalation.RestartUnit);
                var (budget, counting) = step == Escalation.RestartQm || isQm
                    ? (policy.QmBudget, policy.QmBudget.Counting(state.QmRestarts, now).ToArray())
                    : (policy.Restart.Budget, policy.Restart.Budget.Counting(watch.Restarts, now).ToArray());
                var room = budget.Room(counting, now);
                if (!isLast && (isUseless || room > now))
                {
                    continue;
                }

                if (isUseless && isLast)
                {
                    return Escalated(new(state, new NodeStep.Wait("Systemd", $"{name} {watch.Failure}; systemd restarts it, and the policy has nothing beyond that"), []));
                }

                var due = watch.NotBefore is { } notBefore && notBefore > room ? notBefore : room;
                var target = step == Escalation.RestartQm ? QmNode.Unit : name;
                var restart = $"restart {Math.Min(counting.Length + 1, budget.Count)} of {budget}{(target == name ? "" : $" of {target}")}";
                return Escalated(due > now
                    ? new(state, new NodeStep.Wait("Backoff", $"{name} {watch.Failure}; {(room > now ? $"its budget of {budget} is used up, and has room" : restart)} in {Text(due - now)}", due), []) { Wake = due }
                    : new(state, new NodeStep.Heal(target, name, $"{name} {watch.Failure}; {restart}"), []));
            }

            if (step == Escalation.RevertRevision && view.CanRevert)
            {
                var why = $"{name} {watch.Failure}, and restarts do not help";
                return Escalated(new(state, new NodeStep.Wait("Revert", why), []) { Revert = why });
            }

            if (step == Escalation.Quarantine)
            {
                return Quarantined(state, $"{name} {watch.Failure}, and nothing that was done about it helped", name, now, notices);
            }

            if (isLast)
            {
                return Escalated(new(state, new NodeStep.Wait("Help", $"{name} {watch.Failure}; the policy has nothing more to do about it"), []));
            }

            SupervisionVerdict Escalated(SupervisionVerdict verdict)
            {
                if (at == watch.Step)
                {
                    return verdict;
                }

                notices.Add(new("Escalated", NoticeSeverity.Warning, name, $"{name} {watch.Failure}; the next step is {SupervisionParser.WordOf(policy.Steps[at])}"));
                return verdict with { State = state with { Units = state.Units.SetItem(name, watch with { Step = at }) } };
            }
        }

        throw new InvalidOperationException("a policy has no steps");
    }

    private static SupervisionVerdict Quarantined(
        NodeSupervision state, string reason, string unit, DateTimeOffset now, ImmutableArray<SupervisionNotice>.Builder notices)
    {
        notices.Add(new("NodeQuarantined", NoticeSeverity.Critical, unit, $"it is left alone until somebody releases it, because {reason}"));
        var after = state with { Quarantine = new(reason, now, "controller") };
        return new(after, new NodeStep.Wait("Release", $"it is in quarantine since {now:u}, because {reason}; qmfleet node release ends that"), []);
    }

    // A unit that has to stay well for a while is looked at when that is over.
    private static DateTimeOffset? Wake(NodeSupervision state, SupervisionPolicy policy, DateTimeOffset now)
    {
        DateTimeOffset? wake = null;
        foreach (var (_, unit) in state.Units)
        {
            var at = unit.EmptySince is { } empty && empty + BootGrace > now ? empty + BootGrace
                : unit is { HealthySince: { } since } && (unit.Attempts > 0 || unit.Step > 0) ? since + policy.Restart.ResetAfter : (DateTimeOffset?)null;
            wake = at > now && (wake is null || at < wake) ? at : wake;
        }

        return wake;
    }

    private static string Text(TimeSpan span) =>
        span < TimeSpan.FromSeconds(10) ? string.Create(System.Globalization.CultureInfo.InvariantCulture, $"{span.TotalSeconds:0.#} s") : Rollouts.RolloutHealth.Span(span);
}
