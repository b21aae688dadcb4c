using System.Diagnostics;

namespace Qm.Fleet.Benchmarks.Cli;

/// <summary>Runs of one program, one after the other.</summary>
/// <param name="program">qmfleet.</param>
/// <param name="server">As --server takes it.</param>
internal sealed class CliBench(string program, string server)
{
    /// <summary>Measures in turns, so that a busy moment of the machine meets all of them.</summary>
    internal async Task<(Spread Nothing, Spread Version, Spread Get)> MeasureAsync(int rounds, CancellationToken ct)
    {
        var (nothing, version, get) = (new List<TimeSpan>(), new List<TimeSpan>(), new List<TimeSpan>());
        for (var round = -1; round < rounds; round++)
        {
            var times = (await RunAsync("/bin/true", [], ct), await RunAsync(program, ["version", "--client"], ct), await RunAsync(program, ["get", "nodes", "--server", server], ct));

            // The first of all reads the program from the disk.
            if (round >= 0)
            {
                nothing.Add(times.Item1);
                version.Add(times.Item2);
                get.Add(times.Item3);
            }
        }

        return (Spread.Of(nothing), Spread.Of(version), Spread.Of(get));
    }

    private static async Task<TimeSpan> RunAsync(string file, string[] arguments, CancellationToken ct)
    {
        var started = Stopwatch.GetTimestamp();
        using var process = Process.Start(new ProcessStartInfo(file, arguments) { RedirectStandardOutput = true, RedirectStandardError = true })!;
        var (output, error) = (process.StandardOutput.ReadToEndAsync(ct), process.StandardError.ReadToEndAsync(ct));
        await process.WaitForExitAsync(ct);
        var took = Stopwatch.GetElapsedTime(started);
        await output;
        return process.ExitCode == 0 ? took : throw new InvalidOperationException($"{file} {string.Join(' ', arguments)} ended with {process.ExitCode}: {await error}");
    }

    /// <summary>How long runs took.</summary>
    internal sealed record Spread(TimeSpan Least, TimeSpan Median, TimeSpan P90)
    {
        internal static Spread Of(List<TimeSpan> times)
        {
            times.Sort();
            return new(times[0], times[times.Count / 2], times[times.Count * 9 / 10]);
        }

        public override string ToString() => FormattableString.Invariant($"least {Least.TotalMilliseconds,6:0.0} ms   median {Median.TotalMilliseconds,6:0.0} ms   p90 {P90.TotalMilliseconds,6:0.0} ms");
    }
}
