using Qm.Fleet.Core.Rollouts;

namespace Qm.Fleet.Controller.Storage;

/// <summary>A fleet's way from one revision to another.</summary>
/// <param name="Fleet">The fleet's name.</param>
/// <param name="Number">Counts from 1 within the name, across a deletion too.</param>
/// <param name="FromRevision">Empty for the first.</param>
/// <param name="ToRevision">Where it goes.</param>
/// <param name="Phase">How far it is.</param>
/// <param name="StartedAt">When the apply was accepted.</param>
/// <param name="EndedAt">When it succeeded or was superseded; null before.</param>
/// <param name="Message">What it waits for, or why it is paused or ended.</param>
internal sealed record StoredRollout(
    string Fleet, int Number, string FromRevision, string ToRevision, RolloutPhase Phase, DateTimeOffset StartedAt,
    DateTimeOffset? EndedAt, string Message)
{
    /// <summary>Whether nothing will change it any more.</summary>
    public bool HasEnded => Phase is RolloutPhase.Succeeded or RolloutPhase.Superseded;
}
