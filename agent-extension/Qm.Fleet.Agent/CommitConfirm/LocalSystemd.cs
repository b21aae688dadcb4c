using Qm.Fleet.Agent.Processes;
using Qm.Fleet.Agent.Revisions;

namespace Qm.Fleet.Agent.CommitConfirm;

/// <summary>Restarts the node's BlueChi agents without BlueChi: an agent that is cut off cannot be told to restart, and one that restarts loses its job.</summary>
internal interface ILocalSystemd
{
    /// <summary>Restarts <c>bluechi-agent.service</c> of the host.</summary>
    /// <exception cref="CommandRefusedException">RestartFailed: with systemd's own words.</exception>
    Task RestartHostAgentAsync(CancellationToken cancellationToken);

    /// <summary>Restarts <c>bluechi-agent.service</c> inside QM.</summary>
    /// <exception cref="CommandRefusedException">RestartFailed: with systemd's or Podman's own words.</exception>
    Task RestartQmAgentAsync(CancellationToken cancellationToken);
}

/// <summary>The node's own <c>systemctl</c> and <c>systemd-run</c>.</summary>
/// <param name="directory">Where they lie.</param>
/// <param name="time">Times the deadline.</param>
internal sealed class LocalSystemd(string directory, TimeProvider time) : ILocalSystemd
{
    private const string Unit = Qm.Fleet.Core.Revisions.QmNode.AgentUnit;
    private const int MessageLengthMax = 500;
    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(45);

    /// <inheritdoc/>
    public Task RestartHostAgentAsync(CancellationToken cancellationToken) => RunAsync("systemctl", ["restart", Unit], cancellationToken);

    /// <inheritdoc/>
    /// <remarks>Entering a container needs capabilities that the agent extension does without: systemd does it in a unit of its own.</remarks>
    public Task RestartQmAgentAsync(CancellationToken cancellationToken) =>
        RunAsync("systemd-run", ["--quiet", "--wait", "--collect", "podman", "exec", "qm", "systemctl", "restart", Unit], cancellationToken);

    private async Task RunAsync(string program, string[] arguments, CancellationToken cancellationToken)
    {
        var result = await ProgramRunner.RunAsync(new(Path.Combine(directory, program), arguments, Deadline, MessageLengthMax), time, cancellationToken).ConfigureAwait(false);
        if (!result.Succeeded)
        {
            var how = result.End switch
            {
                ProgramEnd.NotRun => $"failed: {result.Errors.TrimEnd('.')}",
                ProgramEnd.TimedOut => $"did not end within {Deadline.TotalSeconds:0} s",
                _ => $"ended with {result.ExitCode}: {Said(result.Errors)}",
            };
            throw new CommandRefusedException(
                "RestartFailed", $"{program} {string.Join(' ', arguments)} {how}; the node's journal says more: journalctl -u {Unit}.");
        }
    }

    private static string Said(string text) =>
        text.Trim() is { Length: > 0 } said ? said : "it gave no reason";
}
