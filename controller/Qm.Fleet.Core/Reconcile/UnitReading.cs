using System.Collections.Immutable;

namespace Qm.Fleet.Core.Reconcile;

/// <summary>A unit's properties as read through BlueChi; names and words are systemd's.</summary>
/// <param name="LoadState"><c>loaded</c>, <c>not-found</c>, ...</param>
/// <param name="ActiveState"><c>active</c>, <c>inactive</c>, <c>failed</c>, <c>activating</c>, ...</param>
/// <param name="SubState">The finer state, such as <c>running</c>.</param>
/// <param name="Result">Why the unit ended, such as <c>success</c>; empty for units that are not services.</param>
/// <param name="InvocationId">Changes with every start, 32 hex digits; empty before the first.</param>
/// <param name="StartedAt">InactiveExitTimestampMonotonic, microseconds; 0 before the first start.</param>
/// <param name="OomScoreAdjust">What systemd would start it with; null for units that are not services.</param>
/// <param name="JobId">The queued systemd job; 0 when there is none.</param>
public sealed record UnitReading(
    string LoadState, string ActiveState, string SubState, string Result, string InvocationId, long StartedAt, int? OomScoreAdjust, uint JobId)
{
    /// <summary>NRestarts: how often systemd restarted it by itself since somebody last started it.</summary>
    public long Restarts { get; init; }

    /// <summary>FreezerState is frozen, or on the way there.</summary>
    public bool IsFrozen { get; init; }

    /// <summary>Its settings for systemd-oomd, by property and in the words of a unit file; absent what systemd did not say.</summary>
    public ImmutableSortedDictionary<string, string> ManagedOom { get; init; } = ImmutableSortedDictionary<string, string>.Empty;

    /// <summary>Whether systemd knows the unit.</summary>
    public bool IsLoaded => LoadState == "loaded";

    /// <summary>Whether it runs and no job is about to change that.</summary>
    public bool IsSettledActive => ActiveState == "active" && JobId == 0;

    /// <summary>Whether it is between two states, or a job or systemd itself is about to move it: a unit that it will restart passes through failed, and says so.</summary>
    public bool IsMoving => JobId != 0 || ActiveState is "activating" or "deactivating" or "reloading" or "maintenance" || SubState is "failed-before-auto-restart" or "dead-before-auto-restart";
}
