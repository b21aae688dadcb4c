namespace Qm.Fleet.BlueChi.Jobs;

/// <summary>How a job ended.</summary>
public enum JobResult
{
    /// <summary>systemd says done; for Type=simple and for QM that means begun, not ready.</summary>
    Done = 1,

    /// <summary>systemd tried, and it did not work.</summary>
    Failed = 2,

    /// <summary>systemd or BlueChi would not even try.</summary>
    Refused = 3,

    /// <summary>Nobody told; <see cref="JobOutcome.Settlement"/> says what the unit's state tells.</summary>
    Unknown = 4,
}

/// <summary>The end of a job.</summary>
/// <param name="Result">How it ended.</param>
/// <param name="Detail">systemd's own word (done, failed, canceled, timeout, dependency, ...), or why it is refused or unknown.</param>
/// <param name="ErrorName">The D-Bus error name of a refusal; null otherwise.</param>
/// <param name="Settlement">For an unknown end: what the unit's state tells of it.</param>
/// <param name="State">For an unknown end: that state; null when it could not be read.</param>
public sealed record JobOutcome(
    JobResult Result, string Detail, string? ErrorName = null, Settlement Settlement = Settlement.NotNeeded, UnitState? State = null);
