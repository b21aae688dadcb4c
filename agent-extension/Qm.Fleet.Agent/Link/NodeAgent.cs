using System.Text.Json;
using Microsoft.Extensions.Logging;
using Qm.Fleet.Agent.Evidence;
using Qm.Fleet.Agent.Files;
using Qm.Fleet.Agent.Revisions;
using Qm.Fleet.Core.Revisions;
using Qm.Fleet.V1;

namespace Qm.Fleet.Agent.Link;

/// <summary>One node: carries out commands and looks at evidence, one at a time.</summary>
internal sealed partial class NodeAgent(NodeRevisions revisions, NodeReporter reporter, ILogger<NodeAgent> logger) : IDisposable
{
    private readonly SemaphoreSlim _gate = new(1, 1);

    /// <summary>Ends what a crash cut short.</summary>
    public async Task RecoverAsync(CancellationToken cancellationToken)
    {
        await _gate.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            Recover();
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

            return (result, reporter.Read());
        }
        finally
        {
            _gate.Release();
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _gate.Dispose();

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
                revisions.Commit(command.Commit.Revision);
                break;
            case Command.ActionOneofCase.Confirm:
                revisions.Confirm(command.Confirm.Revision);
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

        [LoggerMessage(1113, LogLevel.Error, "An earlier commit could not be completed: the agent {Explanation}", EventName = "CommitNotRecovered")]
        public static partial void NotRecovered(ILogger logger, string explanation);
    }
}
