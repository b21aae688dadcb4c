namespace Qm.Fleet.Core.Supervision;

/// <summary>How one probe ended.</summary>
/// <param name="HasSucceeded">Whether the workload answered as it should; null when it could not be asked, which is held neither for nor against it.</param>
/// <param name="Message">What it said, or why it could not be asked; empty after a success.</param>
public readonly record struct ProbeOutcome(bool? HasSucceeded, string Message)
{
    /// <summary>The workload answered as it should.</summary>
    public static ProbeOutcome Success { get; } = new(true, "");

    /// <summary>It did not.</summary>
    public static ProbeOutcome Failure(string message) => new(false, message);

    /// <summary>It could not be asked.</summary>
    public static ProbeOutcome Unknown(string message) => new(null, message);
}
