namespace Qm.Fleet.Core.Rollouts;

/// <summary>One node of a rollout, as it is stored.</summary>
/// <param name="State">Where it stands.</param>
/// <param name="Since">Since when.</param>
/// <param name="Base">The revision it had before, and goes back to; empty when there is none.</param>
public sealed record RolloutMember(MemberState State, DateTimeOffset Since, string Base)
{
    /// <summary>The batch that took it, from 0; null before one did.</summary>
    public int? Batch { get; init; }

    /// <summary>Why the revision is held to have failed on it; empty when it is not.</summary>
    public string Failure { get; init; } = "";

    /// <summary>Its counters when it began to move.</summary>
    public HealthMark Mark { get; init; } = HealthMark.None;

    /// <summary>Since when it has been healthy with the new revision without a break; null when it is not.</summary>
    public DateTimeOffset? HealthySince { get; init; }

    /// <summary>How long it took from its turn to Ready; null before, and when nobody watched all of it.</summary>
    public TimeSpan? Took { get; init; }

    /// <summary>Whether the revision failed on it.</summary>
    public bool HasFailed => Failure.Length > 0;

    /// <summary>Whether it may be down because of the rollout.</summary>
    public bool IsInTheAir => State is MemberState.Moving or MemberState.Returning;

    /// <summary>Whether nothing more will happen to it by itself.</summary>
    public bool IsSettled => State is MemberState.Done or MemberState.Returned or MemberState.Stuck;

    internal RolloutMember To(MemberState state, DateTimeOffset now) => this with { State = state, Since = now, HealthySince = null };

    /// <summary>It shall go back; without anything to go back to it stays.</summary>
    internal RolloutMember Leave(DateTimeOffset now) => To(Base.Length == 0 ? MemberState.Stuck : MemberState.Leaving, now);

    internal RolloutMember Failed(string reason, DateTimeOffset now) => Leave(now) with { Failure = reason };
}
