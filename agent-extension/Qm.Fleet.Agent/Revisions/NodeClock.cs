using Qm.Fleet.Agent.CommitConfirm;
using Qm.Fleet.Agent.Files;

namespace Qm.Fleet.Agent.Revisions;

/// <summary>
/// The node's monotonic time and the boot it counts in. On Linux <see cref="TimeProvider.System"/> counts CLOCK_MONOTONIC, the clock of
/// systemd's <c>...TimestampMonotonic</c> properties.
/// </summary>
internal sealed class NodeClock(NodeRoot root, TimeProvider time)
{
    /// <summary>Microseconds of CLOCK_MONOTONIC.</summary>
    public long MonotonicMicroseconds => (long)(time.GetTimestamp() * (1_000_000m / time.TimestampFrequency));

    /// <summary>Both together.</summary>
    public NodeMoment Now => new(MonotonicMicroseconds, BootId);

    /// <summary>The kernel's boot id, such as 5f3c1a52-…; empty when it cannot be read.</summary>
    public string BootId => root.ReadText("/proc/sys/kernel/random/boot_id")?.Trim() ?? "";
}
