using System.Collections.Immutable;
using Qm.Fleet.BlueChi;
using Qm.Fleet.Controller.Reconcile;
using Qm.Fleet.Controller.Storage;
using Qm.Fleet.Core.Reconcile;
using Qm.Fleet.Core.Revisions;
using Qm.Fleet.Core.Rollouts;
using Qm.Fleet.Core.Supervision;
using NodeReport = Qm.Fleet.V1.NodeReport;

namespace Qm.Fleet.Simulation.Mutations;

/// <summary>Plants one bug in one incarnation of the controller, at the seams between the loops and the world; the product itself has none of it.</summary>
internal sealed class Mutation(Bug bug)
{
    private static readonly TimeZoneInfo WinterTime = TimeZoneInfo.CreateCustomTimeZone("winter", TimeSpan.FromHours(1), null, null);
    private readonly HashSet<string> _restarted = new(StringComparer.Ordinal);
    private readonly HashSet<string> _virtual = new(StringComparer.Ordinal);
    private DesiredState? _before;

    internal bool Is(Bug other) => bug == other;

    /// <summary>Whether it has an earlier rollout in mind than the one that runs.</summary>
    internal bool IsStale { get; private set; }

    internal Decisions Decisions => bug switch
    {
        Bug.BudgetOffByOne => new() { Advance = (state, policy, nodes, now, before, beside) => RolloutEngine.Advance(state, With(policy, 1), nodes, now, before, beside) },
        Bug.OfflineNotCounted => new() { Advance = (state, policy, nodes, now, before, beside) => RolloutEngine.Advance(state, With(policy, nodes.Values.Count(node => node.Availability is Availability.Away)), nodes, now, before, beside) },
        Bug.WindowByWinterTime => new()
        {
            Advance = (state, policy, nodes, now, before, beside) => RolloutEngine.Advance(state, InWinterTime(policy), nodes, now, before, beside),
            Hold = (policy, blocked, now) => RolloutEngine.Hold(InWinterTime(policy), blocked, now),
        },
        Bug.CommonCauseIgnored => new()
        {
            MayHeal = static (nodes, asking, size, state, policy, now) => FleetHealing.Judge(nodes, asking, 1, FleetSupervision.New, policy, now) with { State = state },
        },
        Bug.OneRestartIsTooMany => new()
        {
            Judge = static (view, state, policy, now) => Supervisor.Judge(
                view with { Workloads = view.Workloads.ToImmutableSortedDictionary(static unit => unit.Key, static unit => unit.Value with { Restarts = unit.Value.Restarts * 9 }, StringComparer.Ordinal) }, state, policy, now),
        },
        Bug.DisruptionNotAsked => new() { MayDisrupt = static (_, _, _, _, _) => null },
        Bug.NotAskedAgain => new() { Hold = static (_, _, _) => null },
        Bug.DoubleRestart => new() { Decide = (view, now) => IsAtWork(view) && _restarted.Add(view.Name) ? new NodeStep.RestartQm("the controller is new") : NodeReconciler.Decide(view, now) },
        Bug.VirtualEventHeals => new() { Decide = (view, now) => IsAtWork(view) && _virtual.Remove(view.Name) ? new NodeStep.RestartQm("BlueChi says it is inactive") : NodeReconciler.Decide(view, now) },
        _ => Decisions.Cores,
    };

    internal NodeReport Tell(NodeReport report)
    {
        if (bug == Bug.ConfirmationIgnored && report.Revision.Length > 0)
        {
            report.Confirmed = true;
        }

        if (bug == Bug.TakenScoreForgotten)
        {
            report.RetiredSafetyUnits.Clear();
        }

        return report;
    }

    internal DesiredState Load(DesiredState desired)
    {
        if (bug == Bug.KnownBadRetried)
        {
            return desired with { Fleets = [.. desired.Fleets.Select(fleet => fleet with { Failures = ImmutableSortedDictionary<string, string>.Empty })] };
        }

        // Goes on with what it had when the first newer apply came.
        if (bug == Bug.SupersededGoesOn && _before is { } before && desired.Fleets is [{ Rollout.Number: var number }] && before.Fleets is [{ Rollout.Number: var earlier }] && number != earlier)
        {
            IsStale = true;
            return before;
        }

        _before = desired;
        return desired;
    }

    /// <summary>The earlier rollout goes on in its mind only.</summary>
    internal void Imagine(RolloutState state) => _before = _before! with
    {
        Fleets = [.. _before.Fleets.Select(fleet => fleet with { Rollout = fleet.Rollout! with { State = state } })],
    };

    internal void Heard(string node, UnitHint hint)
    {
        if (bug == Bug.VirtualEventHeals && hint is { IsVirtual: true, ActiveState: "inactive" })
        {
            _virtual.Add(QmNode.HostOf(node, out _));
        }
    }

    private static RolloutPolicy InWinterTime(RolloutPolicy policy) => policy with
    {
        Windows = [.. policy.Windows.Select(window => window with { Zone = window.Zone.BaseUtcOffset == WinterTime.BaseUtcOffset ? WinterTime : window.Zone })],
    };

    private static bool IsAtWork(NodeView view) => view is { MayMove: true, Desired: not null, Cordoned: false, Host: Presence.Online, QmUnit.ActiveState: "active" };

    private static RolloutPolicy With(RolloutPolicy policy, int more) => policy with
    {
        MaxUnavailable = policy.MaxUnavailable.IsPercent ? policy.MaxUnavailable with { Value = Math.Min(100, policy.MaxUnavailable.Value + (40 * more)) } : policy.MaxUnavailable with { Value = policy.MaxUnavailable.Value + more },
    };
}
