using System.Text.Json.Serialization;

namespace Qm.Fleet.Agent.CommitConfirm;

/// <summary>A moment of one boot.</summary>
/// <param name="Microseconds">CLOCK_MONOTONIC.</param>
/// <param name="BootId">The kernel's boot id; times of different boots do not compare.</param>
internal sealed record NodeMoment(long Microseconds, string BootId);

/// <summary>Until when a committed revision must be confirmed; part of <c>state.json</c>, so it outlives the agent and the boot.</summary>
/// <param name="WithinMilliseconds">Its full length.</param>
/// <param name="Due">When it is over.</param>
/// <param name="BegunAnew">Whether a reboot already began it anew.</param>
internal sealed record ConfirmDeadline(long WithinMilliseconds, NodeMoment Due, bool BegunAnew)
{
    /// <summary>The shortest one there can be.</summary>
    public static readonly TimeSpan Least = TimeSpan.FromSeconds(1);

    /// <summary>The longest one there can be.</summary>
    public static readonly TimeSpan Most = TimeSpan.FromDays(1);

    /// <summary>A length as the controller says it; null for 0, which waits for ever. What is out of bounds stays so.</summary>
    public static TimeSpan? FromWire(long milliseconds) =>
        milliseconds == 0 ? null : TimeSpan.FromMilliseconds(Math.Clamp(milliseconds, -1, (long)Most.TotalMilliseconds + 1));

    /// <summary>Its full length.</summary>
    [JsonIgnore]
    public TimeSpan Within => TimeSpan.FromMilliseconds(WithinMilliseconds);

    /// <summary>One that begins now.</summary>
    public static ConfirmDeadline Begin(TimeSpan within, NodeMoment now) =>
        new((long)within.TotalMilliseconds, Later(now, within), BegunAnew: false);

    /// <summary>The same in the boot of <paramref name="now"/>.</summary>
    /// <remarks>
    /// How long the node was off is unknown, and the controller could not confirm meanwhile: the first reboot begins the deadline anew with its full
    /// length. A second one ends it, or a node that reboots because of the change would never go back.
    /// </remarks>
    public ConfirmDeadline In(NodeMoment now) => Due.BootId == now.BootId ? this
        : BegunAnew ? this with { Due = now }
        : this with { Due = Later(now, Within), BegunAnew = true };

    /// <summary>What is left of it in the boot it counts in; zero or less when it is over.</summary>
    public TimeSpan Left(NodeMoment now) => TimeSpan.FromMicroseconds(Due.Microseconds - now.Microseconds);

    private static NodeMoment Later(NodeMoment now, TimeSpan by) => now with { Microseconds = now.Microseconds + (long)by.TotalMicroseconds };
}
