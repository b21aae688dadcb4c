using System.Globalization;
using Qm.Fleet.Core.Environments;

namespace Qm.Fleet.Core.Supervision;

/// <summary>How often something may be done within a time that moves along.</summary>
/// <param name="Count">How often, 1 to <see cref="CountMax"/>.</param>
/// <param name="Window">Within how long, 1 second to 7 days.</param>
public readonly record struct RestartBudget(int Count, TimeSpan Window)
{
    /// <summary>The most that a budget may allow.</summary>
    public const int CountMax = 1000;

    /// <summary>Reads <c>5 per 10m</c>.</summary>
    /// <param name="text">The text.</param>
    /// <param name="budget">What was read.</param>
    /// <param name="problem">What is wrong with it; null when nothing is.</param>
    public static bool TryParse(string text, out RestartBudget budget, out string? problem)
    {
        var parts = text.Split(" per ", 2, StringSplitOptions.TrimEntries);
        var isCount = int.TryParse(parts[0], NumberStyles.None, CultureInfo.InvariantCulture, out var count);
        var window = TimeSpan.Zero;
        string? windowProblem = null;
        var isWindow = parts.Length == 2 && Durations.TryParse(parts[1], out window, out windowProblem);
        budget = new(count, window);
        problem = !isCount || parts.Length < 2 ? $"\"{text}\" is not a budget; expected a number and a time, such as 5 per 10m"
            : !isWindow ? windowProblem
            : count is < 1 or > CountMax ? $"\"{text}\" allows {count}; expected 1 to {CountMax}"
            : window < TimeSpan.FromSeconds(1) || window > Durations.Longest ? $"\"{text}\" counts over {Durations.Text(window)}; expected 1s to 7d"
            : null;
        return problem is null;
    }

    /// <summary>How much of it is used up.</summary>
    /// <param name="times">When what it is for was done.</param>
    /// <param name="now">The time.</param>
    public int Used(IEnumerable<DateTimeOffset> times, DateTimeOffset now) => Counting(times, now).Count();

    /// <summary>Those of some times that still count, oldest first; one that lies ahead, because a clock was set, counts as now.</summary>
    internal IEnumerable<DateTimeOffset> Counting(IEnumerable<DateTimeOffset> times, DateTimeOffset now)
    {
        var since = now - Window;
        return times.Where(time => time > since).Select(time => time > now ? now : time).Order();
    }

    /// <summary>When there is room for one more; the present when there is now.</summary>
    internal DateTimeOffset Room(IReadOnlyCollection<DateTimeOffset> counting, DateTimeOffset now) =>
        counting.Count < Count ? now : counting.ElementAt(counting.Count - Count) + Window;

    /// <inheritdoc/>
    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{Count} per {Durations.Text(Window)}");
}
