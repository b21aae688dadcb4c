using Qm.Fleet.Core.Reconcile;
using Qm.Fleet.Core.Revisions;

namespace Qm.Fleet.Core.Supervision;

/// <summary>How a node is, all signals together; the numbers are those of the wire.</summary>
public enum NodePhase
{
    /// <summary>BlueChi hears the host and QM, the agent extension is connected, and nothing fails.</summary>
    Healthy = 1,

    /// <summary>QM serves, and something in it fails or does not stay up.</summary>
    Degraded = 2,

    /// <summary>The host is heard, and QM does not run.</summary>
    QmDown = 3,

    /// <summary>QM runs, and BlueChi does not hear it.</summary>
    QmUnregistered = 4,

    /// <summary>BlueChi hears the node, and its agent extension is not connected.</summary>
    ExtensionLost = 5,

    /// <summary>The agent extension is connected, and BlueChi does not hear the host, or gets no answer from it.</summary>
    AgentLost = 6,

    /// <summary>Neither hears it.</summary>
    Unreachable = 7,

    /// <summary>BlueChi itself is not heard.</summary>
    BlueChiLost = 8,

    /// <summary>Nothing was heard yet.</summary>
    Unknown = 9,
}

/// <summary>What tells how a node is.</summary>
/// <param name="Name">BlueChi's node name of the host.</param>
/// <param name="Host">The host, through BlueChi.</param>
/// <param name="Qm">QM, through BlueChi.</param>
/// <param name="HasExtension">Whether the agent extension is connected.</param>
/// <param name="Unit">qm.service; null when the host's agent did not tell.</param>
/// <param name="Failing">What fails on it, as a sentence; empty when nothing does.</param>
public sealed record NodeSignals(string Name, Presence Host, Presence Qm, bool HasExtension, UnitReading? Unit, string Failing);

/// <summary>What is found of a node.</summary>
/// <param name="Phase">What.</param>
/// <param name="Reason">A sentence.</param>
/// <param name="Since">Since when.</param>
public sealed record NodeFinding(NodePhase Phase, string Reason, DateTimeOffset Since);

/// <summary>What is said of a node, and what is about to be said if it lasts.</summary>
/// <param name="Current">What is said.</param>
/// <param name="Pending">What is found now; null when it is what is said.</param>
public sealed record NodePhaseState(NodeFinding Current, NodeFinding? Pending)
{
    /// <summary>Since when what is said is not found any more, whatever is found instead; null while it is found.</summary>
    public DateTimeOffset? Left { get; init; }

    /// <summary>When what is pending is said; null when nothing is.</summary>
    /// <param name="pending">How long what is said must not have been found.</param>
    public DateTimeOffset? Until(TimeSpan pending) => Left + pending;
}

/// <summary>Joins what BlueChi says of the host and of QM, and the link of the agent extension, into one finding that does not flicker.</summary>
public static class NodePhases
{
    /// <summary>How a node is now.</summary>
    /// <param name="signals">What tells it.</param>
    /// <param name="before">What was said before; null at the first look.</param>
    /// <param name="pending">How long what was said must not be found before something else is said.</param>
    /// <param name="now">The time.</param>
    /// <returns>The same instance when nothing changed.</returns>
    public static NodePhaseState Judge(NodeSignals signals, NodePhaseState? before, TimeSpan pending, DateTimeOffset now)
    {
        var (phase, reason) = Find(signals);
        if (before is null)
        {
            return new(new(phase, reason, now), null);
        }

        if (phase == before.Current.Phase)
        {
            return reason == before.Current.Reason && before.Pending is null ? before : new(before.Current with { Reason = reason }, null);
        }

        // What was said has to be gone for a while; that one thing after the other is found instead, as of a QM that crashes again and again, does not save it.
        var left = before.Left ?? now;
        var found = before.Pending is { } earlier && earlier.Phase == phase ? earlier with { Reason = reason } : new NodeFinding(phase, reason, now);
        return now - left >= pending || before.Current.Phase == NodePhase.Unknown ? new(found, null)
            : found == before.Pending ? before
            : before with { Pending = found, Left = left };
    }

    private static (NodePhase Phase, string Reason) Find(NodeSignals signals) => signals switch
    {
        { Host: Presence.Unknown, HasExtension: true } => (NodePhase.BlueChiLost, "BlueChi is not heard; the agent extension is connected, and what runs goes on"),
        { Host: Presence.Unknown } => (NodePhase.BlueChiLost, "neither BlueChi nor the agent extension is heard, so nothing is known of the node"),
        { Host: Presence.Offline, HasExtension: false } => (NodePhase.Unreachable, "neither BlueChi nor the agent extension hears it: it has no power, or its cable is cut; whether it runs is unknown"),
        { Host: Presence.Offline } => (NodePhase.AgentLost, "the agent extension is connected, and BlueChi does not hear the host: bluechi-agent on it is dead, frozen or cut off; what runs goes on"),
        { HasExtension: true, Unit: null } => (NodePhase.AgentLost, "BlueChi says that the host is online, and gets no answer from it: bluechi-agent on it is frozen; what runs goes on"),
        { HasExtension: false, Unit: null } => (NodePhase.Unreachable, "BlueChi says that the host is online, and gets no answer from it; the agent extension is not connected; whether it runs is unknown"),
        { HasExtension: false } => (NodePhase.ExtensionLost, "the agent extension is not connected: what runs goes on, and is not verified"),
        { Unit.ActiveState: not ("active" or "reloading") } => (NodePhase.QmDown, $"{QmNode.Unit} is {signals.Unit.ActiveState} ({signals.Unit.SubState}, {signals.Unit.Result})"),
        { Qm: not Presence.Online } => (NodePhase.QmUnregistered, $"{QmNode.Unit} is active, and BlueChi does not hear {QmNode.NameFor(signals.Name)}"),
        { Failing.Length: > 0 } => (NodePhase.Degraded, signals.Failing),
        _ => (NodePhase.Healthy, "everything is heard, and nothing fails"),
    };
}
