namespace Qm.Fleet.Core.Reconcile;

/// <summary>How a value that was read back compares with the one wanted. Numbers are those of the wire.</summary>
public enum CheckResult
{
    /// <summary>It is the one wanted.</summary>
    Pass = 1,

    /// <summary>It is another.</summary>
    Fail = 2,

    /// <summary>It could not be read.</summary>
    Unreadable = 3,

    /// <summary>It takes effect at the next start of a unit that is not ours to restart.</summary>
    Pending = 4,

    /// <summary>It differs in a way that is known and in order.</summary>
    Exempt = 5,
}

/// <summary>One value that was wanted, with what was read back.</summary>
/// <param name="Name">systemd's name of the setting; <c>OOMScoreAdjust.</c> and of whom for scores.</param>
/// <param name="Wanted">The value wanted, in systemd's words.</param>
/// <param name="Found">The value read back; empty when it could not be read.</param>
/// <param name="Source">The file it was read from.</param>
/// <param name="Result">How the two compare.</param>
/// <param name="Message">Why, when it did not pass.</param>
public sealed record NodeCheck(string Name, string Wanted, string Found, string Source, CheckResult Result, string Message);
