using System.Collections.Immutable;
using Qm.Fleet.Core.Revisions;

namespace Qm.Fleet.Core.Rollouts;

/// <summary>Somebody stopped a rollout.</summary>
/// <param name="Actor">Who.</param>
/// <param name="Reason">Why, in their words; may be empty.</param>
/// <param name="Since">When.</param>
public sealed record RolloutStop(string Actor, string Reason, DateTimeOffset Since)
{
    /// <inheritdoc/>
    public override string ToString() => $"{Actor} paused it{(Reason.Length == 0 ? "" : $": {Reason}")}";
}

/// <summary>A rollout as it is stored: everything a controller needs to go on where another was killed.</summary>
/// <param name="From">The revision it comes from; empty for the first.</param>
/// <param name="To">The revision it brings.</param>
/// <param name="Phase">How far it is.</param>
public sealed record RolloutState(string From, string To, RolloutPhase Phase)
{
    /// <summary>Why it is Paused, RollingBack or ended; empty before.</summary>
    public string Reason { get; init; } = "";

    /// <summary>The batch that moves now, from 0; -1 before the first, the number of batches after the last.</summary>
    public int Batch { get; init; } = -1;

    /// <summary>Since when it does.</summary>
    public DateTimeOffset BatchSince { get; init; }

    /// <summary>Its nodes, by name.</summary>
    public ImmutableSortedDictionary<string, RolloutMember> Members { get; init; } = NoMembers;

    /// <summary>Who stopped it; null when nobody did.</summary>
    public RolloutStop? Stop { get; init; }

    /// <summary>Nodes whose failure somebody has taken note of by resuming.</summary>
    public ImmutableSortedSet<string> Forgiven { get; init; } = ImmutableSortedSet.Create<string>(StringComparer.Ordinal);

    /// <summary>Before any node is known.</summary>
    public static ImmutableSortedDictionary<string, RolloutMember> NoMembers { get; } = ImmutableSortedDictionary.Create<string, RolloutMember>(StringComparer.Ordinal);

    /// <summary>Whether it takes away what its fleet had brought: then QM need not serve afterwards, and there is nothing to soak.</summary>
    public bool IsRemoval => To == Removal.Revision;

    /// <summary>Whether nothing will change it any more but catching up with nodes that were away.</summary>
    public bool HasEnded => Phase is RolloutPhase.Succeeded or RolloutPhase.Superseded or RolloutPhase.RolledBack or RolloutPhase.Aborted;

    /// <summary>The rollout of a newer revision, in the place of this one.</summary>
    /// <remarks>
    /// A node in the middle of its way goes on to the newer revision at once, because it is down already; every other waits for its batch, and those on
    /// their way back go on with that. What a node goes back to is what it had before both, until it was done with the older one.
    /// </remarks>
    /// <param name="to">The newer revision.</param>
    /// <param name="now">The time.</param>
    public RolloutState Supersede(string to, DateTimeOffset now) => new(To, to, RolloutPhase.Progressing)
    {
        Members = Members.ToImmutableSortedDictionary(
            member => member.Key,
            member => member.Value switch
            {
                { State: MemberState.Moving } moving => new RolloutMember(MemberState.Moving, now, moving.Base) { Batch = 0 },
                { State: MemberState.Done } done => new(MemberState.Waiting, now, To),
                var other => new(MemberState.Waiting, now, other.Base),
            },
            StringComparer.Ordinal),
    };
}
