namespace Qm.Fleet.Core.Rollouts;

/// <summary>Decides what a rollout does next, from what is stored of it and what is known of its nodes, and nothing else.</summary>
/// <remarks>
/// Rules for nodes that change while it runs. One that joins waits for the first batch that has not begun and would take it, and goes with the last
/// one otherwise. One that leaves is forgotten. One that is cordoned or away, and has not begun, is passed over by its batch, and follows under the budget
/// when it can. A batch in which no node can move takes others that fit it, and waits when there are none. A change of labels changes the groups of the
/// budget at once, and the batch of a node that has one never.
/// </remarks>
public static class RolloutEngine
{
    /// <summary>What a rollout does next.</summary>
    /// <param name="state">What is stored of it.</param>
    /// <param name="policy">How it moves.</param>
    /// <param name="nodes">Every node of the fleet.</param>
    /// <param name="now">The time.</param>
    /// <param name="before">What was decided last; changes nothing but that what is as it was is not made again.</param>
    /// <param name="beside">Nodes that are none of this rollout, and are in the same budget; null for none.</param>
    public static RolloutDecision Advance(
        RolloutState state, RolloutPolicy policy, IReadOnlyDictionary<string, RolloutNode> nodes, DateTimeOffset now, RolloutDecision? before = null,
        IReadOnlyDictionary<string, RolloutNode>? beside = null)
    {
        var turn = new RolloutTurn(state, state.IsRemoval ? policy.ForRemoval : policy, nodes, now, before, beside);
        turn.Join();
        turn.Observe();
        turn.Judge();
        turn.Admit();
        return turn.Decide();
    }

    /// <summary>What keeps a node whose turn it is from being disrupted right now; null when nothing does.</summary>
    /// <param name="policy">How it moves.</param>
    /// <param name="blocked">A precondition that does not hold; null when all do.</param>
    /// <param name="now">The time.</param>
    public static RolloutHold? Hold(RolloutPolicy policy, UnmetPrecondition? blocked, DateTimeOffset now) =>
        blocked is not null ? new("Precondition", blocked.Reason, blocked.Never ? "another precondition, or what it asks for" : "that precondition", Never: blocked.Never)
        : policy.IsOpen(now) ? null
        : new("Window", $"no maintenance window is open ({string.Join(", ", policy.Windows)})", "a window opening", policy.Windows.Min(window => window.Opens(now)));
}
