using System.Collections.Immutable;
using Qm.Fleet.Core.Environments;
using Qm.Fleet.Core.Reconcile;
using Qm.Fleet.Core.Revisions;

namespace Qm.Fleet.Core.Supervision;

/// <summary>What the units of a node tell about themselves.</summary>
internal static class UnitHealth
{
    /// <summary>What is known of the node's units after a look at them.</summary>
    internal static NodeSupervision Observe(SupervisionView view, NodeSupervision state, SupervisionPolicy policy, DateTimeOffset now)
    {
        // What happened while it was not heard, a reboot for one, is nothing that a unit did.
        state = view.Host == Presence.Online ? state : state.Disturbed;
        var units = state.Units.ToBuilder();
        var qm = state.Units.GetValueOrDefault(QmNode.Unit, UnitWatch.New);
        qm = view.Operated.ContainsKey(QmNode.Unit) ? qm with { InvocationId = "" } : qm;
        var isOtherQm = view.Operated.ContainsKey(QmNode.Unit) || (view.Qm is { } reading && qm.InvocationId.Length > 0 && reading.InvocationId != qm.InvocationId);
        if (view.Qm is { } own)
        {
            qm = qm.Counted(own, policy.Restart.Budget, now) with { EmptySince = own.ActiveState == "active" && view.HasInit == false ? qm.EmptySince ?? now : null };
            units[QmNode.Unit] = Look(qm, own, null, view, policy, now);
        }

        foreach (var (name, unit) in view.Workloads)
        {
            var watch = state.Units.GetValueOrDefault(name, UnitWatch.New);
            // What runs in another QM was started with it: that tells nothing of the workload.
            watch = isOtherQm || view.Operated.ContainsKey(name) ? watch with { InvocationId = "" } : watch;
            watch = watch.Counted(unit, policy.Restart.Budget, now);
            watch = unit.ActiveState == "active" ? watch with { Left = "" } : view.Operated.GetValueOrDefault(name) ? watch with { Left = unit.InvocationId } : watch;
            units[name] = view.Frozen.Contains(name) ? watch : Look(watch, unit, view.Probes.GetValueOrDefault(name), view, policy, now);
        }

        // With QM down nothing is known of what was in it.
        if (view.Qm is { ActiveState: not "active" })
        {
            foreach (var name in units.Keys.Where(name => name != QmNode.Unit).ToArray())
            {
                units[name] = units[name] with { Failure = "", FailingSince = null, HealthySince = null, NotBefore = null, HealingSince = null, InvocationId = "" };
            }
        }

        return state with { Units = units.ToImmutable(), LinkLosses = Losses(view, state, policy, now), WasOnline = WasOnline(view.Host) };
    }

    /// <summary>Whether a unit runs and does not stay up: it was restarted by others as often as it may be by us, and often enough to be no accident.</summary>
    internal static bool DoesNotStay(UnitWatch watch, SupervisionPolicy policy, DateTimeOffset now) => policy.Restart.Budget.Used(watch.SelfRestarts, now) >= policy.RestartsTolerated;

    /// <summary>What changed between two looks.</summary>
    internal static IEnumerable<SupervisionNotice> Notices(NodeSupervision before, NodeSupervision after, SupervisionPolicy policy, DateTimeOffset now)
    {
        foreach (var (name, unit) in after.Units)
        {
            var was = before.Units.GetValueOrDefault(name, UnitWatch.New);
            if (was.FailingSince is null && unit.FailingSince is not null && was.HealingSince is null)
            {
                yield return new("UnitFailing", NoticeSeverity.Warning, name, $"{name} {unit.Failure}");
            }
            else if (was.HealingSince is { } since && unit.HealthySince is not null && unit.HealingSince is null)
            {
                var used = policy.Restart.Budget.Counting(unit.Restarts, now).Count();
                yield return new("Healed", NoticeSeverity.Info, name, string.Create(System.Globalization.CultureInfo.InvariantCulture,
                    $"{name} runs again after {(now - since).TotalSeconds:0.0} s{(name == QmNode.Unit ? $", {policy.QmBudget.Counting(after.QmRestarts, now).Count()} of {policy.QmBudget.Count} restarts used" : $", {used} of {policy.Restart.Budget.Count} restarts used")}"));
            }
            else if (was.FailingSince is not null && unit.FailingSince is null && unit.HealthySince is not null)
            {
                yield return new("UnitRecovered", NoticeSeverity.Info, name, $"{name} runs again without us");
            }
        }
    }

    private static UnitWatch Look(UnitWatch watch, UnitReading unit, ProbeReading? probe, SupervisionView view, SupervisionPolicy policy, DateTimeOffset now)
    {
        // systemd, or a job, is at it.
        if (unit.IsMoving)
        {
            return watch;
        }

        var failure = unit.ActiveState switch
        {
            _ when watch.IsLeft(unit) => null,
            "active" when DoesNotStay(watch, policy, now) => $"does not stay up: it restarted {policy.RestartsTolerated} times or more in {Durations.Text(policy.Restart.Budget.Window)}",
            "active" when now - watch.EmptySince >= Supervisor.BootGrace => "is active, and there is no init in it",
            // Until its init is there, or has been missed for long enough, nothing can be said.
            "active" when watch.EmptySince is not null => "",
            "active" when probe is { IsHealthy: false } => $"runs, and its probe failed {probe.Failures} times in a row: {probe.Message}",
            "active" => null,
            // Not started yet, or ended by itself and well: a container may have done its work, unless it has to answer a probe. QM never has.
            "inactive" when unit.Result is "success" or "" && (probe is null || watch.InvocationId.Length == 0) && !ReferenceEquals(unit, view.Qm) => null,
            var state => $"is {state} ({unit.Result})",
        };
        return failure is "" ? watch
            : failure is not null ? watch.Failing(failure, policy.Restart, view.Random, now)
            : unit.ActiveState == "active" ? watch.Healthy(policy.Restart, now)
            : watch with { Failure = "", FailingSince = null, NotBefore = null, HealthySince = null, HealingSince = null };
    }

    // A controller of BlueChi that restarts loses every node at once; only a node that it heard, and hears no more, lost its link.
    private static ImmutableArray<DateTimeOffset> Losses(SupervisionView view, NodeSupervision state, SupervisionPolicy policy, DateTimeOffset now) =>
        state.WasOnline == true && view.Host == Presence.Offline ? [.. policy.Restart.Budget.Counting(state.LinkLosses, now).Append(now).TakeLast(Supervisor.LinkLossesMax)] : state.LinkLosses;

    private static bool? WasOnline(Presence host) => host switch
    {
        Presence.Online => true,
        Presence.Offline => false,
        _ => null,
    };
}
