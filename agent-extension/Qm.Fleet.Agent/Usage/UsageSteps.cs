using Qm.Fleet.V1;

namespace Qm.Fleet.Agent.Usage;

/// <summary>Which samples are asked for, and how coarsely.</summary>
/// <param name="From">Nothing older, before now; null for everything.</param>
/// <param name="To">Nothing younger, before now.</param>
/// <param name="Step">Samples within it become one point; zero for every sample by itself.</param>
/// <param name="Limit">At most so many points of each series, the newest.</param>
/// <param name="Unit">Only of this unit; empty for all.</param>
internal sealed record UsageQuery(TimeSpan? From, TimeSpan To, TimeSpan Step, int Limit, string Unit)
{
    private const long MillisecondsMax = 366L * 24 * 60 * 60 * 1000;

    /// <summary>The query of a command; what is out of bounds is brought within them.</summary>
    public static UsageQuery Of(ReadUsage command) => new(
        command.FromMsAgo > 0 ? Milliseconds(command.FromMsAgo) : null, Milliseconds(command.ToMsAgo), Milliseconds(command.StepMs),
        Math.Clamp(command.Limit, 1, UsageHistory.Capacity), command.Unit);

    private static TimeSpan Milliseconds(long number) => TimeSpan.FromMilliseconds(Math.Clamp(number, 0, MillisecondsMax));
}

/// <summary>Makes points of samples: means over the time back to the sample before, and the most of what goes up and down.</summary>
internal static class UsageSteps
{
    /// <summary>The points of one series.</summary>
    /// <param name="samples">Of one cgroup, oldest first.</param>
    /// <param name="query">Which; its unit does not count.</param>
    /// <param name="ago">How long ago a timestamp was.</param>
    public static IReadOnlyList<UsagePoint> Points(IReadOnlyList<UsageSample> samples, UsageQuery query, Func<long, TimeSpan> ago)
    {
        List<UsagePoint> points = [];
        var ages = samples.Select(sample => ago(sample.At)).ToArray();
        for (var first = 0; first < samples.Count;)
        {
            var last = first;
            while (last + 1 < samples.Count && query.Step > TimeSpan.Zero && StepOf(ages[last + 1]) == StepOf(ages[first]) && IsAsked(ages[first]))
            {
                last++;
            }

            if (IsAsked(ages[first]))
            {
                points.Add(Point(samples, first, last, (long)ages[last].TotalMilliseconds, ago));
            }

            first = last + 1;
        }

        return points.Count <= query.Limit ? points : points[^query.Limit..];

        bool IsAsked(TimeSpan age) => age >= query.To && (query.From is not { } from || age <= from);
        long StepOf(TimeSpan age) => (long)Math.Floor((age - query.To) / query.Step);
    }

    private static UsagePoint Point(IReadOnlyList<UsageSample> samples, int first, int last, long agoMs, Func<long, TimeSpan> ago)
    {
        // The first samples of a cgroup have none before them: what they grew among themselves is all that is known.
        var (before, now) = (samples[Math.Max(first - 1, 0)], samples[last]);
        var window = ago(before.At) - ago(now.At);
        var point = new UsagePoint { AgoMs = agoMs, WindowMs = (long)window.TotalMilliseconds };
        if (window > TimeSpan.Zero)
        {
            now.WriteRates(point, before, window);
        }

        var all = samples.Skip(first).Take(last - first + 1);
        if (all.Max(sample => sample.MemoryBytes) is { } memory)
        {
            point.MemoryCurrent = memory;
        }

        if (all.Max(sample => sample.Pids) is { } pids)
        {
            point.PidsCurrent = pids;
        }

        return point;
    }
}
