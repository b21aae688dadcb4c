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

    internal static async Task<FloodFigures> RunAsync(FloodSite site, string attack, TimeSpan span, CancellationToken ct)
    {
        // Nobody knows how fast what was never run is.
        await MeasureAsync(site, RunUp, ct);
        List<Waits> before = [], during = [];
        var (quiet, busy, held, told) = (TimeSpan.Zero, TimeSpan.Zero, site.Memory, "");
        // By turns, so that what else the machine does counts for both.
        for (var round = 0; round < Rounds; round++)
        {
            var cpu = site.Cpu;
            before.Add(await MeasureAsync(site, span / Rounds, ct));
            quiet += site.Cpu - cpu;

            using var flood = site.Flood(attack);
            await MeasureAsync(site, RunUp, ct);
            cpu = site.Cpu;
            during.Add(await MeasureAsync(site, span / Rounds, ct));
            busy += site.Cpu - cpu;
            flood.StandardInput.Close();
            told = (await flood.StandardOutput.ReadToEndAsync(ct)).Trim();
            await flood.WaitForExitAsync(ct);
        }

        return new(attack, Waits.Of(before), Waits.Of(during), told, (quiet / span, busy / span), (held, site.Memory));
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
