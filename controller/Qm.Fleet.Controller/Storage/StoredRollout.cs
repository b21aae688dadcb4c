using Qm.Fleet.Core.Rollouts;

namespace Qm.Fleet.Controller.Storage;

/// <summary>A fleet's way from one revision to another.</summary>
/// <param name="Fleet">The fleet's name.</param>
/// <param name="Number">Counts from 1 within the name, across a deletion too.</param>
/// <param name="Version">Counts its changes, from 1: who changes it names the one it saw.</param>
/// <param name="State">How far it is; its members only where they were asked for.</param>
/// <param name="StartedAt">When the apply was accepted.</param>
/// <param name="EndedAt">When it ended; null before.</param>
/// <param name="Message">What it waits for, or how it ended.</param>
internal sealed record StoredRollout(
    string Fleet, int Number, long Version, RolloutState State, DateTimeOffset StartedAt, DateTimeOffset? EndedAt, string Message)
{
    /// <summary>Who began it; empty where that was not noted.</summary>
    public string Actor { get; init; } = "";

    /// <summary>Empty for the first.</summary>
    public string FromRevision => State.From;

    /// <summary>Where it goes.</summary>
    public string ToRevision => State.To;

    /// <summary>How far it is.</summary>
    public RolloutPhase Phase => State.Phase;

    /// <summary>Whether nothing will change it any more.</summary>
    public bool HasEnded => State.HasEnded;
}
