using Qm.Fleet.Controller.Storage;
using Qm.Fleet.Controller.Supervise;
using Qm.Fleet.Core.Reconcile;
using Qm.Fleet.Core.Revisions;
using Qm.Fleet.Core.Supervision;
using Qm.Fleet.V1;
using NodePhase = Qm.Fleet.Core.Supervision.NodePhase;

namespace Qm.Fleet.Controller.Reconcile;

/// <summary>What of a node's way is worth an entry in the event log.</summary>
internal static class NodeEvents
{
    private const string Actor = "controller";

    private static readonly string[] Vital = ["ClockInSync", "DiskSpace"];
    // Whether QM is heard tells of each crash of it once; the states that systemd takes it through on the way are the condition QmActive's, and no events.
    private static readonly string[] Followed = ["BluechiOnline", "QmOnline", "ExtensionConnected"];

    /// <summary>An act that changed something, or could not.</summary>
    internal static EventDraft? Of(NodeStep.Act act, ActResult result, string node, string fleet) => (act, result.Outcome) switch
    {
        (NodeStep.Stage or NodeStep.ReloadHost, ActOutcome.Done) => null,
        (NodeStep.Heal heal, ActOutcome.Done) => new("UnitRestarted", EventSeverity.Warning, Actor, fleet, node, heal.Unit, heal.Reason),
        (_, ActOutcome.Done) => new(Reason(act), EventSeverity.Info, Actor, fleet, node, Unit(act), act.Reason),
        (_, ActOutcome.Unknown) => new(act.Name + "Unknown", EventSeverity.Warning, Actor, fleet, node, Unit(act), $"nobody can tell whether it was done: {result.Detail}"),
        _ => new(act.Name + "Failed", EventSeverity.Warning, Actor, fleet, node, Unit(act), result.Detail),
    };

    /// <summary>What changed between two looks.</summary>
    internal static IEnumerable<EventDraft> Between(NodeLive? before, NodeLive after)
    {
        var fleet = after.Assignment.Fleet?.Shown ?? "";
        foreach (var draft in OomOrderChanges(before, after, fleet))
        {
            yield return draft;
        }

        if (before is null)
        {
            yield break;
        }

        foreach (var (was, now) in before.Conditions.Zip(after.Conditions))
        {
            // That a clock is right and a disk has space is worth a word only after it was not so.
            var isNews = Followed.Contains(now.Type) || (Vital.Contains(now.Type) && (was.Holds == false || now.Holds == false));
            if (was.Holds != now.Holds && now.Holds is { } holds && isNews)
            {
                yield return new(
                    holds ? now.Type : now.Type + "Lost", holds ? EventSeverity.Info : EventSeverity.Warning, Actor, fleet, after.Name, "", now.Message);
            }
        }

        if (before.Phase.Current.Phase != after.Phase.Current.Phase)
        {
            yield return new($"Node{after.Phase.Current.Phase}", SeverityOf(after.Phase.Current.Phase), Actor, fleet, after.Name, "", after.Phase.Current.Reason);
        }

        foreach (var draft in Drift(before, after, fleet))
        {
            yield return draft;
        }

        foreach (var notice in FailingProbes.Notices(before.FailingProbes, after.FailingProbes, after.Probes, unit => ProbeOf(after, unit)))
        {
            yield return NodeHealer.ToEvent(notice, fleet, after.Name);
        }

        foreach (var notice in NamedUnits.Notices(after.View.Desired?.Environment.Oom.Asil.Keys ?? [], before.View.HostUnits, after.View.HostUnits))
        {
            yield return NodeHealer.ToEvent(notice, fleet, after.Name);
        }

        if (after.Step is NodeStep.Ready && (before.Step is not NodeStep.Ready || before.View.Desired?.Name != after.View.Desired?.Name))
        {
            yield return new("NodeReady", EventSeverity.Info, Actor, fleet, after.Name, "", $"revision {after.View.Desired?.Name}: {after.Step.Reason}");
        }
    }

