using System.Collections.Concurrent;
using System.Diagnostics;
using Grpc.Core;

namespace Qm.Fleet.Benchmarks.Floods;

/// <summary>One flood, and a client beside it.</summary>
internal static class FloodRun
{
    /// <summary>Calls of the quiet client per second.</summary>
    internal const int Rate = 50;

    private const int Rounds = 4;
    private static readonly TimeSpan RunUp = TimeSpan.FromSeconds(4);
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    /// <summary>Measures a flood.</summary>
    /// <param name="site">Whose quiet client is measured.</param>
    /// <param name="beside">Another controller on the same machine, which the same flood is played on for comparison.</param>
    /// <param name="attack">Which flood.</param>
    /// <param name="span">How long each is measured.</param>
    /// <param name="ct">Ends it.</param>
    internal static async Task<FloodFigures> RunAsync(FloodSite site, FloodSite beside, string attack, TimeSpan span, CancellationToken ct)
    {
        // Nobody knows how fast what was never run is.
        await MeasureAsync(site, RunUp, ct);
        List<Waits> before = [], during = [], elsewhere = [];
        var (quiet, busy, held, told) = (Cost.None, Cost.None, site.Memory, "");
        // By turns, so that what else the machine does counts for all.
        for (var round = 0; round < Rounds; round++)
        {
            var (waits, cost) = await CostAsync(site, span / Rounds, ct);
            before.Add(waits);
            quiet += cost;

            (waits, cost, told) = await FloodAsync(site, site, attack, span / Rounds, ct);
            during.Add(waits);
            busy += cost;

            elsewhere.Add((await FloodAsync(site, beside, attack, span / Rounds, ct)).Waits);
        }

        return new(attack, Waits.Of(before), Waits.Of(during), Waits.Of(elsewhere), told, (quiet.Per(span), busy.Per(span)), (held, site.Memory));
    }

    private static async Task<(Waits Waits, Cost Cost, string Told)> FloodAsync(FloodSite site, FloodSite target, string attack, TimeSpan span, CancellationToken ct)
    {
        using var flood = target.Flood(attack);
        await MeasureAsync(site, RunUp, ct);
        var (waits, cost) = await CostAsync(site, span, ct);
        flood.StandardInput.Close();
        var told = (await flood.StandardOutput.ReadToEndAsync(ct)).Trim();
        await flood.WaitForExitAsync(ct);
        return (waits, cost, told);
    }

    private static async Task<(Waits Waits, Cost Cost)> CostAsync(FloodSite site, TimeSpan span, CancellationToken ct)
    {
        var before = await site.CostAsync(ct);
        var waits = await MeasureAsync(site, span, ct);
        return (waits, await site.CostAsync(ct) - before);
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
