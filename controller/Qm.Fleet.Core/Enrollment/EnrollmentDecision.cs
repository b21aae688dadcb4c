namespace Qm.Fleet.Core.Enrollment;

/// <summary>What becomes of a request to join.</summary>
public abstract record EnrollmentDecision
{
    private EnrollmentDecision()
    {
    }

    /// <summary>A certificate is issued.</summary>
    /// <param name="By">Who lets the node in, such as jointoken:bench; empty for the person who approved it.</param>
    public sealed record Issue(string By) : EnrollmentDecision;

    /// <summary>The certificate that was issued for this key is answered again.</summary>
    public sealed record Repeat : EnrollmentDecision;

    /// <summary>Somebody has to decide.</summary>
    /// <param name="IsNew">Whether it begins to wait.</param>
    /// <param name="Message">What it waits for, a sentence.</param>
    public sealed record Wait(bool IsNew, string Message) : EnrollmentDecision;

    /// <summary>It is not granted.</summary>
    /// <param name="Reason">A CamelCase word a program can compare.</param>
    /// <param name="Message">Why, and what to do.</param>
    /// <param name="IsTakeover">Whether it asks for a name that somebody else has, or had: that is an alarm.</param>
    public sealed record Refuse(string Reason, string Message, bool IsTakeover = false) : EnrollmentDecision;

    /// <summary>There is no room for it to wait.</summary>
    /// <param name="Message">Why.</param>
    public sealed record TurnAway(string Message) : EnrollmentDecision;
}
