namespace Qm.Fleet.Lab.BlueChi;

/// <summary>How bluechi-controller finds out agents that are silent, as its configuration says.</summary>
/// <param name="Interval"><c>HeartbeatInterval</c>: how often it looks.</param>
/// <param name="NodeThreshold"><c>NodeHeartbeatThreshold</c>: an agent that was not heard for longer is dropped at the next look.</param>
internal sealed record Heartbeats(TimeSpan Interval, TimeSpan NodeThreshold)
{
    /// <summary>What the README tells to set; by default BlueChi never looks.</summary>
    public static Heartbeats Recommended { get; } = new(TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(3));
}
