using System.Collections.Concurrent;
using Qm.Fleet.Agent.Processes;
using Qm.Fleet.Core.Supervision;

namespace Qm.Fleet.Agent.Probes;

/// <summary>Runs a command in a container inside QM: two times podman exec, no shell.</summary>
/// <param name="programs">The node's podman.</param>
/// <param name="inside">What it starts inside QM.</param>
/// <param name="time">Times timeouts.</param>
internal sealed class ExecProbe(NodePrograms programs, ProbeProcesses inside, TimeProvider time)
{
    // podman-exec(1): podman itself could not do it, whatever the command would have said.
    private const int PodmanFailed = 125;
    private const int OutputBytesMax = 4096;

    // Units whose last probe ended by itself; an agent that was killed during one knows of none.
    private readonly ConcurrentDictionary<string, bool> _ended = new(StringComparer.Ordinal);

    /// <summary>Runs it, and kills it and what it started when its time is over, or when the caller gives up.</summary>
    public async Task<ProbeOutcome> RunAsync(
        ProbedWorkload workload, ProbeTarget target, IReadOnlyList<string> command, TimeSpan timeout, CancellationToken cancellationToken)
    {
        // What began too late to be seen when its time was over is seen now; a command that cannot be ended is not begun once more.
        if (!_ended.ContainsKey(workload.Unit) && await inside.EndAsync(workload.Unit, target, cancellationToken).ConfigureAwait(false) is { Alive.Count: > 0 } before)
        {
            return ProbeOutcome.Failure($"an earlier probe does not end{before}");
        }

        _ended.TryRemove(workload.Unit, out _);
        var started = time.GetTimestamp();
        var mark = ProbeProcesses.Mark(workload.Unit);
        var call = new NodeCommand("podman", ["exec", mark, "qm", "podman", "exec", mark, workload.Container, .. command]) { Deadline = timeout, OutputBytesMax = OutputBytesMax };
        ProgramResult result;
        try
        {
            result = await programs.RunAsync(call, cancellationToken).ConfigureAwait(false);
        }
        catch (OperationCanceledException)
        {
            // Within a deadline of its own; who gave up has nobody left to tell what remains.
            await inside.EndAsync(workload.Unit, target, CancellationToken.None).ConfigureAwait(false);
            throw;
        }

        // In a unit of its own it is systemd that ends it, which then is an exit like any other.
        if (result.End == ProgramEnd.TimedOut || (result is { End: ProgramEnd.Exited, Succeeded: false } && time.GetElapsedTime(started) >= timeout))
        {
            var left = await inside.EndAsync(workload.Unit, target, cancellationToken).ConfigureAwait(false);
            return ProbeOutcome.Failure(FormattableString.Invariant($"no answer within {timeout.TotalSeconds:0} s{left}"));
        }

        _ended[workload.Unit] = true;
        return result switch
        {
            { End: ProgramEnd.NotRun } => ProbeOutcome.Unknown(result.Errors),
            { Succeeded: true } => ProbeOutcome.Success,
            { ExitCode: PodmanFailed } => ProbeOutcome.Unknown($"podman could not run the command: {Said(result)}"),
            _ => ProbeOutcome.Failure(Said(result) is { Length: > 0 } said
                ? FormattableString.Invariant($"exit code {result.ExitCode}: {said}") : FormattableString.Invariant($"exit code {result.ExitCode}")),
        };
    }

    private static string Said(ProgramResult result) => (string.IsNullOrWhiteSpace(result.Errors) ? result.Output : result.Errors).Trim();
}
