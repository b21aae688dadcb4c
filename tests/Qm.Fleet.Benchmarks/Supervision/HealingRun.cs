using System.Collections.Concurrent;
using System.Diagnostics;

namespace Qm.Fleet.Benchmarks.Supervision;

/// <summary>One failure on its way to the call that heals it, as of <see cref="Stopwatch"/>; 0 for what did not happen.</summary>
/// <param name="Failed">Its unit was failed, and BlueChi was about to be told.</param>
internal sealed record HealingTrace(long Failed)
{
    /// <summary>The controller had read that it failed.</summary>
    internal long Seen { get; set; }

    /// <summary>The wait was over, and it had read once more that it failed.</summary>
    internal long Looked { get; set; }

    /// <summary>What was about to be done was given to the store.</summary>
    internal long Judged { get; set; }

    /// <summary>It was on disk.</summary>
    internal long Stored { get; set; }

    /// <summary>The call arrived at BlueChi.</summary>
    internal long Called { get; set; }

    internal bool IsWhole => Seen > 0 && Looked > 0 && Judged > 0 && Stored > 0 && Called > 0;
}

/// <summary>Workloads that fail at a steady rate, all over a fleet, and how soon each is healed.</summary>
internal sealed class HealingRun
{
    private static readonly TimeSpan Rest = TimeSpan.FromSeconds(20);
    private readonly ConcurrentDictionary<string, HealingTrace> _open = new(StringComparer.Ordinal);
    private readonly ConcurrentQueue<HealingTrace> _healed = new();
    private bool _isMeasured;

    /// <summary>Runs it.</summary>
    /// <param name="directory">Where the controller's state is kept; removed at the end.</param>
    /// <param name="nodes">How many nodes.</param>
    /// <param name="rate">How many fail per second.</param>
    /// <param name="span">For how long.</param>
    /// <param name="print">Tells what it is at.</param>
    /// <param name="ct">Gives up.</param>
    internal async Task<HealingFigures> RunAsync(DirectoryInfo directory, int nodes, int rate, TimeSpan span, Action<string> print, CancellationToken ct)
    {
        var begun = Stopwatch.GetTimestamp();
        await using var site = await HealingSite.StartAsync(directory, nodes, Failed, ct);
        print($"{nodes} nodes have what their fleet wants after {Stopwatch.GetElapsedTime(begun).TotalSeconds:0.0} s");
        site.Looked += node => On(node, static trace => (trace.Seen, trace.Looked) = (trace.Seen > 0 ? trace.Seen : Stopwatch.GetTimestamp(), Stopwatch.GetTimestamp()));
        site.Store.Supervised += (node, asked, stored) => On(node, trace => (trace.Judged, trace.Stored) = (asked, stored));
        site.BlueChi.Counters.Counted += Called;
        var sync = DiskSync.Measure(site.State);
        await FailAsync(site, 0, rate, span / 6, ct);
        await RestAsync(site, ct);

        _isMeasured = true;
        using var process = Process.GetCurrentProcess();
        var (cpu, bytes, collections) = (process.TotalProcessorTime, GC.GetTotalAllocatedBytes(), GC.CollectionCount(2));
        using var end = CancellationTokenSource.CreateLinkedTokenSource(ct);
        var queues = QueuesAsync(site, end.Token);
        var lateness = Lateness.Begin();
        begun = Stopwatch.GetTimestamp();
        var failures = await FailAsync(site, nodes / 2, rate, span, ct);
        await RestAsync(site, ct);
        var took = Stopwatch.GetElapsedTime(begun);
        process.Refresh();
        (cpu, bytes, collections) = (process.TotalProcessorTime - cpu, GC.GetTotalAllocatedBytes() - bytes, GC.CollectionCount(2) - collections);
        var late = lateness.End();
        await end.CancelAsync();
        var (events, writes) = await queues;
        return new(
            failures, [.. _healed], site.Down(), sync.And(DiskSync.Measure(site.State)), late, events, writes, cpu / took, bytes / Math.Max(failures, 1), collections);
    }

    // One after the other in the order of their numbers, so that none fails again soon.
    private static async Task<int> FailAsync(HealingSite site, int first, int rate, TimeSpan span, CancellationToken ct)
    {
        var begun = Stopwatch.GetTimestamp();
        var count = (int)(rate * span.TotalSeconds);
        for (var number = 0; number < count; number++)
        {
            var ahead = (TimeSpan.FromSeconds(1) / rate * number) - Stopwatch.GetElapsedTime(begun);
            if (ahead > TimeSpan.Zero)
            {
                await Task.Delay(ahead, ct);
            }

            _ = site.FailAsync((first + number) % site.Names.Length);
        }

        return count;
    }

    // What failed last is healed, too, before anything is counted.
    private async Task RestAsync(HealingSite site, CancellationToken ct)
    {
        for (var begun = Stopwatch.GetTimestamp(); Stopwatch.GetElapsedTime(begun) < Rest && (site.Down() > 0 || !_open.IsEmpty);)
        {
            await Task.Delay(TimeSpan.FromMilliseconds(100), ct);
        }
    }

    private static async Task<(int Events, int Writes)> QueuesAsync(HealingSite site, CancellationToken ct)
    {
        var (events, writes) = (0, 0);
        using var pace = new PeriodicTimer(TimeSpan.FromMilliseconds(2));
        try
        {
            while (await pace.WaitForNextTickAsync(ct))
            {
                (events, writes) = (Math.Max(events, site.Events.Waiting), Math.Max(writes, site.Database.WaitingWrites));
            }
        }
        catch (OperationCanceledException) when (ct.IsCancellationRequested)
        {
            // That is its end.
        }

        return (events, writes);
    }

    private void Failed(string node) => _open[node] = new(Stopwatch.GetTimestamp());

    private void On(string node, Action<HealingTrace> note)
    {
        if (_open.TryGetValue(node, out var trace))
        {
            note(trace);
        }
    }

    private void Called(string node, string method)
    {
        if (method == "RestartUnit" && _open.TryRemove(Core.Revisions.QmNode.HostOf(node, out _), out var trace))
        {
            trace.Called = Stopwatch.GetTimestamp();
            if (_isMeasured)
            {
                _healed.Enqueue(trace);
            }
        }
    }
}
