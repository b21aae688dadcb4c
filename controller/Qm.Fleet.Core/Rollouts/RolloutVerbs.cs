using System.Collections.Immutable;

namespace Qm.Fleet.Core.Rollouts;

/// <summary>What people decide about a rollout; each answers the same instance when it is so already, and null when it has ended and cannot be so.</summary>
public static class RolloutVerbs
{
    /// <summary>No further node begins.</summary>
    public static RolloutState? Pause(RolloutState state, string actor, string reason, DateTimeOffset now) =>
        state.HasEnded ? null : state.Stop is not null ? state : state with { Stop = new(actor, reason, now) };

    /// <summary>It goes on; failures so far are taken note of.</summary>
    public static RolloutState? Resume(RolloutState state) => state switch
    {
        { HasEnded: true } => null,
        { Stop: null, Phase: not RolloutPhase.Paused } => state,
        { Phase: RolloutPhase.Paused } => state with
        {
            Stop = null,
            Phase = RolloutPhase.Progressing,
            Reason = "",
            Forgiven = state.Forgiven.Union(state.Members.Where(member => member.Value.HasFailed).Select(member => member.Key)),
        },
        _ => state with { Stop = null },
    };

    /// <summary>It ends; nodes stay where they are.</summary>
    public static RolloutState? Abort(RolloutState state, string actor, string reason) => state switch
    {
        { Phase: RolloutPhase.Aborted } => state,
        { HasEnded: true } => null,
        _ => state with { Stop = null, Phase = RolloutPhase.Aborted, Reason = $"{actor} ended it{(reason.Length == 0 ? "" : $": {reason}")}" },
    };

    /// <summary>The revision is tried again where it failed.</summary>
    /// <param name="state">The rollout.</param>
    /// <param name="nodes">Only there; empty for everywhere.</param>
    /// <param name="now">The time.</param>
    public static RolloutState? Retry(RolloutState state, IReadOnlyCollection<string> nodes, DateTimeOffset now)
    {
        if (state.Phase is RolloutPhase.Superseded or RolloutPhase.RolledBack or RolloutPhase.RollingBack or RolloutPhase.Aborted)
        {
            return null;
        }

        var failed = state.Members.Where(member => member.Value.HasFailed && (nodes.Count == 0 || nodes.Contains(member.Key))).ToArray();
        return failed.Length == 0 ? state : state with
        {
            Phase = state.Phase == RolloutPhase.Paused ? RolloutPhase.Progressing : state.Phase,
            Reason = state.Phase == RolloutPhase.Paused ? "" : state.Reason,
            Forgiven = state.Forgiven.Except(failed.Select(member => member.Key)),
            Members = state.Members.SetItems(failed.Select(member => KeyValuePair.Create(member.Key, member.Value.To(MemberState.Waiting, now) with { Failure = "" }))),
        };
    }
}
