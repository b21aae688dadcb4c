using System.Collections.Concurrent;
using System.Diagnostics;
using Grpc.Core;

namespace Qm.Fleet.Benchmarks.Floods;

/// <summary>One flood, and a client beside it.</summary>
internal static class FloodRun
{
    /// <summary>Calls of the quiet client per second.</summary>
    internal const int Rate = 100;

    private static readonly TimeSpan RunUp = TimeSpan.FromSeconds(4);
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    internal static async Task<FloodFigures> RunAsync(FloodSite site, string attack, TimeSpan span, CancellationToken ct)
    {
        // Nobody knows how fast what was never run is.
        await MeasureAsync(site, RunUp, ct);
        var cpu = site.Cpu;
        var before = await MeasureAsync(site, span, ct);
        var (quiet, held) = ((site.Cpu - cpu) / span, site.Memory);

        using var flood = site.Flood(attack);
        await MeasureAsync(site, RunUp, ct);
        cpu = site.Cpu;
        var during = await MeasureAsync(site, span, ct);
        var figures = ((site.Cpu - cpu) / span, site.Memory);
        flood.StandardInput.Close();
        var told = (await flood.StandardOutput.ReadToEndAsync(ct)).Trim();
        await flood.WaitForExitAsync(ct);
        return new(attack, before, during, told, (quiet, figures.Item1), (held, figures.Memory));
    }

    // Each call is counted from when it was due: a client that waits asks no less for it.
    private static async Task<Waits> MeasureAsync(FloodSite site, TimeSpan span, CancellationToken ct)
    {
        var (took, failed, running) = (new ConcurrentBag<TimeSpan>(), 0, new List<Task>());
        using var end = CancellationTokenSource.CreateLinkedTokenSource(ct);
        var changing = site.ChangeAsync(end.Token);
        var begun = Stopwatch.GetTimestamp();
        for (var number = 0; number < Rate * span.TotalSeconds; number++)
        {
            var due = TimeSpan.FromSeconds((double)number / Rate);
            var early = due - Stopwatch.GetElapsedTime(begun);
            if (early > TimeSpan.Zero)
            {
                await Task.Delay(early, ct);
            }

            running.Add(AskAsync(number, due));
        }

        await Task.WhenAll(running);
        await end.CancelAsync();
        await changing;
        return new([.. took.Order()], failed);

        async Task AskAsync(int number, TimeSpan due)
        {
            try
            {
                var deadline = DateTime.UtcNow + Patience;
                if (number % 10 == 0)
                {
                    await site.Nodes.ListAsync(new V1.ListNodesRequest { PageSize = 50 }, deadline: deadline, cancellationToken: ct);
                }
                else
                {
                    await site.Nodes.GetAsync(new V1.GetNodeRequest { Name = FloodSite.Name(number % site.Count) }, deadline: deadline, cancellationToken: ct);
                }
            }
            catch (RpcException)
            {
                Interlocked.Increment(ref failed);
            }

            took.Add(Stopwatch.GetElapsedTime(begun) - due);
        }
    }
}
