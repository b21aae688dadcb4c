using static Qm.Fleet.V1.CheckResult.Types;

namespace Qm.Fleet.Agent.Checks;

/// <summary>What a check came to.</summary>
/// <param name="Verdict">The answer.</param>
/// <param name="Found">What was there; empty when nothing was.</param>
/// <param name="Message">Why, and what to do; empty for a pass.</param>
internal sealed record CheckOutcome(Verdict Verdict, string Found, string Message)
{
    /// <summary>As expected.</summary>
    public static CheckOutcome Pass(string found) => new(Verdict.Pass, found, "");

    /// <summary>Not as expected.</summary>
    public static CheckOutcome Fail(string found, string message) => new(Verdict.Fail, found, message);

    /// <summary>It could not be found out.</summary>
    public static CheckOutcome Unknown(string message, string found = "") => new(Verdict.Unknown, found, message);

    /// <summary>The question does not arise.</summary>
    public static CheckOutcome NotApplicable(string message) => new(Verdict.NotApplicable, "", message);

    /// <summary>Pass when nothing is wrong, else fail with everything that is.</summary>
    public static CheckOutcome Of(string found, IReadOnlyCollection<string> wrong) =>
        wrong.Count == 0 ? Pass(found) : Fail(found, string.Join(" ", wrong));
}
