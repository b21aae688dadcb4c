using System.ComponentModel;
using System.Diagnostics;
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
        var command = $"{program} {string.Join(' ', arguments)}";
        using var deadline = new CancellationTokenSource(Deadline, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(deadline.Token, cancellationToken);
        using var process = new Process
        {
            StartInfo = new(Path.Combine(directory, program), arguments) { RedirectStandardOutput = true, RedirectStandardError = true },
        };
        try
        {
            process.Start();
            var (output, errors) = (process.StandardOutput.ReadToEndAsync(either.Token), process.StandardError.ReadToEndAsync(either.Token));
            await process.WaitForExitAsync(either.Token).ConfigureAwait(false);
            await output.ConfigureAwait(false);
            if (process.ExitCode != 0)
            {
                throw Failed($"ended with {process.ExitCode}: {Shorten(await errors.ConfigureAwait(false))}");
            }
        }
        catch (Win32Exception e)
        {
            throw Failed($"cannot be run: {e.Message}");
        }
        catch (OperationCanceledException)
        {
            process.Kill(entireProcessTree: true);
            cancellationToken.ThrowIfCancellationRequested();
            throw Failed($"did not end within {Deadline.TotalSeconds:0} s");
        }

        CommandRefusedException Failed(string how) => new("RestartFailed", $"{command} {how}; the node's journal says more: journalctl -u {Unit}.");
    }

    private static string Shorten(string text) =>
        text.Trim() is { Length: > 0 } said ? said[..Math.Min(said.Length, MessageLengthMax)] : "it gave no reason";
}
