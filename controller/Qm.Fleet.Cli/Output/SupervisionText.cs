using System.Text;
using Qm.Fleet.V1;

namespace Qm.Fleet.Cli.Output;

/// <summary>How a node is, and what is done about what fails on it, for people.</summary>
internal static class SupervisionText
{
    private static readonly string[] Header = ["UNIT", "STATE", "SINCE", "RESTARTED", "BY ITSELF", "NEXT STEP"];

    /// <summary>What is found of a node, since when and why, and what it may become.</summary>
    internal static string Phase(NodePhase phase, DateTimeOffset now)
    {
        var text = new StringBuilder($"{Word(phase.Phase)} for {Durations.Since(phase.Since, now)}: {phase.Reason}");
        if (phase.Pending != NodePhase.Types.Phase.Unspecified)
        {
            text.Append($"; pending {Word(phase.Pending)}: {phase.PendingReason}");
        }

        return text.ToString();
    }

    /// <summary>Units in rows, those that fail first; none while none was looked at.</summary>
    internal static IEnumerable<string[]> Units(NodeSupervision? supervision, DateTimeOffset now) => supervision is not { Units.Count: > 0 } ? [] :
        supervision.Units.OrderBy(unit => unit.FailingSince is null).ThenBy(unit => unit.Unit, StringComparer.Ordinal).Select(unit => (string[])
        [
            unit.Unit,
            unit.Failure.Length > 0 ? unit.Failure : unit.HealthySince is null ? "-" : "healthy",
            Durations.Since(unit.FailingSince ?? unit.HealthySince, now),
            FormattableString.Invariant($"{(unit.Unit == "qm.service" ? supervision.QmRestarts : unit.Restarts)}"),
            FormattableString.Invariant($"{unit.SelfRestarts}"),
            unit.Step,
        ]).Prepend(Header);

    /// <summary>The phase as one word, such as QmDown.</summary>
    internal static string Word(NodePhase.Types.Phase phase) => phase == NodePhase.Types.Phase.Unspecified ? "unknown" : phase.ToString();
}
