using Qm.Fleet.Agent.Processes;
using Qm.Fleet.Core.Supervision;

namespace Qm.Fleet.Agent.Probes;

/// <summary>Runs a command in a container inside QM: two times podman exec, no shell.</summary>
internal static class ExecProbe
{
    // podman-exec(1): podman itself could not do it, whatever the command would have said.
    private const int PodmanFailed = 125;
    private const int OutputBytesMax = 4096;

    /// <summary>Runs it, and kills it when its time is over.</summary>
    public static async Task<ProbeOutcome> RunAsync(
        NodePrograms programs, string container, IReadOnlyList<string> command, TimeSpan timeout, TimeProvider time, CancellationToken cancellationToken)
    {
        var started = time.GetTimestamp();
        var call = NodeCommand.InQm(["podman", "exec", container, .. command]) with { Deadline = timeout, OutputBytesMax = OutputBytesMax };
        var result = await programs.RunAsync(call, cancellationToken).ConfigureAwait(false);
        return result switch
        {
            { End: ProgramEnd.NotRun } => ProbeOutcome.Unknown(result.Errors),
            // In a unit of its own it is systemd that ends it, which then is an exit like any other.
            { End: ProgramEnd.TimedOut } => TimedOut(timeout),
            { Succeeded: false } when time.GetElapsedTime(started) >= timeout => TimedOut(timeout),
            { Succeeded: true } => ProbeOutcome.Success,
            { ExitCode: PodmanFailed } => ProbeOutcome.Unknown($"podman could not run the command: {Said(result)}"),
            _ => ProbeOutcome.Failure(Said(result) is { Length: > 0 } said
                ? FormattableString.Invariant($"exit code {result.ExitCode}: {said}") : FormattableString.Invariant($"exit code {result.ExitCode}")),
        };
    }

    private static ProbeOutcome TimedOut(TimeSpan timeout) => ProbeOutcome.Failure(FormattableString.Invariant($"no answer within {timeout.TotalSeconds:0} s"));

    private static string Said(ProgramResult result) => (string.IsNullOrWhiteSpace(result.Errors) ? result.Output : result.Errors).Trim();
}
