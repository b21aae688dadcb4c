using System.Collections.Immutable;
using Qm.Fleet.Controller.Gateway;
using Qm.Fleet.Core.Reconcile;
using Qm.Fleet.Core.Revisions;

namespace Qm.Fleet.Controller.Reconcile;

/// <summary>Says of a node what holds, what does not, and what is not known.</summary>
internal static class NodeConditions
{
    internal static ImmutableArray<LiveCondition> Judge(
        NodeView view, NodeStep step, ImmutableArray<NodeCheck> checks, IAgentLinks agents, ImmutableArray<LiveCondition> before, DateTimeOffset now)
    {
        ImmutableArray<LiveCondition> judged =
        [
            OfPresence("BluechiOnline", view.Name, view.Host, now),
            OfPresence("QmOnline", QmNode.NameFor(view.Name), view.Host == Presence.Unknown ? Presence.Unknown : view.Qm, now),
            agents.IsConnected(view.Name)
                ? new("ExtensionConnected", true, "Connected", "the agent extension is connected", now)
                : new("ExtensionConnected", false, "NotConnected", "the agent extension is not connected", now),
            OfQm(view, now),
            OfChecks(view, checks, now),
            OfFiles(view, now),
            OfStep(step, view, now),
            OfClock(Heard(), Before("ClockInSync"), now),
            OfDisk(Heard(), Before("DiskSpace"), now),
            OfPace(Heard(), now),
        ];
        return [.. judged.Select(condition => Keep(condition, before))];

        AgentPulse? Heard() => agents.IsConnected(view.Name) ? agents.Pulse(view.Name) : null;
        bool? Before(string type) => before.IsDefault ? null : before.FirstOrDefault(condition => condition.Type == type)?.Holds;
    }

    private static LiveCondition Keep(LiveCondition condition, ImmutableArray<LiveCondition> before)
    {
        var earlier = before.IsDefault ? null : before.FirstOrDefault(candidate => candidate.Type == condition.Type);
        return earlier is not null && earlier.Holds == condition.Holds ? condition with { Since = earlier.Since } : condition;
    }

    private static LiveCondition OfPresence(string type, string name, Presence presence, DateTimeOffset now) => presence switch
    {
        Presence.Online => new(type, true, "Online", $"BlueChi says {name} is online", now),
        Presence.Offline => new(type, false, "Offline", $"BlueChi says {name} is offline", now),
        _ => new(type, null, "NotHeard", "BlueChi is not heard", now),
    };

    private static LiveCondition OfQm(NodeView view, DateTimeOffset now) => (view.Host, view.QmUnit) switch
    {
        (Presence.Online, { ActiveState: "active" } unit) => new("QmActive", true, "Active", $"{QmNode.Unit} is active ({unit.SubState})", now),
        (Presence.Online, { } unit) => new("QmActive", false, "NotActive", $"{QmNode.Unit} is {unit.ActiveState} ({unit.SubState}), {unit.LoadState}", now),
        _ => new("QmActive", null, "NotHeard", $"{QmNode.Unit} could not be read", now),
    };

    private static LiveCondition OfChecks(NodeView view, ImmutableArray<NodeCheck> checks, DateTimeOffset now)
    {
        if (view.Evidence is null || view.Desired is null)
        {
            return new("Verified", null, "NotHeard", view.Desired is null ? view.NotDesiredBecause : "the agent extension is not connected", now);
        }

        var failed = checks.Where(check => check.Result == CheckResult.Fail).Select(check => check.Name).ToArray();
        var unread = checks.Where(check => check.Result == CheckResult.Unreadable).Select(check => check.Name).ToArray();
        return (failed, unread) switch
        {
            ({ Length: > 0 }, _) => new("Verified", false, "Differs", $"other than wanted: {string.Join(", ", failed)}", now),
            (_, { Length: > 0 }) => new("Verified", null, "Unreadable", $"could not be read back: {string.Join(", ", unread)}", now),
            _ => new("Verified", true, "ReadBack", checks.Where(check => check.Result == CheckResult.Pending).Select(check => check.Name).ToArray() is { Length: > 0 } pending
                ? $"every value was read back as wanted, or takes effect at the next start: {string.Join(", ", pending)}" : "every value was read back as wanted", now),
        };
    }

    private static LiveCondition OfFiles(NodeView view, DateTimeOffset now) => view.Evidence switch
    {
        null => new("Synced", null, "NotHeard", "the agent extension is not connected", now),
        { Drift: { Count: > 0 } drift } => new("Synced", false, "Drifted", $"changed by somebody else: {string.Join(", ", drift)}", now),
        { Revision: "" } => new("Synced", null, "NothingCommitted", "nothing was committed on this node", now),
        _ => new("Synced", true, "AsCommitted", "every owned file is as it was committed", now),
    };

    private static LiveCondition OfClock(AgentPulse? pulse, bool? before, DateTimeOffset now)
    {
        if (pulse?.ClockSkew is not { } skew)
        {
            return new("ClockInSync", null, "NotHeard", "the agent extension does not tell the node's time", now);
        }

        var (isRight, message) = NodeVitals.Clock(skew, before);
        return new("ClockInSync", isRight, isRight ? "InSync" : "Skewed", message, now);
    }

    private static LiveCondition OfDisk(AgentPulse? pulse, bool? before, DateTimeOffset now)
    {
        if (pulse?.Disk is not { } disk)
        {
            return new("DiskSpace", null, "NotHeard", "the agent extension does not tell how full QM's /var is", now);
        }

        var (hasSpace, message) = NodeVitals.Disk(disk.Path, disk.TotalBytes, disk.AvailableBytes, before);
        return new("DiskSpace", hasSpace, hasSpace ? "Enough" : "Low", message, now);
    }

    private static LiveCondition OfPace(AgentPulse? pulse, DateTimeOffset now) => pulse switch
    {
        null => new("ReportsInPace", null, "NotHeard", "the agent extension is not connected", now),
        { HeldSince: { } since } => new(
            "ReportsInPace", false, "Held", FormattableString.Invariant($"the agent extension has said more than it may since {since:u} and is read at its pace, so what it told is late"), now),
        _ => new("ReportsInPace", true, "InPace", "the agent extension says no more than it may", now),
    };

    private static LiveCondition OfStep(NodeStep step, NodeView view, DateTimeOffset now) => step switch
    {
        NodeStep.Ready => new("Ready", true, "Ready", step.Reason, now),
        NodeStep.Idle => new("Ready", null, "NotSelected", step.Reason, now),
        _ when view.Host == Presence.Unknown || view.Evidence is null => new("Ready", null, step.Name, step.Reason, now),
        _ => new("Ready", false, step.Name, step.Reason, now),
    };
}