    private static string ProbeOf(NodeLive node, string unit) =>
        node.View.Desired?.Environment.Workloads.FirstOrDefault(workload => workload.Name + ".service" == unit)?.LivenessProbe?.Action.Words ?? "";

    private static EventSeverity SeverityOf(NodePhase phase) => phase switch
    {
        NodePhase.Healthy or NodePhase.Unknown => EventSeverity.Info,
        NodePhase.QmDown or NodePhase.Unreachable => EventSeverity.Error,
        _ => EventSeverity.Warning,
    };

    // One for each unit that stands wrong, and one for each that does no more.
    private static IEnumerable<EventDraft> OomOrderChanges(NodeLive? before, NodeLive after, string fleet)
    {
        var (was, found) = (before?.OomInversions ?? [], after.OomInversions);
        foreach (var inversion in found.Where(inversion => was.All(earlier => earlier.Subject != inversion.Subject)))
        {
            yield return new("OomOrderBroken", EventSeverity.Critical, Actor, fleet, after.Name, inversion.Unit, inversion.Message);
        }

        foreach (var gone in was.Where(earlier => found.All(inversion => inversion.Subject != earlier.Subject)))
        {
            yield return new("OomOrderHolds", EventSeverity.Info, Actor, fleet, after.Name, gone.Unit,
                $"{gone.Unit} stands where it belongs in the OOM order again{(found.IsEmpty ? "" : FormattableString.Invariant($"; {found.Length} others do not"))}");
        }
    }

    // One for each content somebody gave a file, and one when it is again as it was committed.
    private static IEnumerable<EventDraft> Drift(NodeLive before, NodeLive after, string fleet)
    {
        var (was, found) = (before.Report?.Report.Drift ?? [], after.Report?.Report.Drift ?? []);
        var committed = after.View.Desired is { } desired && desired.Name == after.Report?.Report.Revision ? desired : null;
        foreach (var drift in found.Where(drift => !was.Any(earlier => IsSame(earlier, drift))))
        {
            yield return new("FileDrifted", EventSeverity.Warning, Actor, fleet, after.Name, "", DriftText.Describe(drift, committed));
        }

        foreach (var drift in was.Where(earlier => found.All(drift => drift.Path != earlier.Path)))
        {
            yield return new("FileSynced", EventSeverity.Info, Actor, fleet, after.Name, "", $"{drift.Path} is as it was committed");
        }
    }

    private static bool IsSame(FileDrift one, FileDrift other) => one.Path == other.Path && one.Change == other.Change && one.Sha256 == other.Sha256;

    private static string Reason(NodeStep.Act act) => act switch
    {
        NodeStep.Commit => "RevisionCommitted",
        NodeStep.Confirm => "RevisionConfirmed",
        NodeStep.SetLimits => "LimitsChanged",
        NodeStep.StartQm => "QmStarted",
        NodeStep.RestartQm => "QmRestarted",
        NodeStep.RestartHostAgent => "HostAgentRestarted",
        NodeStep.RestartQmAgent => "QmAgentRestarted",
        NodeStep.StopWorkload => "WorkloadStopped",
        NodeStep.RunWorkload run => run.Restart ? "WorkloadRestarted" : "WorkloadStarted",
        NodeStep.Freeze => "WorkloadFrozen",
        NodeStep.Thaw => "WorkloadThawed",
        _ => act.Name,
    };

    private static string Unit(NodeStep.Act act) => act switch
    {
        NodeStep.StopWorkload stop => stop.Unit,
        NodeStep.RunWorkload run => run.Unit,
        NodeStep.Freeze freeze => freeze.Unit,
        NodeStep.Thaw thaw => thaw.Unit,
        NodeStep.RestartHostAgent or NodeStep.RestartQmAgent => QmNode.AgentUnit,
        NodeStep.SetLimits or NodeStep.StartQm or NodeStep.RestartQm => QmNode.Unit,
        _ => "",
    };
}
