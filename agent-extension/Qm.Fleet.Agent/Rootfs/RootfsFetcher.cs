using Microsoft.Extensions.Logging;
using Qm.Fleet.Agent.Files;
using Qm.Fleet.Agent.Labels;
using Qm.Fleet.Agent.Revisions;
using Qm.Fleet.Core.Environments;
using Qm.Fleet.Core.Revisions;
using Phase = Qm.Fleet.V1.RootfsFetch.Types.Phase;

namespace Qm.Fleet.Agent.Rootfs;

/// <summary>
/// Makes and removes slots in the background, one job at a time, so that neither reports nor commands wait for a download. Safe for use by
/// several threads; <see cref="Tend"/> and <see cref="TakeFailure"/> are called under the node's gate.
/// </summary>
internal sealed partial class RootfsFetcher(NodeRoot root, SlotBuilder builder, ILogger<RootfsFetcher> logger, FileLabels? labels = null) : IAsyncDisposable
{
    private readonly SlotDirectory _directory = new(root);
    private CancellationTokenSource _stop = new();
    private RootfsArchive? _fetching;
    private volatile FetchStatus? _status;
    private Task _work = Task.CompletedTask;

    /// <summary>The fetch that is under way or has failed; null when there is none.</summary>
    public FetchStatus? Status => _status;

    /// <summary>The archives of the complete slots.</summary>
    public IReadOnlyList<string> Slots => _directory.Slots;

    /// <summary>Ends when what was asked for last has been done or has failed; never throws for its failure.</summary>
    public Task Idle => _work;

    /// <summary>Whether an archive's slot is complete.</summary>
    public bool Has(string sha256) => _directory.Has(sha256);

    /// <summary>Begins to make a slot, and to remove those nobody needs; another fetch under way is given up, the same one goes on.</summary>
    /// <param name="wanted">The archive whose slot is wanted; null for none.</param>
    /// <param name="keep">Archives whose slots stay.</param>
    public void Tend(RootfsArchive? wanted, IReadOnlySet<string> keep)
    {
        if (wanted is not null && wanted == _fetching && !_work.IsCompleted)
        {
            return;
        }

        if (wanted is null && _work.IsCompleted && root.List(RootfsSlot.Directory).Count == 0)
        {
            return;
        }

        var (before, stopped) = (_work, _stop);
        stopped.Cancel();
        _stop = new();
        _fetching = wanted;
        _status = wanted is null ? _status is { HasFailed: true } failed ? failed : null : new(wanted.Sha256, Phase.Download);
        var stop = _stop.Token;
        _work = Task.Run(
            async () =>
            {
                await before.ConfigureAwait(false);
                stopped.Dispose();
                await RunAsync(wanted, keep, stop).ConfigureAwait(false);
            },
            CancellationToken.None);
    }

    /// <summary>Takes the failure of a fetch, so that it is told once and the next attempt begins anew; null when it did not fail.</summary>
    public CommandRefusedException? TakeFailure(string sha256)
    {
        if (_status is not { HasFailed: true } failed || failed.Sha256 != sha256)
        {
            return null;
        }

        _status = null;
        return new(failed.Reason, failed.Message);
    }

    /// <summary>Gives up what is under way; a download goes on when the agent runs again.</summary>
    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync().ConfigureAwait(false);
        await _work.ConfigureAwait(false);
        _stop.Dispose();
    }

    private async Task RunAsync(RootfsArchive? wanted, IReadOnlySet<string> keep, CancellationToken stop)
    {
        try
        {
            foreach (var slot in _directory.Collect(keep, wanted?.Sha256 ?? "", labels))
            {
                Log.Collected(logger, slot);
            }

            if (wanted is null)
            {
                // The job before may have told its progress until its end.
                _status = _status is { HasFailed: true } failed ? failed : null;
                return;
            }

            await builder.BuildAsync(wanted, status => _status = status, stop).ConfigureAwait(false);
            _status = null;
            Log.Complete(logger, wanted.Sha256);
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
            // Another was asked for, or the agent ends.
        }
        catch (CommandRefusedException e)
        {
            Fail(wanted, e.Reason, e.Message, stop);
        }
        catch (NodeFileException e)
        {
            Fail(wanted, e.Reason, $"The agent {e.Message}. Nothing was changed.", stop);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            Fail(wanted, "FileSystemError", $"{e.Message} Nothing was changed.", stop);
        }
    }

    private void Fail(RootfsArchive? wanted, string reason, string message, CancellationToken stop)
    {
        Log.Failed(logger, wanted?.Sha256 ?? "", reason, message);
        if (wanted is not null && !stop.IsCancellationRequested)
        {
            _status = new(wanted.Sha256, Phase.Failed, Reason: reason, Message: message);
        }
    }

    private static partial class Log
    {
        [LoggerMessage(1150, LogLevel.Information, "Rootfs {Sha256} is complete", EventName = "RootfsComplete")]
        public static partial void Complete(ILogger logger, string sha256);

        [LoggerMessage(1151, LogLevel.Warning, "Rootfs {Sha256} could not be prepared ({Reason}): {Explanation}", EventName = "RootfsFailed")]
        public static partial void Failed(ILogger logger, string sha256, string reason, string explanation);

        [LoggerMessage(1152, LogLevel.Information, "Removed rootfs {Sha256}, which no revision needs any more", EventName = "RootfsCollected")]
        public static partial void Collected(ILogger logger, string sha256);
    }
}
