using System.Collections.Immutable;
using System.Diagnostics.CodeAnalysis;
using System.Globalization;

namespace Qm.Fleet.Core.Rollouts;

/// <summary>Times of the week at which nodes may be disrupted, by the clock on the wall of one place.</summary>
/// <remarks>
/// What the clock shows decides: an hour that it skips in spring is no part of a window, and one that it shows twice in autumn is so twice.
/// A window that ends before it begins goes on past midnight and belongs to the day on which it began.
/// </remarks>
/// <param name="Days">Days on which it begins.</param>
/// <param name="From">When it begins.</param>
/// <param name="To">When it ends; not part of it.</param>
/// <param name="Zone">The place.</param>
public sealed record MaintenanceWindow(ImmutableSortedSet<DayOfWeek> Days, TimeOnly From, TimeOnly To, TimeZoneInfo Zone)
{
    private const string Expected = "expected days, times and a time zone, such as \"Mon-Fri 01:00-04:00 Europe/Berlin\"";
    private static readonly string[] DayNames = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"];

    /// <summary>Reads <c>Mon-Fri 01:00-04:00 Europe/Berlin</c>; days may be a list, ranges may pass the end of the week, and without days or a zone it is every day and UTC.</summary>
    /// <param name="text">The text.</param>
    /// <param name="window">What was read.</param>
    /// <param name="problem">What is wrong with it; null when nothing is.</param>
    public static bool TryParse(string text, [NotNullWhen(true)] out MaintenanceWindow? window, [NotNullWhen(false)] out string? problem)
    {
        window = null;
        var words = text.Split(' ', StringSplitOptions.RemoveEmptyEntries);
        var times = Array.FindIndex(words, word => word.Contains(':', StringComparison.Ordinal));
        if (times is < 0 or > 1 || words.Length > times + 2)
        {
            problem = $"\"{text}\" is not a window; {Expected}";
            return false;
        }

        var (days, from, to, zone) = (ImmutableSortedSet<DayOfWeek>.Empty, default(TimeOnly), default(TimeOnly), TimeZoneInfo.Utc);
        problem = ReadDays(times == 0 ? "*" : words[0], ref days) ?? ReadTimes(words[times], ref from, ref to) ?? ReadZone(words.ElementAtOrDefault(times + 1) ?? "UTC", ref zone);
        if (problem is not null)
        {
            return false;
        }

        window = new(days, from, to, zone);
        return true;
    }

    /// <summary>Whether the window is open.</summary>
    public bool IsOpen(DateTimeOffset now)
    {
        var local = TimeZoneInfo.ConvertTime(now, Zone).DateTime;
        var (time, today) = (TimeOnly.FromDateTime(local), local.DayOfWeek);
        return From < To
            ? time >= From && time < To && Days.Contains(today)
            : (time >= From && Days.Contains(today)) || (time < To && Days.Contains(Before(today)));
    }

    /// <summary>When the window opens next; now when it is open.</summary>
    public DateTimeOffset Opens(DateTimeOffset now)
    {
        if (IsOpen(now))
        {
            return now;
        }

        var today = TimeZoneInfo.ConvertTime(now, Zone).Date;
        // A week, and one more for a day whose window falls into the hour that the clock skips.
        return Enumerable.Range(0, 15).Select(day => At(today.AddDays(day) + From.ToTimeSpan())).First(begin => begin > now && IsOpen(begin));
    }

    /// <inheritdoc/>
    public override string ToString() =>
        string.Create(CultureInfo.InvariantCulture, $"{(Days.Count == 7 ? "" : DaysText() + " ")}{From:HH\\:mm}-{To:HH\\:mm} {Zone.Id}");

    /// <inheritdoc/>
    public bool Equals(MaintenanceWindow? other) =>
        other is not null && Days.SetEquals(other.Days) && (From, To, Zone.Id) == (other.From, other.To, other.Zone.Id);

    /// <inheritdoc/>
    public override int GetHashCode() => HashCode.Combine(Days.Count, From, To, Zone.Id);

    // Three and more in a row are a range; the week begins on Monday.
    private string DaysText()
    {
        var days = Days.OrderBy(day => ((int)day + 6) % 7).ToArray();
        var isRange = days.Length > 2 && ((int)days[^1] + 6) % 7 - ((int)days[0] + 6) % 7 == days.Length - 1;
        return isRange ? $"{DayNames[(int)days[0]]}-{DayNames[(int)days[^1]]}" : string.Join(',', days.Select(day => DayNames[(int)day]));
    }

    // The first moment at which the clock shows that time; where it skips it, the first moment after the gap.
    private DateTimeOffset At(DateTime local)
    {
        if (!Zone.IsInvalidTime(local))
        {
            return new(local, Zone.IsAmbiguousTime(local) ? Zone.GetAmbiguousTimeOffsets(local).Max() : Zone.GetUtcOffset(local));
        }

        var after = Enumerable.Range(1, 24 * 60).Select(minutes => local.AddMinutes(minutes)).First(later => !Zone.IsInvalidTime(later));
        return new(after, Zone.GetUtcOffset(after));
    }

    private static DayOfWeek Before(DayOfWeek day) => (DayOfWeek)(((int)day + 6) % 7);

    private static string? ReadDays(string text, ref ImmutableSortedSet<DayOfWeek> days)
    {
        if (text == "*")
        {
            days = [.. Enum.GetValues<DayOfWeek>()];
            return null;
        }

        foreach (var range in text.Split(','))
        {
            var ends = range.Split('-');
            var (first, last) = (Array.IndexOf(DayNames, ends[0]), Array.IndexOf(DayNames, ends[^1]));
            if (ends.Length > 2 || first < 0 || last < 0)
            {
                return $"\"{range}\" is not a day or a range of days; expected {string.Join(", ", DayNames)}, or such as Mon-Fri";
            }

            days = days.Union(Enumerable.Range(0, ((last - first + 7) % 7) + 1).Select(step => (DayOfWeek)((first + step) % 7)));
        }

        return null;
    }

    private static string? ReadTimes(string text, ref TimeOnly from, ref TimeOnly to)
    {
        var ends = text.Split('-');
        if (ends.Length != 2
            || !TimeOnly.TryParseExact(ends[0], "HH:mm", CultureInfo.InvariantCulture, DateTimeStyles.None, out from)
            || !TimeOnly.TryParseExact(ends[1] == "24:00" ? "00:00" : ends[1], "HH:mm", CultureInfo.InvariantCulture, DateTimeStyles.None, out to))
        {
            return $"\"{text}\" is not a range of times; expected such as 01:00-04:00";
        }

        return from == to && ends[1] != "24:00" ? $"\"{text}\" never opens, because it ends when it begins" : null;
    }

    private static string? ReadZone(string text, ref TimeZoneInfo zone)
    {
        if (!TimeZoneInfo.TryFindSystemTimeZoneById(text, out var found))
        {
            return $"\"{text}\" is not a time zone known here; expected a name such as Europe/Berlin or UTC";
        }

        zone = found;
        return null;
    }
}
