using System.Text.Json;
using System.Threading.Channels;
using Microsoft.Extensions.Logging;
using Qm.Fleet.Agent.CommitConfirm;
using Qm.Fleet.Agent.Diagnosis;
using Qm.Fleet.Agent.Evidence;
using Qm.Fleet.Agent.Files;
using Qm.Fleet.Agent.Probes;
using Qm.Fleet.Agent.Revisions;
using Qm.Fleet.Core.Revisions;
using Qm.Fleet.V1;

namespace Qm.Fleet.Agent.Link;

/// <summary>One node: carries out commands, keeps deadlines and looks at evidence, one at a time.</summary>
/// <param name="revisions">What is on the node.</param>
/// <param name="reporter">Looks at it.</param>
/// <param name="diagnostics">Looks closer, beside all that.</param>
/// <param name="probes">Probes workloads, beside all that.</param>
/// <param name="systemd">Restarts BlueChi agents; null where there is no systemd to ask, such as on a root that is not this machine's.</param>
/// <param name="logger">Where to log.</param>
internal sealed partial class NodeAgent(
    NodeRevisions revisions, NodeReporter reporter, NodeDiagnostics diagnostics, ProbeDesk probes, ILocalSystemd? systemd, ILogger<NodeAgent> logger) : IDisposable
{
    // Between two attempts of something that is due and did not work; doubled each time.
    private static readonly TimeSpan FirstPause = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan LongestPause = TimeSpan.FromMinutes(5);

    private readonly SemaphoreSlim _gate = new(1, 1);
    private readonly Channel<bool> _commands = Channel.CreateBounded<bool>(new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropWrite });
    private TimeSpan _pause = FirstPause;

    /// <summary>Has something to read after every command, which may have set or removed a deadline.</summary>
    public ChannelReader<bool> Commands => _commands;

    /// <summary>Probes workloads.</summary>
    public ProbeDesk Probes => probes;

    /// <summary>A desk for one stream's closer looks; they do not wait for commands, nor commands for them.</summary>
    public DiagnosticsDesk OpenDesk(Outbox outbox) => new(diagnostics, outbox, InspectAsync);

    /// <summary>Ends what a crash cut short.</summary>
    public async Task RecoverAsync(CancellationToken cancellationToken)
    {
        await _gate.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            Recover();
            await LabelAsync(cancellationToken).ConfigureAwait(false);
            TendRootfs();
        }
        finally
        {
            _gate.Release();
        }
    }

    /// <summary>Looks at the node.</summary>
    public async Task<NodeReport> InspectAsync(CancellationToken cancellationToken)
    {
        await _gate.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            if (revisions.Unfinished is not null)
            {
                Recover();
            }

            revisions.LookAtLabels();
            foreach (var file in revisions.Mislabelled)
            {
                Log.Mislabelled(logger, file.Path, file.Found, file.Wanted);
            }

            if (revisions.Unlabelled is not null || revisions.Mislabelled.Count > 0)
            {
                await LabelAsync(cancellationToken).ConfigureAwait(false);
            }

            return reporter.Read();
        }
        finally
        {
            _gate.Release();
        }
    }

    /// <summary>Carries out a command and looks at the node afterwards; a refusal is a result, not an exception.</summary>
    public async Task<(CommandResult Result, NodeReport Evidence)> ExecuteAsync(Command command, CancellationToken cancellationToken)
    {
        await _gate.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            var result = await TryAsync(command, cancellationToken).ConfigureAwait(false);
            if (result.Ok)
            {
                Log.Done(logger, command.ActionCase, RevisionOf(command));
            }
            else
            {
                Log.Refused(logger, command.ActionCase, RevisionOf(command), result.Reason, result.Message);
            }

            _commands.Writer.TryWrite(true);
            return (result, reporter.Read());
        }
        finally
        {
            _gate.Release();
        }
    }

    /// <summary>Goes back to the last confirmed revision if the committed one was not confirmed in time, and has BlueChi's agents read its files.</summary>
    /// <returns>When to look again; null when only a command can make a difference.</returns>
    public async Task<TimeSpan?> GoBackIfDueAsync(CancellationToken cancellationToken)
    {
        await _gate.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            if (revisions.GoBackIfDue() is { } reverted)
            {
                Log.WentBack(logger, reverted.Revision, reverted.Reason);
                await LabelAsync(cancellationToken).ConfigureAwait(false);
            }

            await PayRestartsAsync(cancellationToken).ConfigureAwait(false);
            _pause = FirstPause;
            return revisions.UntilDue;
        }
        catch (Exception e) when (e is CommandRefusedException or NodeFileException or JsonException)
        {
            Log.NotBack(logger, e is NodeFileException ? $"The agent {e.Message}." : e.Message, _pause.TotalSeconds);
            var pause = _pause;
            _pause = pause * 2 < LongestPause ? pause * 2 : LongestPause;
            return pause;
        }
        finally
        {
            _gate.Release();
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _gate.Dispose();

    // Each is noted as paid at once, so a kill between them repeats neither; and one that cannot be restarted does not keep the other.
    private async Task PayRestartsAsync(CancellationToken cancellationToken)
    {
        try
        {
            if (revisions.Owed is { Host: true } owed)
            {
                await Systemd.RestartHostAgentAsync(cancellationToken).ConfigureAwait(false);
                revisions.Owe(owed with { Host = false });
                Log.Restarted(logger, "the host's");
            }
        }
        finally
        {
            if (revisions.Owed is { Qm: true } owed)
            {
                await Systemd.RestartQmAgentAsync(cancellationToken).ConfigureAwait(false);
                revisions.Owe(owed with { Qm = false });
                Log.Restarted(logger, "QM's");
            }
        }
    }

    private ILocalSystemd Systemd => systemd ?? throw new CommandRefusedException("RestartFailed",
        "There is no systemd to restart bluechi-agent.service with: this agent's root is not this machine's; start it with --systemd-programs.");

    private async Task<CommandResult> TryAsync(Command command, CancellationToken cancellationToken)
    {
        try
        {
            await RunAsync(command, cancellationToken).ConfigureAwait(false);
            return new CommandResult { Id = command.Id, Ok = true };
        }
        catch (CommandRefusedException e)
        {
            return Refusal(command, e.Reason, e.Message);
        }
        catch (NodeFileException e)
        {
            return Refusal(command, e.Reason, revisions.Unfinished ?? $"The agent {e.Message}. Nothing was changed.");
        }
        catch (JsonException e)
        {
            return Refusal(command, "StateDamaged", $"The agent's state directory is damaged: {e.Message} Remove the damaged file and stage again.");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return Refusal(command, "FileSystemError", $"{e.Message} Nothing was changed.");
        }
    }

    private Task RunAsync(Command command, CancellationToken cancellationToken)
    {
        switch (command.ActionCase)
        {
            case Command.ActionOneofCase.Stage:
                var files = command.Stage.Files.Select(file => new Revisions.OwnedFile((OwnedFileKind)file.Kind, file.Name, file.Content));
                var archive = command.Stage.RootfsArchive is { } rootfs ? new Core.Environments.RootfsArchive(rootfs.Url, rootfs.Sha256) : null;
                return revisions.StageAsync(command.Stage.Revision, [.. files], command.Stage.RootfsPreinstalled, archive, cancellationToken);
            case Command.ActionOneofCase.Commit:
                revisions.Commit(
                    command.Commit.Revision, ConfirmDeadline.FromWire(command.Commit.ConfirmWithinMs));
                return LabelAsync(cancellationToken);
            case Command.ActionOneofCase.Confirm:
                revisions.Confirm(command.Confirm.Revision);
                break;
            case Command.ActionOneofCase.RestartHostAgent:
                return Systemd.RestartHostAgentAsync(cancellationToken);
            case Command.ActionOneofCase.SetProbes:
                probes.Set(command.SetProbes);
                break;
            case Command.ActionOneofCase.Inspect:
                break;
            default:
                throw new CommandRefusedException("UnknownCommand", "This agent does not know the command; it is older than the controller. Update qm-fleet-agent.");
        }

        return Task.CompletedTask;
    }

    private void Recover()
    {
        try
        {
            if (revisions.Recover() is { } completed)
            {
                Log.Recovered(logger, completed);
            }
        }
        catch (NodeFileException e)
        {
            Log.NotRecovered(logger, e.Message);
        }
        catch (JsonException e)
        {
            Log.NotRecovered(logger, e.Message);
        }
    }

    private async Task LabelAsync(CancellationToken cancellationToken)
    {
        try
        {
            await revisions.LabelAsync(cancellationToken).ConfigureAwait(false);
            if (revisions.Unlabelled is { } problem)
            {
                Log.NotLabelled(logger, problem);
            }
        }
        catch (Exception e) when (e is NodeFileException or JsonException)
        {
            Log.NotLabelled(logger, e.Message);
        }
    }

    // A node whose memory cannot be read says so in every report; its slots are then left alone.
    private void TendRootfs()
    {
        try
        {
            revisions.TendRootfs();
        }
        catch (NodeFileException e)
        {
            Log.NotRecovered(logger, e.Message);
        }
        catch (JsonException e)
        {
            Log.NotRecovered(logger, e.Message);
        }
    }

    private static CommandResult Refusal(Command command, string reason, string message) =>
        new() { Id = command.Id, Ok = false, Reason = reason, Message = message };

    private static string RevisionOf(Command command) =>
        AllowList.Printable(command.Stage?.Revision ?? command.Commit?.Revision ?? command.Confirm?.Revision ?? "");

    private static partial class Log
    {
        [LoggerMessage(1110, LogLevel.Information, "{Action} {Revision} done", EventName = "CommandDone")]
        public static partial void Done(ILogger logger, Command.ActionOneofCase action, string revision);

        [LoggerMessage(1111, LogLevel.Warning, "{Action} {Revision} refused ({Reason}): {Explanation}", EventName = "CommandRefused")]
        public static partial void Refused(ILogger logger, Command.ActionOneofCase action, string revision, string reason, string explanation);

        [LoggerMessage(1112, LogLevel.Warning, "Completed the commit of {Revision} that was cut short", EventName = "CommitRecovered")]
        public static partial void Recovered(ILogger logger, string revision);

        [LoggerMessage(1114, LogLevel.Error, "Went back from {Revision}: {Reason}", EventName = "RevisionReverted")]
        public static partial void WentBack(ILogger logger, string revision, string reason);

        [LoggerMessage(1115, LogLevel.Error, "{Explanation} Trying again in {Seconds} s", EventName = "RevertFailed")]
        public static partial void NotBack(ILogger logger, string explanation, double seconds);

        [LoggerMessage(1116, LogLevel.Warning, "Restarted {Whose} bluechi-agent.service, so that it reads the files that were put back", EventName = "BlueChiAgentRestarted")]
        public static partial void Restarted(ILogger logger, string whose);

        [LoggerMessage(1117, LogLevel.Warning, "Files in place may have the wrong SELinux labels: {Explanation}", EventName = "FilesNotLabelled")]
        public static partial void NotLabelled(ILogger logger, string explanation);

        [LoggerMessage(1119, LogLevel.Warning, "{Path} had the SELinux label {Found}; its place has {Wanted}, which it gets again", EventName = "FileMislabelled")]
        public static partial void Mislabelled(ILogger logger, string path, string found, string wanted);

        [LoggerMessage(1113, LogLevel.Error, "An earlier commit could not be completed: the agent {Explanation}", EventName = "CommitNotRecovered")]
        public static partial void NotRecovered(ILogger logger, string explanation);
    }
}
