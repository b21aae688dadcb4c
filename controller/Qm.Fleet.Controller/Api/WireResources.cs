using Google.Protobuf.WellKnownTypes;
using Qm.Fleet.Controller.Reconcile;
using Qm.Fleet.Controller.Storage;
using Qm.Fleet.Core.Rollouts;

namespace Qm.Fleet.Controller.Api;

/// <summary>Stored resources as wire messages.</summary>
internal static class WireResources
{
    public static V1.Fleet ToWire(this StoredFleet fleet, ILiveStatus live) => new()
    {
        Metadata = Metadata(fleet.Name, fleet.Uid, fleet.Generation, fleet.Labels, fleet.CreatedAt),
        Spec = fleet.Wire,
        Status = live.Fleet(fleet),
    };

    public static V1.Node ToWire(this StoredNode node, ILiveStatus live) => new()
    {
        Metadata = Metadata(node.Name, node.Uid, node.Generation, node.Labels, node.CreatedAt),
        Spec = node.ToSpec(),
        Status = Status(node, live),
    };

    public static V1.NodeSpec ToSpec(this StoredNode node) => new() { Site = node.Site, Cordoned = node.Cordoned, Maintenance = node.Maintenance };

    /// <summary>Whether BlueChi is heard, as a condition of a type.</summary>
    public static V1.Condition ToWire(this BlueChiLink blueChi, string type) => new()
    {
        Type = type,
        Status = blueChi.Current is null ? V1.Condition.Types.Status.False : V1.Condition.Types.Status.True,
        Reason = blueChi.Current is null ? "NotConnected" : "Connected",
        Message = blueChi.Current is null ? blueChi.NotConnectedBecause : "BlueChi is heard.",
        Since = blueChi.Since.ToTimestamp(),
    };

    public static V1.Revision ToWire(this StoredRevision revision) => new()
    {
        Metadata = new V1.Metadata
        {
            Name = revision.Name,
            Uid = revision.Uid,
            Generation = 1,
            CreatedAt = Timestamp.FromDateTimeOffset(revision.CreatedAt),
        },
        Fleet = revision.Fleet,
        Environment = revision.Environment,
    };

    public static V1.RolloutHold ToWire(this RolloutHold hold) => new()
    {
        Gate = hold.Gate,
        Reason = hold.Reason,
        Release = hold.Release,
        Until = hold.Until?.ToTimestamp(),
        Never = hold.Never,
    };

    public static V1.Event ToWire(this StoredEvent stored) => new()
    {
        Number = stored.Number,
        Time = Timestamp.FromDateTimeOffset(stored.Time),
        Reason = stored.Draft.Reason,
        Severity = (V1.Event.Types.Severity)stored.Draft.Severity,
        Actor = stored.Draft.Actor,
        Fleet = stored.Draft.Fleet,
        Node = stored.Draft.Node,
        Unit = stored.Draft.Unit,
        Message = stored.Draft.Message,
        Hash = Convert.ToHexStringLower(stored.Hash),
    };

    /// <summary>The event as the audit trail has it, with what is not for everybody who may read events.</summary>
    public static V1.Event ToAudit(this StoredEvent stored)
    {
        var wire = stored.ToWire();
        (wire.Source, wire.RequestId) = (stored.Details.Source, stored.Details.RequestId);
        (wire.Before, wire.After) = (stored.Details.Before, stored.Details.After);
        return wire;
    }

    public static V1.Rollout ToWire(this StoredRollout rollout) => new()
    {
        Name = $"{rollout.Fleet}/{rollout.Number}",
        Fleet = rollout.Fleet,
        FromRevision = rollout.FromRevision,
        ToRevision = rollout.ToRevision,
        Phase = rollout.State is { Phase: RolloutPhase.Progressing, Stop: not null } ? V1.Rollout.Types.Phase.Paused : (V1.Rollout.Types.Phase)rollout.Phase,
        StartedAt = Timestamp.FromDateTimeOffset(rollout.StartedAt),
        EndedAt = rollout.EndedAt is { } ended ? Timestamp.FromDateTimeOffset(ended) : null,
        Message = rollout.Message,
    };

    /// <summary>The rollout as something asked for that takes time.</summary>
    public static V1.Operation ToOperation(this StoredRollout rollout) => new()
    {
        Name = $"operations/{rollout.Fleet}/{rollout.Number}",
        Kind = NodeRemoval.NodeOf(rollout.Fleet) is null ? "Rollout" : "Retire",
        Target = NodeRemoval.NodeOf(rollout.Fleet) is { } leaving ? $"node/{leaving}" : $"fleet/{rollout.Fleet}",
        Node = NodeRemoval.NodeOf(rollout.Fleet) ?? "",
        Done = rollout.HasEnded,
        Error = rollout.HasEnded && rollout.Phase is not RolloutPhase.Succeeded ? rollout.Message : "",
        StartedAt = Timestamp.FromDateTimeOffset(rollout.StartedAt),
        EndedAt = rollout.EndedAt is { } ended ? Timestamp.FromDateTimeOffset(ended) : null,
        Actor = rollout.Actor,
        Message = rollout.Message,
        CancelRequested = rollout.Phase is RolloutPhase.Aborted,
    };

    /// <summary>What was asked of a unit.</summary>
    public static V1.Operation ToWire(this StoredOperation operation) => new()
    {
        Name = operation.Name,
        Kind = operation.Kind.ToString(),
        Target = operation.Kind == OperationKind.RestartQm ? $"node/{operation.Node}" : $"node/{operation.Node}/unit/{operation.Unit}",
        Done = operation.EndedAt is not null,
        Error = operation.Error,
        StartedAt = Timestamp.FromDateTimeOffset(operation.StartedAt),
        EndedAt = operation.EndedAt is { } ended ? Timestamp.FromDateTimeOffset(ended) : null,
        Node = operation.Node,
        Unit = operation.Unit,
        Actor = operation.Actor,
        Message = operation.Message,
        CancelRequested = operation.CancelledBy.Length > 0,
        OnHost = operation.OnHost,
    };

    private static V1.NodeStatus Status(StoredNode node, ILiveStatus live)
    {
        var status = live.Node(node.Name);
        if (node.Removal is { } removal)
        {
            status.Retiring = new() { Reason = removal.Reason, Actor = removal.Actor, Since = Timestamp.FromDateTimeOffset(removal.Since), Operation = removal.Operation };
        }
        if (node.Decision is not { } decision)
        {
            return status;
        }
        V1.NodeDecision wire = new() { Reason = decision.Reason, Actor = decision.Actor, Since = Timestamp.FromDateTimeOffset(decision.Since) };
        if (!node.IsRetired)
        {
            status.Reenrolment = wire;
            return status;
        }
        // Nobody looks at it any more: what was last seen of it says nothing.
        return new() { Retirement = wire, Step = new() { Name = "Retired", Message = $"by {decision.Actor}, because {decision.Reason}; qmfleet node reenroll {node.Name} takes it back", Since = wire.Since } };
    }

    private static V1.Metadata Metadata(
        string name, string uid, long generation, IReadOnlyDictionary<string, string> labels, DateTimeOffset createdAt)
    {
        var metadata = new V1.Metadata { Name = name, Uid = uid, Generation = generation, CreatedAt = Timestamp.FromDateTimeOffset(createdAt) };
        foreach (var (key, value) in labels)
        {
            metadata.Labels.Add(key, value);
        }
        return metadata;
    }
}
