using System.Diagnostics;
using System.Globalization;

namespace Qm.Fleet.Benchmarks.Fuzz.Api;

/// <summary>The API under random calls: none is answered as a defect, none hangs, and the controller's heap stays as it is.</summary>
internal static class ApiFuzzRun
{
    private const long Warmup = 5_000;
    private const long MostGrowth = 32 << 20;

    /// <summary>Runs, and prints what came of it.</summary>
    /// <returns>0 when the heap stayed as it was.</returns>
    internal static async Task<int> RunAsync(long calls, int seed, long first, Action<string> print, CancellationToken ct)
    {
        await using var site = await ApiSite.StartAsync(ct);
        var fuzz = new ApiFuzz(site.Grpc, site.Rest, seed);
        await new ApiFuzz(site.Grpc, site.Rest, ~seed).RunAsync(Math.Min(Warmup, calls), 0, ct);
        var before = GC.GetTotalMemory(forceFullCollection: true);
        var start = Stopwatch.GetTimestamp();
        var answers = await fuzz.RunAsync(calls, first, ct);
        var growth = GC.GetTotalMemory(forceFullCollection: true) - before;
        print(string.Create(CultureInfo.InvariantCulture, $"{ApiFuzz.Name,-9} {calls,12:#,0} calls in {Stopwatch.GetElapsedTime(start).TotalSeconds:0} s; the heap grew by {growth / 1048576.0:0.0} MiB, from {before / 1048576.0:0.0}"));
        foreach (var (answer, count) in answers.OrderBy(static answer => answer.Key, StringComparer.Ordinal))
        {
            print(string.Create(CultureInfo.InvariantCulture, $"  {answer,-26} {count,10:#,0}"));
        }

        return growth <= MostGrowth ? 0 : 1;
    }
}
