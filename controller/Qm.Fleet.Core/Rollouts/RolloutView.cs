using System.Collections.Immutable;

namespace Qm.Fleet.Core.Rollouts;

/// <summary>Whether QM of a node does its work, as far as is known.</summary>
public enum Availability
{
    /// <summary>Nothing has been heard that would tell; counts as down.</summary>
    Unheard = 0,

    /// <summary>The node cannot be reached; counts as down.</summary>
    Away = 1,

    /// <summary>It can be reached, and QM does not run.</summary>
    Down = 2,

    /// <summary>It can be reached and QM runs, but BlueChi does not hear QM; counts as down, and still has something to lose.</summary>
    Unregistered = 3,

    /// <summary>QM runs, and BlueChi hears it.</summary>
    Serving = 4,
}

/// <summary>How far a node is with the revision it was last told.</summary>
public enum NodeProgress
{
    /// <summary>Under way, or waiting.</summary>
    Working = 0,

    /// <summary>Everything was read back as wanted, and confirmed.</summary>
    Ready = 1,

    /// <summary>It cannot be had.</summary>
    Failed = 2,
}

/// <summary>What is known of one node of a fleet.</summary>
public sealed record RolloutNode
{
    /// <summary>Its labels.</summary>
    public required IReadOnlyDictionary<string, string> Labels { get; init; }

    /// <summary>Whether people asked that it be left alone.</summary>
    public bool Cordoned { get; init; }

    /// <summary>Whether QM does its work.</summary>
    public required Availability Availability { get; init; }

    /// <summary>Whether QM is about to be taken down to heal what is in it, though it serves still; counts as down.</summary>
    public bool GoesDown { get; init; }

    /// <summary>Since when somebody looks at it; what was before that is no fault of the node's.</summary>
    public DateTimeOffset WatchedSince { get; init; }

    /// <summary>The revision that <see cref="Progress"/> is about; empty when none was wanted at the last look.</summary>
    public string Target { get; init; } = "";

    /// <summary>How far it is with that.</summary>
    public NodeProgress Progress { get; init; }

    /// <summary>A sentence: what it waits for, or why it failed.</summary>
    public string Reason { get; init; } = "";

    /// <summary>Whether it has ever told what it has; until then it is no part of a rollout.</summary>
    public bool IsKnown { get; init; } = true;

    /// <summary>The revision whose files are in place; empty when there is none, or it is not known.</summary>
    public string Revision { get; init; } = "";

    /// <summary>The revision that is staged; empty when there is none.</summary>
    public string Staged { get; init; } = "";

    /// <summary>What of it is certainly broken, such as a unit that failed; null when nothing is.</summary>
    public string? Fault { get; init; }

    /// <summary>Counters of its health.</summary>
    public HealthMark Health { get; init; } = HealthMark.None;

    /// <summary>Memory pressure of QM in percent, averaged over a minute; null when unknown.</summary>
    public double? Pressure { get; init; }

    /// <summary>Why the rollout's revision is known to be bad here; null when it is not.</summary>
    public string? KnownBad { get; init; }

    /// <summary>Why it shall go back to what it had before, although it was done; null when it shall not.</summary>
    public string? Condemned { get; init; }

    /// <summary>A precondition that does not hold; null when all do.</summary>
    public UnmetPrecondition? Blocked { get; init; }

    /// <summary>Whether it has its turn, and nothing was done yet because a window closed or a precondition ceased to hold.</summary>
    public bool Postponed { get; init; }

    /// <summary>Whether it can be reached and may be changed.</summary>
    public bool CanMove => !Cordoned && Availability >= Availability.Down;
}

/// <summary>Something that happened to a rollout.</summary>
/// <param name="Reason">A CamelCase word.</param>
/// <param name="Node">The node concerned; empty when it is the rollout.</param>
/// <param name="Message">A sentence.</param>
/// <param name="IsBad">Whether it wants a look.</param>
public sealed record RolloutNotice(string Reason, string Node, string Message, bool IsBad = false);

/// <summary>Which revision a node shall have now.</summary>
/// <param name="Revision">Its name; empty for none.</param>
/// <param name="MayMove">Whether it may be put in place; else it is staged at most.</param>
public readonly record struct NodeTarget(string Revision, bool MayMove);

/// <summary>What a rollout does next.</summary>
/// <param name="State">What it is now; the same instance when nothing changed.</param>
/// <param name="Holds">What holds up each node that is not where it shall be.</param>
/// <param name="Notices">What happened.</param>
/// <param name="Message">What it waits for, or how it ended.</param>
/// <param name="Wake">When something changes by itself; null when only the nodes can change it.</param>
public sealed record RolloutDecision(
    RolloutState State, ImmutableSortedDictionary<string, RolloutHold> Holds, ImmutableArray<RolloutNotice> Notices, string Message, DateTimeOffset? Wake)
{
    /// <summary>What the next turn may take over.</summary>
    internal RolloutGroups Groups { get; init; } = RolloutGroups.None;

    /// <summary>Nodes that are where the rollout brings them.</summary>
    public int Done => State.Members.Count(member => member.Value.State == MemberState.Done);

    /// <summary>How far it is, and what it waits for.</summary>
    public string Summary => $"{Done} of {State.Members.Count} nodes ready; {Message}";

    /// <summary>Which revision a node shall have now.</summary>
    /// <param name="name">The node.</param>
    /// <param name="staged">The revision that is staged there.</param>
    /// <param name="isInPlace">Whether a revision's files are there as they shall be.</param>
    /// <remarks>
    /// A node that waits is given the new revision until it is staged, and then what it had before, so that it is healed meanwhile; where that has to be
    /// staged for it, it is put in place before the new one is staged again. One that shall go back, and may not yet, is not touched.
    /// </remarks>
    public NodeTarget TargetOf(string name, string staged, Func<string, bool> isInPlace) => State.Members.GetValueOrDefault(name) switch
    {
        null => State.Phase is RolloutPhase.Progressing or RolloutPhase.Succeeded ? new(State.To, false) : default,
        { State: MemberState.Moving or MemberState.Soaking or MemberState.Done } => new(State.To, true),
        { State: MemberState.Leaving } => new(State.To, false),
        { State: MemberState.Waiting, HasFailed: false } member when State.Phase is RolloutPhase.Progressing or RolloutPhase.Succeeded && (member.Base.Length == 0 || (staged != State.To && (staged != member.Base || isInPlace(member.Base)))) => new(State.To, false),
        var member => new(member.Base, member.Base.Length > 0),
    };
}
