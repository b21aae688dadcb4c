using Qm.Fleet.Agent.Processes;
using Qm.Fleet.V1;

namespace Qm.Fleet.Agent.Checks;

/// <summary>A check that runs commands on the node, one after another.</summary>
/// <param name="Id">As QM's own test of freedom from interference is named; unique.</param>
/// <param name="Title">What holds when it passes.</param>
/// <param name="Commands">What is run.</param>
/// <param name="Expected">What is expected of it.</param>
/// <param name="Judge">Judges the results, one for each command; every command ran and ended by itself.</param>
internal sealed record RuntimeCheck(
    string Id, string Title, IReadOnlyList<NodeCommand> Commands, string Expected, Func<IReadOnlyList<ProgramResult>, CheckOutcome> Judge)
{
    private const int TextLengthMax = 500;

    // Podman's own exit codes: it failed itself, the command cannot be run, there is no such command.
    private const int PodmanFailed = 125;
    private const int CannotRun = 126;
    private const int NoSuchCommand = 127;

    /// <summary>Whether it could change something where QM is not confined; such a check is run only when asked for by its name.</summary>
    public bool IsDisturbing { get; init; }

    /// <summary>Runs it.</summary>
    public async Task<CheckResult> RunAsync(NodePrograms programs, CancellationToken cancellationToken)
    {
        var results = new List<ProgramResult>();
        CheckOutcome? outcome = null;
        foreach (var command in Commands)
        {
            var result = await programs.RunAsync(command, cancellationToken).ConfigureAwait(false);
            if (WhyNoAnswer(command, result) is { } why)
            {
                outcome = CheckOutcome.Unknown(why);
                break;
            }

            results.Add(result);
        }

        outcome ??= Judge(results);
        return new CheckResult
        {
            Id = Id,
            Title = Title,
            Kind = IsDisturbing ? CheckResult.Types.Kind.Disturbing : CheckResult.Types.Kind.Runtime,
            Source = string.Join("; ", Commands),
            Expected = Expected,
            Found = Plain(outcome.Found),
            Verdict = outcome.Verdict,
            Message = Plain(outcome.Message),
        };
    }

    private static string? WhyNoAnswer(NodeCommand command, ProgramResult result) => result switch
    {
        { End: ProgramEnd.NotRun } => result.Errors,
        { End: ProgramEnd.TimedOut } => FormattableString.Invariant($"{command} did not end within {command.Deadline.TotalSeconds:0} s."),
        { ExitCode: PodmanFailed or CannotRun or NoSuchCommand } => $"{command} could not be run: {result.Errors.Trim()}",
        _ => null,
    };

    private static string Plain(string text)
    {
        var plain = string.Concat(text.Trim().Select(c => char.IsControl(c) ? ' ' : c));
        return plain.Length <= TextLengthMax ? plain : $"{plain[..TextLengthMax]}...";
    }
}
