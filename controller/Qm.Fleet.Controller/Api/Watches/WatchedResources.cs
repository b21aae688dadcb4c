using Google.Protobuf;
using Qm.Fleet.Controller.Storage;

namespace Qm.Fleet.Controller.Api.Watches;

/// <summary>
/// One kind of resource as it is watched: what is told of changes is read once, compared with what was known, and noted in one log that every watch reads at its own pace.
/// </summary>
/// <remarks>Begins with the first watch. When resources cannot be read, every watch ends with the reason, and the next one begins another log.</remarks>
internal sealed partial class WatchedResources<T>(
    IWatchSource<T> source, ChangeFeed feed, WatchLimits limits, IHostApplicationLifetime lifetime, TimeProvider time, EpochNames names, ILogger<WatchedResources<T>> logger)
    where T : class, IMessage<T>, new()
{
    // What changes without being told is read again for a new watch, but not for each of many that begin together.
    private static readonly TimeSpan Fresh = TimeSpan.FromSeconds(1);

    private readonly Lock _gate = new();
    private Run? _run;

    /// <summary>Where resources are read.</summary>
    public IWatchSource<T> Source => source;

    /// <summary>Watches until cancelled.</summary>
    /// <param name="filter">Which resources.</param>
    /// <param name="resumeToken">Where to go on; empty for a snapshot.</param>
    /// <param name="send">Sends one message with its token; the resource is null for a bookmark.</param>
    /// <param name="ct">Ends the watch.</param>
    public Task WatchAsync(WatchFilter<T> filter, string resumeToken, Func<V1.ChangeType, T?, string, CancellationToken, Task> send, CancellationToken ct) =>
        new ResourceWatch<T>(this, filter, send, time).RunAsync(resumeToken, ct);

    /// <summary>Has a log know everything that was published before the call; of one that has ended, nothing.</summary>
    /// <exception cref="StoreException">The resources cannot be read.</exception>
    public void Refresh(ChangeLog<T> log)
    {
        lock (_gate)
        {
            if (_run?.Log == log)
            {
                Try(_run, CatchUp);
            }
        }
    }

    /// <summary>The log, with everything in it that was published before the call.</summary>
    /// <exception cref="StoreException">The resources cannot be read.</exception>
    public ChangeLog<T> Open()
    {
        lock (_gate)
        {
            if (_run is not null && source.FollowsFromOthers && time.GetElapsedTime(_run.ReadAt) > Fresh)
            {
                Try(_run, Read);
            }
            else if (_run is not null)
            {
                Try(_run, CatchUp);
            }
            else
            {
                var run = new Run(feed.Subscribe(source.Kind), new(names.Next(), resource => source.MetadataOf(resource).Uid, limits), lifetime.ApplicationStopping);
                Try(run, Read);
                _run = run;
                _ = PumpAsync(run);
            }

            return _run.Log;
        }
    }

    private async Task PumpAsync(Run run)
    {
        try
        {
            while (true)
            {
                await run.Changes.ChangedAsync(run.Stop.Token).ConfigureAwait(false);
                lock (_gate)
                {
                    run.Stop.Token.ThrowIfCancellationRequested();
                    Try(run, CatchUp);
                }
            }
        }
        catch (OperationCanceledException e)
        {
            End(run, e);
        }
#pragma warning disable CA1031 // Whatever it is, watches that are told nothing any more have to end; they get the reason.
        catch (Exception e)
#pragma warning restore CA1031
        {
            Log.ReadingFailed(logger, source.Kind, e);
        }
    }

    // The number first: what was published up to it has been marked by then.
    private void CatchUp(Run run)
    {
        var last = source.LastEvent;
        string[] names = [.. run.Changes.Take().Select(static key => key.Name).Order(StringComparer.Ordinal)];
        run.Log.Append(last, names.Length == 0 ? [] : source.Find(names));
    }

    private void Read(Run run)
    {
        var last = source.LastEvent;
        run.ReadAt = time.GetTimestamp();
        run.Changes.Take();
        var all = source.All().ToList();
        var gone = run.Log.View.Resources.Keys.Except(all.Select(static resource => resource.Key), StringComparer.Ordinal);
        run.Log.Append(last, all.Concat(gone.Select(static name => KeyValuePair.Create(name, (T?)null))));
    }

    // What was taken and could not be read would be missed: nothing of this log is true any more.
    private void Try(Run run, Action<Run> read)
    {
        try
        {
            read(run);
        }
        catch (Exception e)
        {
            End(run, e);
            throw;
        }
    }

    private void End(Run run, Exception failure)
    {
        lock (_gate)
        {
            _run = _run == run ? null : _run;
            run.Changes.Dispose();
            run.Stop.Cancel();
            run.Log.Fail(failure);
        }
    }

    /// <summary>One log and what it is fed from.</summary>
    private sealed class Run(ChangeSubscription changes, ChangeLog<T> log, CancellationToken stopping)
    {
        public CancellationTokenSource Stop { get; } = CancellationTokenSource.CreateLinkedTokenSource(stopping);

        public ChangeSubscription Changes { get; } = changes;

        public ChangeLog<T> Log { get; } = log;

        public long ReadAt { get; set; }
    }

    private static partial class Log
    {
        [LoggerMessage(1220, LogLevel.Error, "Watches of {Kind} ended, because what changed cannot be read", EventName = nameof(ReadingFailed))]
        public static partial void ReadingFailed(ILogger logger, ResourceKind kind, Exception failure);
    }
}

/// <summary>Names logs, so that no two have the same, also in different runs of the controller.</summary>
internal sealed class EpochNames(Func<string> random)
{
    /// <summary>A name that nobody had before.</summary>
    public string Next() => random();
}
