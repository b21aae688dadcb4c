using System.Threading.Channels;
using Microsoft.Extensions.Logging;
using Qm.Fleet.Agent.Files;
using Qm.Fleet.Agent.Revisions;

namespace Qm.Fleet.Agent.Drift;

/// <summary>
/// Notices at once that somebody changed something where owned files lie, and no other place. It only hurries the next look at the node; where
/// the kernel grants no watch, or forgets one, the regular looks find the same a little later.
/// </summary>
/// <param name="root">The node.</param>
/// <param name="time">Times the quiet after a change.</param>
/// <param name="logger">Where to log.</param>
internal sealed partial class DriftWatch(NodeRoot root, TimeProvider time, ILogger<DriftWatch> logger)
{
    /// <summary>A change is told once nothing more has changed for this long; editors and package managers change many things at once.</summary>
    public static readonly TimeSpan Quiet = TimeSpan.FromMilliseconds(100);

    /// <summary>A place that never comes to rest is told of after so many rounds of <see cref="Quiet"/>.</summary>
    private const int RoundsMax = 10;

    private const int ThreadStackBytes = 128 * 1024;

    private readonly Channel<bool> _signals = Channel.CreateBounded<bool>(new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropWrite });
    private volatile IReadOnlyList<string> _directories = [];
    private HashSet<int> _watches = [];
    private string _problem = "";

    /// <summary>Something changed; raised on any thread, so handlers only wake somebody.</summary>
    public event Action? Noticed;

    /// <summary>Hurries the next look for somebody else who noticed something.</summary>
    public void Notice() => Noticed?.Invoke();

    /// <summary>Sets the places that are watched, each by its directory.</summary>
    public void Follow(IEnumerable<OwnedPath> places)
    {
        string[] directories = [.. places.Select(place => $"{(place.Tree == "/" ? "" : place.Tree)}/{place.Directory}").Distinct().Order(StringComparer.Ordinal)];
        if (!directories.SequenceEqual(_directories))
        {
            _directories = directories;
            _signals.Writer.TryWrite(true);
        }
    }

    /// <summary>Watches until cancelled. Without inotify it only waits for that: the regular looks go on.</summary>
    public async Task RunAsync(CancellationToken cancellationToken)
    {
        try
        {
            using var inotify = Inotify.Open();
            var failed = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            // A blocked thread costs a small stack and no time; a pool thread could not be spared.
            var thread = new Thread(() => Listen(inotify, failed), ThreadStackBytes) { IsBackground = true, Name = "inotify" };
            thread.Start();
            try
            {
                await await Task.WhenAny(TellAsync(inotify, cancellationToken), failed.Task).ConfigureAwait(false);
            }
            finally
            {
                inotify.Stop();
                thread.Join();
                _watches = [];
            }
        }
        catch (NodeFileException e)
        {
            Log.NotWatching(logger, e.Message);
        }

        await Task.Delay(Timeout.InfiniteTimeSpan, time, cancellationToken).ConfigureAwait(false);
    }

    private void Listen(Inotify inotify, TaskCompletionSource failed)
    {
        try
        {
            while (inotify.Wait())
            {
                _signals.Writer.TryWrite(true);
            }
        }
        catch (NodeFileException e)
        {
            failed.TrySetException(e);
        }
    }

    private async Task TellAsync(Inotify inotify, CancellationToken cancellationToken)
    {
        while (await _signals.Reader.WaitToReadAsync(cancellationToken).ConfigureAwait(false))
        {
            for (var round = 0; round < RoundsMax && _signals.Reader.TryRead(out _); round++)
            {
                await Task.Delay(Quiet, time, cancellationToken).ConfigureAwait(false);
            }

            // Watched before it is told: what changes after the look that follows is noticed.
            Watch(inotify);
            Noticed?.Invoke();
        }
    }

    private void Watch(Inotify inotify)
    {
        var watches = new HashSet<int>();
        try
        {
            foreach (var directory in _directories)
            {
                using var nearest = OpenNearest(directory);
                watches.Add(inotify.Watch(nearest));
            }

            _problem = "";
        }
        catch (NodeFileException e)
        {
            // What was watched before is better than nothing.
            watches.UnionWith(_watches);
            if (e.Message != _problem)
            {
                _problem = e.Message;
                Log.NotWatched(logger, e.Message);
            }
        }

        foreach (var watch in _watches.Except(watches))
        {
            inotify.Unwatch(watch);
        }

        _watches = watches;
    }

    // A directory that is not there yet is made in one that is.
    private NodeDirectory OpenNearest(string directory)
    {
        while (true)
        {
            try
            {
                return root.OpenDirectory(directory);
            }
            catch (NodeFileException e) when (e.IsMissing && directory.Length > 1)
            {
                directory = Path.GetDirectoryName(directory) ?? "/";
            }
        }
    }

    private static partial class Log
    {
        [LoggerMessage(1160, LogLevel.Information, "Changes by hand are found by the regular looks only: the agent {Reason}", EventName = "DriftNotWatched")]
        public static partial void NotWatching(ILogger logger, string reason);

        [LoggerMessage(1161, LogLevel.Information, "Some changes by hand are found by the regular looks only: the agent {Reason}", EventName = "DriftPartlyNotWatched")]
        public static partial void NotWatched(ILogger logger, string reason);
    }
}
