using System.Collections.Immutable;

namespace Qm.Fleet.Core.Rollouts;

/// <summary>How far a rollout is. Numbers are stored and on the wire.</summary>
public enum RolloutPhase
{
    /// <summary>Nodes are moving.</summary>
    Progressing = 1,

    /// <summary>A node failed; no further node moves until a new apply.</summary>
    Paused = 2,

    /// <summary>Every node was Ready.</summary>
    Succeeded = 3,

    /// <summary>A newer apply took its place.</summary>
    Superseded = 4,
}

/// <summary>Where a node stands on the way to a rollout's revision.</summary>
public enum MemberState
{
    /// <summary>Not begun, and able to.</summary>
    Waiting = 1,

    /// <summary>Not begun, and not reachable or held back.</summary>
    Unreachable = 2,

    /// <summary>The revision's files are in place; not Ready yet.</summary>
    Moving = 3,

    /// <summary>Everything was read back as wanted.</summary>
    Ready = 4,

    /// <summary>The revision failed on it.</summary>
    Failed = 5,
}

/// <summary>One node of a rollout.</summary>
/// <param name="Name">Its name.</param>
/// <param name="State">Where it stands.</param>
/// <param name="Reason">What it waits for, or why it failed.</param>
public sealed record RolloutMember(string Name, MemberState State, string Reason);

/// <summary>What a rollout does next.</summary>
/// <param name="Phase">How far it is.</param>
/// <param name="MayMove">Nodes that may change now.</param>
/// <param name="Ready">How many nodes are Ready.</param>
/// <param name="Nodes">How many nodes there are.</param>
/// <param name="Message">What it waits for, or why it is paused.</param>
public sealed record RolloutDecision(RolloutPhase Phase, ImmutableSortedSet<string> MayMove, int Ready, int Nodes, string Message)
{
    /// <summary>How far it is, and what it waits for.</summary>
    public string Summary => $"{Ready} of {Nodes} nodes ready; {Message}";
}

/// <summary>Brings a fleet's nodes to a revision one after the other, by name, and stops at the first that fails.</summary>
public static class SequentialRollout
{
    /// <summary>What a rollout does next.</summary>
    /// <remarks>
    /// A node that has begun keeps its turn, also while it cannot be reached: it may be down, and a second one must not be.
    /// A node that cannot be reached and has not begun is passed over, and comes when it is back.
    /// Once succeeded, a rollout stays so; a node that drifts or joins later is still brought back, one at a time.
    /// </remarks>
    /// <param name="phase">The phase so far; Progressing or Succeeded.</param>
    /// <param name="members">Every node the fleet's selector matches.</param>
    public static RolloutDecision Advance(RolloutPhase phase, IReadOnlyCollection<RolloutMember> members)
    {
        var byName = members.OrderBy(member => member.Name, StringComparer.Ordinal).ToArray();
        var ready = byName.Count(member => member.State == MemberState.Ready);
        if (byName.FirstOrDefault(member => member.State == MemberState.Failed) is { } failed)
        {
            return new(RolloutPhase.Paused, [], ready, byName.Length, $"{failed.Name} failed: {failed.Reason}");
        }

        if (byName.Length > 0 && ready == byName.Length)
        {
            return new(RolloutPhase.Succeeded, [], ready, ready, "every value was read back as wanted");
        }

        var turn = byName.FirstOrDefault(member => member.State == MemberState.Moving)
            ?? byName.FirstOrDefault(member => member.State == MemberState.Waiting);
        var held = byName.FirstOrDefault(member => member.State == MemberState.Unreachable);
        var message = (turn, held) switch
        {
            ({ } node, _) => $"{node.Name}: {node.Reason}",
            (null, { } node) => $"waits for {node.Name}: {node.Reason}",
            _ => "no node matches the selector",
        };
        return new(
            phase == RolloutPhase.Succeeded ? phase : RolloutPhase.Progressing,
            turn is null ? [] : [turn.Name],
            ready,
            byName.Length,
            message);
    }
}
