using Google.Protobuf.WellKnownTypes;
using Qm.Fleet.Controller.Api;
using Qm.Fleet.Controller.Gateway;
using Qm.Fleet.Controller.Storage;
using Qm.Fleet.Controller.Supervise;
using Qm.Fleet.Controller.Wire;
using Qm.Fleet.Core.Reconcile;
using Qm.Fleet.V1;

namespace Qm.Fleet.Controller.Reconcile;

/// <summary>Shows the live state on the wire.</summary>
internal sealed class LiveStatus(LiveNodes live, RolloutKeeper rollouts, IAgentLinks agents, TimeProvider time) : ILiveStatus
{
    private const string NotYet = "not looked at yet";

    private readonly DateTimeOffset _started = time.GetUtcNow();

    public NodeStatus Node(string name)
    {
        if (live.Find(name) is not { } node)
        {
            return new() { Step = new() { Name = "WaitForReading", Message = NotYet, Since = _started.ToTimestamp() } };
        }

        var (pulse, usage) = (agents.Pulse(name), agents.Usage(name));
        var status = new NodeStatus
        {
            Fleet = node.Assignment.Fleet?.Shown ?? "",
            DesiredRevision = node.Assignment.Fleet?.Revision ?? "",
            Revision = node.Report?.Report.Revision ?? "",
            Step = new() { Name = node.Step.Name, Message = node.Step.Reason, Since = node.StepSince.ToTimestamp() },
            Report = node.Report?.Report,
            ReportedAt = node.Report?.ReceivedAt.ToTimestamp(),
            ConvergedAfter = node.ConvergedAfter?.ToDuration(),
            Usage = usage?.Usage,
            UsageAt = usage?.ReceivedAt.ToTimestamp(),
            HeardAt = pulse?.HeardAt.ToTimestamp(),
            LookedAt = pulse?.LookedAt?.ToTimestamp(),
            Capacity = node.Capacity is { } capacity ? Capacities.ToWire(capacity) : null,
            Phase = SupervisionStatus.ToWire(node.Phase, node.Policy),
            Supervision = SupervisionStatus.ToWire(node, time.GetUtcNow()),
        };
        status.Conditions.AddRange(node.Conditions.Select(ToWire));
        status.Checks.AddRange(node.Checks.Select(ToWire));
        status.Probes.AddRange(agents.Probes(name).Values.OrderBy(reading => reading.Unit, StringComparer.Ordinal).Select(Probes.ToWire));
        return status;
    }

    public FleetStatus Fleet(StoredFleet fleet)
    {
        var claimed = live.All.Where(node => node.Assignment.Fleet?.Name == fleet.Name).ToArray();
        var ready = claimed.Count(node => IsReady(node, fleet.Revision));
        // What was decided for an earlier revision says nothing of this one.
        var decision = rollouts.Find(fleet.Name) is { } known && known.Fleet.Revision == fleet.Revision ? known.Decision : null;
        var status = new FleetStatus
        {
            Revision = fleet.Revision,
            Nodes = claimed.Length,
            Ready = ready,
            Rollout = fleet.Rollout?.ToWire(),
            DeletingSince = fleet.DeletingSince?.ToTimestamp(),
        };
        if (status.Rollout is { Phase: Rollout.Types.Phase.Progressing })
        {
            status.Rollout.Message = decision?.Message ?? NotYet;
        }

        status.Conditions.Add(new V1.Condition
        {
            Type = "Converged",
            Status = claimed.Length == 0 ? V1.Condition.Types.Status.Unknown : ToWire(ready == claimed.Length),
            Reason = claimed.Length == 0 ? "NoNodes" : ready == claimed.Length ? "AllReady" : "NotAllReady",
            Message = decision?.Summary ?? NotYet,
            Since = Since(claimed, fleet.Revision, ready == claimed.Length).ToTimestamp(),
        });
        return status;
    }

    private static bool IsReady(NodeLive node, string revision) => node.Step is NodeStep.Ready && node.View.Desired?.Name == revision;

    // The fleet is what it is since the node that last changed its readiness.
    private DateTimeOffset Since(NodeLive[] claimed, string revision, bool all) => claimed
        .Where(node => IsReady(node, revision) == all)
        .SelectMany(node => node.Conditions)
        .Where(condition => condition.Type == "Ready")
        .Select(condition => condition.Since)
        .DefaultIfEmpty(_started)
        .Max();

    private static V1.Condition ToWire(LiveCondition condition) => new()
    {
        Type = condition.Type,
        Status = ToWire(condition.Holds),
        Reason = condition.Reason,
        Message = condition.Message,
        Since = condition.Since.ToTimestamp(),
    };

    private static V1.Condition.Types.Status ToWire(bool? holds) => holds switch
    {
        true => V1.Condition.Types.Status.True,
        false => V1.Condition.Types.Status.False,
        null => V1.Condition.Types.Status.Unknown,
    };

    private static Check ToWire(NodeCheck check) => new()
    {
        Name = check.Name,
        Wanted = check.Wanted,
        Found = check.Found,
        Source = check.Source,
        Result = (Check.Types.Result)check.Result,
        Message = check.Message,
    };
}
