using System.Collections.Immutable;
using System.Diagnostics;
using System.Globalization;
using Google.Rpc;
using Grpc.Core;

namespace Qm.Fleet.Benchmarks.Watches;

/// <summary>Nodes that change at a steady rate, and everybody who watches them.</summary>
internal static class WatchRun
{
    // The watcher that reads nothing is cut off after 30 s in which its window was full.
    private static readonly TimeSpan UntilCutOff = TimeSpan.FromSeconds(45);
    private static readonly TimeSpan Rest = TimeSpan.FromMinutes(2);

    /// <summary>Runs it.</summary>
    /// <param name="directory">Where the controller's state is kept; removed at the end.</param>
    /// <param name="plan">What is measured.</param>
    /// <param name="ct">Gives up.</param>
    internal static async Task<WatchFigures> RunAsync(DirectoryInfo directory, WatchPlan plan, CancellationToken ct)
    {
        await using var site = await WatchSite.StartAsync(directory, plan.Nodes, ct);
        var published = new long[plan.Changes + 1];
        var readers = Enumerable.Range(0, plan.Watchers).Select(number => new WatchReader(site.Client(number), published)).ToImmutableArray();
        var stalled = new WatchReader(site.OwnClient(), published);
        await stalled.BeginAsync(ct);
        await Task.WhenAll(readers.Select(reader => reader.BeginAsync(ct)));

        using var process = Process.GetCurrentProcess();
        var (cpu, held, begun) = (process.TotalProcessorTime, GC.GetTotalMemory(forceFullCollection: true), Stopwatch.GetTimestamp());
        using var late = CancellationTokenSource.CreateLinkedTokenSource(ct);
        late.CancelAfter(plan.Span + Rest);
        var reading = readers.Select(reader => Task.Run(() => reader.ReadAsync(plan.Changes, late.Token), ct)).ToArray();
        var behind = await ChangeAsync(site, plan, published, ct);
        await Task.WhenAll(reading);
        var (span, busy) = (Stopwatch.GetElapsedTime(begun), process.TotalProcessorTime - cpu);
        var kept = GC.GetTotalMemory(forceFullCollection: true) - held;

        await Task.Delay(TimeSpan.FromSeconds(Math.Max(0, (UntilCutOff - Stopwatch.GetElapsedTime(begun)).TotalSeconds)), ct);
        await stalled.ReadAsync(plan.Changes, late.Token);
        var cutOffAt = stalled.Numbers.Count;
        var error = stalled.Error;
        if (error?.GetRpcStatus()?.GetDetail<ErrorInfo>() is { } info && info.Metadata.TryGetValue("resume_token", out var token))
        {
            stalled.GoOn(token, ct);
            await stalled.ReadAsync(plan.Changes, late.Token);
        }

        return new(plan, readers, stalled, error, cutOffAt, behind, span, busy, kept);
    }

    // How far the last change was behind its time.
    private static async Task<TimeSpan> ChangeAsync(WatchSite site, WatchPlan plan, long[] published, CancellationToken ct)
    {
        var (begun, number) = (Stopwatch.GetTimestamp(), 0);
        while (number < plan.Changes)
        {
            var due = Math.Min(plan.Changes, (int)(Stopwatch.GetElapsedTime(begun).TotalSeconds * plan.Rate) + 1);
            while (number < due)
            {
                published[++number] = Stopwatch.GetTimestamp();
                site.Change(number % plan.Nodes, number);
            }

            await Task.Delay(TimeSpan.FromMilliseconds(Math.Max(1, 1000 / plan.Rate / 2)), ct);
        }

        return Stopwatch.GetElapsedTime(begun) - plan.Span;
    }
}

/// <summary>One watcher, and what it was told.</summary>
internal sealed class WatchReader(V1.NodeService.NodeServiceClient client, long[] published)
{
    private AsyncServerStreamingCall<V1.NodeChange>? _watch;

    /// <summary>Which changes, in the order told.</summary>
    internal List<int> Numbers { get; } = [];

    /// <summary>How long each took.</summary>
    internal List<TimeSpan> Took { get; } = [];

    /// <summary>What ended it early; null when nothing did.</summary>
    internal RpcException? Error { get; private set; }

    /// <summary>Takes the snapshot.</summary>
    internal async Task BeginAsync(CancellationToken ct)
    {
        GoOn("", ct);
        while (await _watch!.ResponseStream.MoveNext(ct) && _watch.ResponseStream.Current.Type != V1.ChangeType.Bookmark)
        {
        }
    }

    /// <summary>Watches on from a token.</summary>
    internal void GoOn(string token, CancellationToken ct) =>
        (_watch, Error) = (client.Watch(new V1.WatchNodesRequest { ResumeToken = token }, cancellationToken: ct), null);

    /// <summary>Takes changes until it has so many in all, or the watch ends.</summary>
    internal async Task ReadAsync(int count, CancellationToken ct)
    {
        try
        {
            while (Numbers.Count < count && await _watch!.ResponseStream.MoveNext(ct))
            {
                if (_watch.ResponseStream.Current is { Type: V1.ChangeType.Modified, Node: { } node })
                {
                    var number = int.Parse(node.Status.Revision, CultureInfo.InvariantCulture);
                    Numbers.Add(number);
                    Took.Add(Stopwatch.GetElapsedTime(published[number]));
                }
            }
        }
        catch (RpcException e)
        {
            Error = e;
        }
    }
}
