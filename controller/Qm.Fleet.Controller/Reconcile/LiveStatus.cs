using Google.Protobuf.WellKnownTypes;
using Qm.Fleet.Controller.Api;
using Qm.Fleet.Controller.Storage;
using Qm.Fleet.Core.Reconcile;
using Qm.Fleet.V1;

namespace Qm.Fleet.Controller.Reconcile;

/// <summary>Shows the live state on the wire.</summary>
internal sealed class LiveStatus(LiveNodes live, RolloutKeeper rollouts, TimeProvider time) : ILiveStatus
{
    private readonly DateTimeOffset _started = time.GetUtcNow();

    public NodeStatus Node(string name)
    {
        if (live.Find(name) is not { } node)
        {
            return new() { Step = new() { Name = "WaitForReading", Message = "not looked at yet", Since = _started.ToTimestamp() } };
        }

        var status = new NodeStatus
        {
            Fleet = node.Assignment.Fleet?.Name ?? "",
            DesiredRevision = node.Assignment.Fleet?.Revision ?? "",
            Revision = node.Report?.Report.Revision ?? "",
            Step = new() { Name = node.Step.Name, Message = node.Step.Reason, Since = node.StepSince.ToTimestamp() },
            Report = node.Report?.Report,
            ReportedAt = node.Report?.ReceivedAt.ToTimestamp(),
            ConvergedAfter = node.ConvergedAfter?.ToDuration(),
        };
        status.Conditions.AddRange(node.Conditions.Select(ToWire));
        status.Checks.AddRange(node.Checks.Select(ToWire));
        return status;
    }

    public FleetStatus Fleet(string name)
    {
        var claimed = live.All.Where(node => node.Assignment.Fleet?.Name == name).ToArray();
        var ready = claimed.Count(node => node.Step is NodeStep.Ready);
        var known = rollouts.Find(name);
        var status = new FleetStatus
        {
            Revision = claimed.FirstOrDefault()?.Assignment.Fleet?.Revision ?? "",
            Nodes = claimed.Length,
            Ready = ready,
            Rollout = known is { } found && found.Fleet.Rollout is { } rollout ? ToWire(rollout, found.Decision.Message) : null,
        };
        status.Conditions.Add(new V1.Condition
        {
            Type = "Converged",
            Status = claimed.Length == 0 ? V1.Condition.Types.Status.Unknown : ToWire(ready == claimed.Length),
            Reason = claimed.Length == 0 ? "NoNodes" : ready == claimed.Length ? "AllReady" : "NotAllReady",
            Message = known?.Decision.Message ?? "not looked at yet",
            Since = Since(claimed, ready).ToTimestamp(),
        });
        return status;
    }

    // The fleet is what it is since the node that last changed its readiness.
    private DateTimeOffset Since(NodeLive[] claimed, int ready) => claimed
        .SelectMany(node => node.Conditions)
        .Where(condition => condition.Type == "Ready" && (condition.Holds == true) == (ready == claimed.Length))
        .Select(condition => condition.Since)
        .DefaultIfEmpty(_started)
        .Max();

    // The phase is the stored one: what is told has to survive the controller.
    private static Rollout ToWire(StoredRollout rollout, string message) => new()
    {
        Name = string.Create(System.Globalization.CultureInfo.InvariantCulture, $"{rollout.Fleet}/{rollout.Number}"),
        Fleet = rollout.Fleet,
        FromRevision = rollout.FromRevision,
        ToRevision = rollout.ToRevision,
        Phase = (Rollout.Types.Phase)rollout.Phase,
        StartedAt = rollout.StartedAt.ToTimestamp(),
        EndedAt = rollout.EndedAt?.ToTimestamp(),
        Message = message,
    };

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
