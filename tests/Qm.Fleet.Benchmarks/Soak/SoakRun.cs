using System.Diagnostics;
using System.Globalization;

namespace Qm.Fleet.Benchmarks.Soak;

/// <summary>Hours of a node's life, one after the other; afterwards the client holds what it held before.</summary>
internal static class SoakRun
{
    /// <summary>Lives so many hours, after one that is not counted.</summary>
    /// <returns>0, or 1 when something has grown.</returns>
    internal static async Task<int> RunAsync(int hours, TimeSpan duration, Action<string> print, CancellationToken ct)
    {
        await using var site = await SoakSite.StartAsync(ct);
        var day = new NodeDay(site);
        await day.HourAsync(0, ct);
        await day.HourAsync(1, ct);
        day.Counts.Clear();
        var (before, signals) = (await Footprint.TakeAsync(site, ct), site.Signals);
        print($"before  {before}");
        using var pace = new PeriodicTimer(duration / hours > TimeSpan.FromMilliseconds(1) ? duration / hours : TimeSpan.FromMilliseconds(1));
        var start = Stopwatch.GetTimestamp();
        for (var hour = 0; hour < hours; hour++)
        {
            await day.HourAsync(hour, ct);
            await pace.WaitForNextTickAsync(ct);
        }

        var after = await Footprint.TakeAsync(site, ct);
        print($"after   {after}");
        print(string.Create(CultureInfo.InvariantCulture,
            $"{hours} hours in {Stopwatch.GetElapsedTime(start).TotalMinutes:0.0} minutes: {string.Join(", ", day.Counts.Select(count => $"{count.Value} {count.Key}"))}, {site.Signals - signals} hints"));
        var grown = after.GrownSince(before);
        print(grown.Count == 0 ? "nothing has grown" : string.Join(Environment.NewLine, grown));
        return grown.Count == 0 ? 0 : 1;
    }
}
