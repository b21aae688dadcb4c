using System.Collections.Immutable;

namespace Qm.Fleet.Core.Supervision;

/// <summary>What of a node counts for its fleet. All nodes of a fleet are asked for theirs before any of them is healed, so it is made once for what is known of each.</summary>
/// <param name="FailingSince">When the last of its units that fail began to; null when none does.</param>
/// <param name="Acts">When anything was done about it by us.</param>
public sealed record NodeTrouble(DateTimeOffset? FailingSince, ImmutableArray<DateTimeOffset> Acts)
{
    /// <summary>Nothing that counts.</summary>
    public static NodeTrouble None { get; } = new(null, []);

    /// <summary>What of a node counts.</summary>
    public static NodeTrouble Of(NodeSupervision node) =>
        node.Failing.Max(static unit => unit.Value.FailingSince) is var since && node.Acts.ToImmutableArray() is var acts && (since is not null || !acts.IsEmpty) ? new(since, acts) : None;

    /// <summary>Whether it failed, or was acted upon, in a time up to the present.</summary>
    /// <param name="after">The beginning of that time, which does not belong to it.</param>
    /// <param name="now">The present.</param>
    public bool IsSince(DateTimeOffset after, DateTimeOffset now) => FailingSince > after || Acts.Any(act => act > after && act <= now);
}
